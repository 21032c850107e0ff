/** Prints the sample file: `node dist/generate.js > transfers.csv` reproduces it byte for byte. */
import { sampleTransfers } from "./sample-transfers.ts";

process.stdout.write(`${[...sampleTransfers()].join("\n")}\n`);
