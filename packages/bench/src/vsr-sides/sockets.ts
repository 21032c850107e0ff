/**
 * The bare side: three programs that agree over `ws` and cbor-x, with everything left out that
 * makes a replica safe (see `sockets-replica.ts`). It has what the core alone has not: sockets.
 */
import { once } from "node:events";
import { Encoder } from "cbor-x";
import { WebSocket } from "ws";
import { ServerProcess } from "../remote-sides/server-process.ts";
import { serve } from "../sides/serve.ts";
import type { Operation } from "./sockets-replica.ts";
import { payloadBytes, type Trio, vsrRows } from "./vsr-loads.ts";

const program = "../vsr-sides/sockets-replica";
const codec = new Encoder({ useRecords: false });
const keys = 1000;

class SocketTrio implements Trio {
  readonly #socket: WebSocket;
  readonly #payload = Buffer.alloc(payloadBytes, 97);
  #last = 0;
  #depth = 0;
  #sent = 0;
  #answered = 0;
  #out: Operation[] = [];
  #isDue = false;
  #done: () => void = () => {};

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data: Buffer) => this.#take(codec.decode(data) as number[]));
  }

  static async start(): Promise<SocketTrio> {
    const backups = await Promise.all(["1", "2"].map((at) => ServerProcess.start(program, at)));
    const urls = backups.map(({ address }) => address);
    const primary = await ServerProcess.start(program, "0", ...urls);
    const socket = new WebSocket(primary.address, { perMessageDeflate: false });
    await once(socket, "open");
    return new SocketTrio(socket);
  }

  async run(operations: number, depth: number): Promise<number> {
    const before = this.#answered;
    this.#last = this.#sent + operations;
    this.#depth = depth;
    await new Promise<void>((resolve) => {
      this.#done = resolve;
      this.#fill();
    });
    return this.#answered - before;
  }

  #fill(): void {
    while (this.#sent < this.#last && this.#sent - this.#answered < this.#depth) {
      this.#out.push([this.#sent, `k${this.#sent % keys}`, this.#payload]);
      this.#sent += 1;
    }
    if (this.#isDue || this.#out.length === 0) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      this.#socket.send(codec.encode(this.#out));
      this.#out = [];
    });
  }

  #take(numbers: readonly number[]): void {
    for (const number of numbers) {
      if (number !== this.#answered) throw new Error(`expected ${this.#answered}, got ${number}`);
      this.#answered += 1;
    }
    if (this.#answered === this.#last) this.#done();
    else this.#fill();
  }
}

await serve({ trio: () => SocketTrio.start() }, vsrRows);
