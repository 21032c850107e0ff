/**
 * Free ports on loopback for the replicas.
 *
 * A replica that was killed comes back on its old port. The system hands out ephemeral ports
 * (32768 and up) to any outgoing connection in between, so ports are taken from below that range.
 */
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { DemoError } from "./errors.ts";

/** The address that everything in this demo listens on. */
export const loopback = "127.0.0.1";

const firstPort = 20_000;
const afterLastPort = 32_000;
const attempts = 200;

/** Finds `count` different ports that nobody listens on now. Rejects with `DemoError`. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  for (let attempt = 0; ports.size < count; attempt++) {
    if (attempt === attempts) {
      throw new DemoError(`no ${count} free ports on ${loopback} after ${attempts} attempts`);
    }
    const port = randomInt(firstPort, afterLastPort);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, loopback);
  try {
    await once(server, "listening");
    return true;
  } catch {
    return false;
  } finally {
    await new Promise((closed) => server.close(closed));
  }
}
