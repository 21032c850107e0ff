/**
 * Three bare programs that agree over `ws` and cbor-x, with everything left out that makes a
 * replica safe (see `sockets-replica.ts`), and their client. What they have is sockets and, if
 * they are given files, a disk.
 */
import { once } from "node:events";
import { Encoder } from "cbor-x";
import { WebSocket } from "ws";
import { ServerProcess } from "../remote-sides/server-process.ts";
import type { Operation } from "./sockets-replica.ts";
import { payloadBytes, type Trio } from "./vsr-loads.ts";

/** In place of a file: what is written is durable at once. */
const noFile = "-";

const program = "../vsr-sides/sockets-replica";
const codec = new Encoder({ useRecords: false });
const keys = 1000;

export class SocketTrio implements Trio {
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

  /** Starts the three, with a file for each or without any. */
  static async start(files: readonly string[] = [noFile, noFile, noFile]): Promise<SocketTrio> {
    const [own = noFile, ...others] = files;
    const backups = await Promise.all(
      others.map((file, at) => ServerProcess.start(program, `${at + 1}`, file)),
    );
    const urls = backups.map(({ address }) => address);
    const primary = await ServerProcess.start(program, "0", own, ...urls);
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
