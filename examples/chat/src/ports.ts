/** Free ports on loopback for the rehearsal, so that it disturbs no chat that is going on. */
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * The first of so many free ports in a row. They lie below those that the system gives to outgoing
 * connections, so that a node which was killed finds its port free again.
 */
export async function freeBasePort(count: number): Promise<number> {
  for (;;) {
    const base = randomInt(20_000, 32_000 - count);
    const ports = Array.from({ length: count }, (_, offset) => base + offset);
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) return base;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
    return true;
  } catch {
    return false;
  } finally {
    await new Promise((closed) => server.close(closed));
  }
}
