/** What tests with real processes share: which programs they run, and whether one still lives. */
import { fileURLToPath } from "node:url";

/** A program that speaks a replica's messages and does nothing else. */
export const stubEntry = fileURLToPath(new URL("./stub-replica.mjs", import.meta.url));

/** The built replica. */
export const replicaEntry = fileURLToPath(new URL("../../dist/replica.js", import.meta.url));

/** The built demo. */
export const demoEntry = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

/** True while a process of that id exists. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
