/**
 * Ra, of RabbitMQ's server: three Erlang nodes with their logs on disk. It is looked for where
 * Debian's package `rabbitmq-server` puts it, or in the folder that RA_PLUGINS names.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runBeam } from "../remote-sides/beam.ts";

const packaged = "/usr/lib/rabbitmq/lib";

const plugins = process.env.RA_PLUGINS ?? join(packaged, installed(), "plugins");
const directory = mkdtempSync(join(tmpdir(), "troupe-bench-"));
runBeam("ra0", "ra.exs", [plugins, directory], () => rmSync(directory, { recursive: true }));

/** The folder of the version that is installed; a name that is not there without one. */
function installed(): string {
  try {
    return readdirSync(packaged).find((name) => name.startsWith("rabbitmq_server-")) ?? "none";
  } catch {
    return "none";
  }
}
