#!/usr/bin/env node
/** The command `troupe`: what it does is in `src/command.ts`. */
import { runCommand } from "../dist/command.js";

const { text, exitCode } = await runCommand(process.argv.slice(2));
(exitCode === 2 ? process.stderr : process.stdout).write(`${text}\n`);
process.exitCode = exitCode;
