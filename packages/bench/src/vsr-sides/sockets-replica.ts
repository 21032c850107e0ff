/**
 * One replica of the bare side: `sockets-replica.js INDEX FILE [URL …]`. The primary, 0, is given
 * the addresses of the others; it makes a batch of what one turn brings, has at most eight under
 * way, and answers when one backup has said that it has it. With a file, `-` for none, a batch
 * counts once it is synced. No view, no log that is ever read, no checksum, no client table: what
 * is left when everything is left out.
 */
import { once } from "node:events";
import { fdatasync, openSync, writev } from "node:fs";
import type { AddressInfo } from "node:net";
import { Encoder } from "cbor-x";
import { WebSocket, WebSocketServer } from "ws";
import { serveSide } from "../remote-sides/server-process.ts";

/** An operation: its number, a key and a value. */
export type Operation = readonly [number: number, key: string, value: Uint8Array];
type Prepare = readonly [op: number, commit: number, operations: readonly Operation[]];

const pipelineMax = 8;
const quorum = 2;

const codec = new Encoder({ useRecords: false });
const state = new Map<string, Uint8Array>();
const log = new Map<number, readonly Operation[]>();
let commit = 0;

/** Runs the next op; the numbers of its operations. */
function commitNext(): number[] {
  commit += 1;
  const operations = log.get(commit) ?? [];
  log.delete(commit);
  return operations.map(([number, key, value]) => {
    state.set(key, value);
    return number;
  });
}

/** Writes what has come while the last sync lasted, all with one. */
class Disk {
  readonly #file: number | undefined;
  #waiting: (readonly [bytes: Uint8Array, written: () => void])[] = [];
  #isWriting = false;

  constructor(path: string) {
    this.#file = path === "-" ? undefined : openSync(path, "w");
  }

  append(bytes: Uint8Array, written: () => void): void {
    if (this.#file === undefined) {
      setImmediate(written);
      return;
    }
    this.#waiting.push([bytes, written]);
    if (!this.#isWriting) this.#write(this.#file);
  }

  #write(file: number): void {
    const batch = this.#waiting;
    this.#waiting = [];
    this.#isWriting = batch.length > 0;
    if (!this.#isWriting) return;
    const pieces = batch.map(([bytes]) => bytes);
    writev(file, pieces, (failed) => {
      if (failed !== null) throw failed;
      fdatasync(file, (unsynced) => {
        if (unsynced !== null) throw unsynced;
        for (const [, written] of batch) written();
        this.#write(file);
      });
    });
  }
}

class Primary {
  readonly #backups: readonly WebSocket[];
  readonly #acks = new Map<number, number>();
  #client: WebSocket | undefined;
  #batch: Operation[] = [];
  #op = 0;
  #isDue = false;

  constructor(backups: readonly WebSocket[]) {
    this.#backups = backups;
    for (const backup of backups) {
      backup.on("message", (data: Buffer) => this.#ack(codec.decode(data) as number));
    }
  }

  serve(client: WebSocket): void {
    this.#client = client;
    client.on("message", (data: Buffer) => {
      for (const operation of codec.decode(data) as Operation[]) this.#batch.push(operation);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => this.#prepare());
  }

  #prepare(): void {
    this.#isDue = false;
    if (this.#batch.length === 0 || this.#op - commit >= pipelineMax) return;
    this.#op += 1;
    const op = this.#op;
    const prepare: Prepare = [op, commit, this.#batch];
    log.set(op, this.#batch);
    this.#batch = [];
    const bytes = codec.encode(prepare);
    for (const backup of this.#backups) backup.send(bytes);
    disk.append(bytes, () => this.#ack(op));
  }

  #ack(op: number): void {
    this.#acks.set(op, (this.#acks.get(op) ?? 0) + 1);
    while ((this.#acks.get(commit + 1) ?? 0) >= quorum) {
      const numbers = commitNext();
      this.#acks.delete(commit);
      this.#client?.send(codec.encode(numbers));
    }
    if (this.#batch.length > 0) this.#schedule();
  }
}

/** The primary of a backup is whoever connects. */
function follow(primary: WebSocket): void {
  primary.on("message", (data: Buffer) => {
    const [op, committed, operations] = codec.decode(data) as Prepare;
    log.set(op, operations);
    disk.append(data, () => primary.send(codec.encode(op)));
    while (commit < committed && log.has(commit + 1)) commitNext();
  });
}

const [, , index, file = "-", ...urls] = process.argv;
const disk = new Disk(file);
const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
const backups = urls.map((url) => new WebSocket(url, { perMessageDeflate: false }));
await Promise.all([once(server, "listening"), ...backups.map((backup) => once(backup, "open"))]);
if (index === "0") {
  const primary = new Primary(backups);
  server.on("connection", (client) => primary.serve(client));
} else {
  server.on("connection", follow);
}
serveSide(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
