/**
 * What every transport promises, as one suite. A transport's own test file calls it with a way to
 * make a network of it; `reach` is the address at which the listener can be dialled.
 */
import { describe, expect, test } from "vitest";
import type { Listener, Socket, Transport } from "../../src/transport/transport.ts";

export interface TransportBench {
  /** The transport of the node that listens, and that of the one that dials. */
  readonly server: Transport;
  readonly client: Transport;
  /** An address at which nobody listens. */
  readonly nowhere: string;
  /** Lets everything that is under way arrive; never waits for a duration. */
  settle(): Promise<void>;
  /** Sockets and listeners that a test leaves behind are closed here. */
  end(): Promise<void>;
}

/** Events of a socket, awaitable one by one. */
class Ear {
  readonly messages: Buffer[] = [];
  closedCount = 0;
  #waiting: (() => void)[] = [];

  constructor(socket: Socket) {
    socket.open({
      message: (bytes) => this.#note(() => this.messages.push(Buffer.from(bytes))),
      closed: () => this.#note(() => (this.closedCount += 1)),
    });
  }

  async heard(count: number): Promise<Buffer[]> {
    while (this.messages.length < count) await this.#next();
    return this.messages;
  }

  async closed(): Promise<void> {
    while (this.closedCount === 0) await this.#next();
  }

  #note(change: () => void): void {
    change();
    for (const resume of this.#waiting.splice(0)) resume();
  }

  #next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

export function transportContract(name: string, makeBench: () => TransportBench): void {
  describe(`${name}, as a transport:`, () => {
    const never = new AbortController().signal;

    async function connect(run: (pair: Pair) => Promise<void>): Promise<void> {
      const bench = makeBench();
      const accepted: Socket[] = [];
      let onAccept: () => void = () => {};
      const listener = await bench.server.listen({ host: "127.0.0.1", port: 0 }, (socket) => {
        accepted.push(socket);
        onAccept();
      });
      try {
        const one = new Promise<void>((resolve) => {
          onAccept = resolve;
        });
        const dialled = await bench.client.dial(listener.url, never);
        await one;
        const peer = accepted[0] as Socket;
        const pair = { bench, listener, dialled, accepted: peer, in: new Ear(dialled) };
        await run({ ...pair, out: new Ear(peer) });
      } finally {
        for (const socket of accepted) socket.terminate();
        await listener.close();
        await bench.end();
      }
    }

    interface Pair {
      readonly bench: TransportBench;
      readonly listener: Listener;
      readonly dialled: Socket;
      readonly accepted: Socket;
      /** What the dialler hears, and what the acceptor hears. */
      readonly in: Ear;
      readonly out: Ear;
    }

    test("messages arrive whole and in order, in both directions", () =>
      connect(async ({ dialled, accepted, in: inward, out }) => {
        accepted.admit();
        for (let n = 0; n < 100; n++) dialled.send(Buffer.from([n]));
        for (let n = 0; n < 100; n++) accepted.send(Buffer.from([n, n]));
        expect((await out.heard(100)).map((m) => m[0])).toEqual([...Array(100).keys()]);
        expect((await inward.heard(100)).map((m) => m.length)).toEqual(Array(100).fill(2));
      }));

    test("a large message arrives unharmed", () =>
      connect(async ({ dialled, accepted, out }) => {
        accepted.admit();
        const large = Buffer.alloc(500_000, 7);
        dialled.send(large);
        expect((await out.heard(1))[0]?.equals(large)).toBe(true);
      }));

    test("the sender's bytes are not changed, and may be sent twice", () =>
      connect(async ({ dialled, out }) => {
        const bytes = Buffer.from("same");
        dialled.send(bytes);
        dialled.send(bytes);
        await out.heard(2);
        expect(bytes.toString()).toBe("same");
        expect(out.messages.map(String)).toEqual(["same", "same"]);
      }));

    test("a message that has left is told, in order, and not from within the call", () =>
      connect(async ({ dialled, out }) => {
        const told: string[] = [];
        const all = new Promise<void>((resolve) => {
          dialled.send(Buffer.alloc(4000), () =>
            told.push(`first ${dialled.bufferedBytes < 4000}`),
          );
          dialled.send(Buffer.from("x"), () => {
            told.push(`second ${dialled.bufferedBytes}`);
            resolve();
          });
        });
        expect(told).toEqual([]);
        await Promise.all([all, out.heard(2)]);
        expect(told).toEqual(["first true", "second 0"]);
      }));

    test("whoever waits for messages to leave can send as much as it likes in a small window", () =>
      connect(async ({ dialled, accepted, out }) => {
        accepted.admit();
        let left = 200;
        let most = 0;
        const next = () => {
          if (left-- <= 0) return;
          dialled.send(Buffer.alloc(64 * 1024, left), next);
          most = Math.max(most, dialled.bufferedBytes);
        };
        next();
        next();
        const heard = await out.heard(200);
        expect(heard.map((m) => m[0])).toEqual(Array.from({ length: 200 }, (_, n) => 199 - n));
        expect(most).toBeLessThan(3 * 64 * 1024);
      }));

    test("a closing socket sends what it was given first", () =>
      connect(async ({ dialled, in: inward, out }) => {
        dialled.send(Buffer.from("last words"));
        dialled.close();
        await Promise.all([out.closed(), inward.closed()]);
        expect(out.messages.map(String)).toEqual(["last words"]);
      }));

    test("a terminated socket is closed on both sides, each told once", () =>
      connect(async ({ accepted, in: inward, out, bench }) => {
        accepted.terminate();
        accepted.terminate();
        await Promise.all([out.closed(), inward.closed()]);
        await bench.settle();
        expect([inward.closedCount, out.closedCount]).toEqual([1, 1]);
      }));

    test("the end is never told from within the call that caused it", () =>
      connect(async ({ dialled, in: inward }) => {
        dialled.terminate();
        expect(inward.closedCount).toBe(0);
        await inward.closed();
      }));

    test("sending on a closed socket does nothing", () =>
      connect(async ({ dialled, in: inward }) => {
        dialled.terminate();
        await inward.closed();
        dialled.send(Buffer.from("x"));
        expect(dialled.bufferedBytes).toBe(0);
      }));

    test("a socket that was closed before it was opened says so", async () => {
      const bench = makeBench();
      const listener = await bench.server.listen({ host: "127.0.0.1", port: 0 }, () => {});
      const dialled = await bench.client.dial(listener.url, never);
      dialled.terminate();
      await bench.settle();
      await new Ear(dialled).closed();
      await listener.close();
      await bench.end();
    });

    test("an accepted socket that was not admitted may send only a little", () =>
      connect(async ({ dialled, in: inward, out }) => {
        for (let n = 0; n < 200; n++) dialled.send(Buffer.alloc(1024));
        await Promise.all([out.closed(), inward.closed()]);
        expect(out.messages.length).toBeLessThan(100);
      }));

    test("an address where nobody listens cannot be dialled", async () => {
      const bench = makeBench();
      await expect(bench.client.dial(bench.nowhere, never)).rejects.toMatchObject({
        code: "ERR_CONNECTION_LOST",
        outcome: "not_run",
      });
      await bench.end();
    });

    test("what is no address cannot be dialled", async () => {
      const bench = makeBench();
      await expect(bench.client.dial("ftp://x/", never)).rejects.toMatchObject({
        code: "ERR_CONNECTION_LOST",
      });
      await bench.end();
    });

    test("an aborted dial rejects, before it began or while it is under way", async () => {
      const bench = makeBench();
      const listener = await bench.server.listen({ host: "127.0.0.1", port: 0 }, () => {});
      const lost = { code: "ERR_CONNECTION_LOST", outcome: "not_run" };
      await expect(bench.client.dial(listener.url, AbortSignal.abort())).rejects.toMatchObject(
        lost,
      );
      const abort = new AbortController();
      const dialled = bench.client.dial(listener.url, abort.signal);
      abort.abort();
      await expect(dialled).rejects.toMatchObject(lost);
      await listener.close();
      await bench.end();
    });

    test("nobody can listen where somebody listens, until that one has closed", async () => {
      const bench = makeBench();
      const first = await bench.server.listen({ host: "127.0.0.1", port: 0 }, () => {});
      const port = Number(new URL(first.url).port);
      const again = () => bench.server.listen({ host: "127.0.0.1", port }, () => {});
      await expect(again()).rejects.toMatchObject({
        code: "ERR_LISTEN",
        message: `cannot listen on 127.0.0.1:${port}: the port is in use`,
      });
      await first.close();
      await (await again()).close();
      await bench.end();
    });

    test("sockets outlive the listener that accepted them", () =>
      connect(async ({ listener, dialled, accepted, out }) => {
        accepted.admit();
        await listener.close();
        dialled.send(Buffer.from("still here"));
        expect((await out.heard(1)).map(String)).toEqual(["still here"]);
      }));

    test("a deferred flush is called later, and not at once", async () => {
      const bench = makeBench();
      let called = false;
      const flushed = new Promise<void>((resolve) => {
        bench.client.defer(() => {
          called = true;
          resolve();
        });
      });
      expect(called).toBe(false);
      await flushed;
      await bench.end();
    });
  });
}
