// Stands in for a replica process: it speaks the same messages and holds nothing. What it does
// after the start message is chosen by the first line of the file "behaviour" in its storage.
import { existsSync, readFileSync } from "node:fs";

process.on("SIGINT", () => {});
process.once("disconnect", () => process.exit(0));
process.once("message", ({ settings }) => {
  const file = `${settings.storage}-behaviour`;
  const behaviour = existsSync(file) ? readFileSync(file, "utf8") : "ready";
  if (behaviour === "ready") process.send({ type: "ready" });
  if (behaviour === "failed") {
    process.send({ type: "failed", message: "the port is in use" }, () => process.exit(1));
  }
  if (behaviour === "crash") {
    process.stderr.write("first line\nout of memory\n", () => process.exit(7));
  }
});
