/**
 * Troupe's side: the core alone. Three replicas in this program, whose messages are handed over as
 * they are: nothing is encoded, no socket, no disk, and a write or a checkpoint is durable when it
 * is made. The hash is the real one.
 */
import {
  checksum,
  type Ready,
  Replica,
  type Request,
  timeoutTicksDefaults,
} from "@troupe/replication/runtime";
import { serve } from "../sides/serve.ts";
import { inFlight, payloadBytes, type Trio, vsrRows } from "./vsr-loads.ts";

const client = "00".repeat(16);

const config = {
  replicaCount: 3,
  root: checksum(new Uint8Array()),
  pipelineMax: 8,
  batchRequestsMax: 1024,
  batchBytesMax: 512 * 1024,
  queueMax: 2 * inFlight,
  sessionsMax: 16,
  newStateBytesMax: 512 * 1024,
  sessionWindow: 2 * inFlight,
  checkpointEvery: 1024,
};

/** How many replies the client takes in before it sends again: one flight of its socket. */
class CoreTrio implements Trio {
  readonly #replicas: readonly Replica[];
  readonly #ran = [0, 0, 0];
  readonly #payload = new Uint8Array(payloadBytes).fill(97);
  #now = 1;
  #session = 0;
  #number = 0;
  #answered = 0;

  constructor() {
    this.#replicas = [0, 1, 2].map(
      (index) =>
        new Replica({
          index,
          config,
          ticks: timeoutTicksDefaults,
          hash: checksum,
          random: () => 0,
        }),
    );
    this.#ask({
      kind: "register",
      client,
      session: 0,
      number: 0,
      acked: 0,
      body: new Uint8Array(),
    });
    this.#settle();
  }

  async run(operations: number, depth: number): Promise<number> {
    const before = this.#ran[0] as number;
    const last = this.#number + operations;
    while (this.#answered < last) {
      while (this.#number < last && this.#number - this.#answered < depth) this.#call();
      this.#round();
      // As a program would, whose sockets and timers want their turn.
      if (this.#now % 1024 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    this.#settle();
    if (this.#ran.some((ran) => ran !== this.#ran[0])) throw new Error("replicas differ");
    return (this.#ran[0] as number) - before;
  }

  #call(): void {
    this.#number += 1;
    const [session, number, acked] = [this.#session, this.#number, this.#answered + 1];
    this.#ask({ kind: "call", client, session, number, acked, body: this.#payload });
  }

  #ask(request: Request & { readonly kind: "register" | "call" }): void {
    const message = { type: "request", ...request } as const;
    this.#replicas[0]?.step({ type: "client", message }, this.#now);
  }

  /** Lets the backups hear of the last commit. */
  #settle(): void {
    const ticks = timeoutTicksDefaults.heartbeat;
    for (let tick = 0; tick < ticks; tick += 1) {
      for (const replica of this.#replicas) replica.step({ type: "tick" }, this.#now);
      for (let round = 0; round < 4; round += 1) this.#round();
    }
  }

  /** Each replica has a turn. */
  #round(): void {
    this.#now += 1;
    for (const [index, replica] of this.#replicas.entries()) {
      do this.#carryOut(index, replica, replica.take());
      while (replica.hasReady);
    }
  }

  #carryOut(index: number, replica: Replica, ready: Ready): void {
    const now = this.#now;
    if (ready.write !== undefined) replica.step({ type: "written", write: ready.write.write }, now);
    for (const { to, message } of ready.messages) {
      this.#replicas[to]?.step({ type: "message", from: index, message }, now);
    }
    for (const { op, requests } of ready.apply) {
      this.#ran[index] = (this.#ran[index] as number) + requests.filter(isCall).length;
      replica.step({ type: "applied", op, replies: requests.map(() => noBytes) }, now);
    }
    if (ready.checkpoint !== undefined) {
      // There is no state: what it ends in stands for it.
      const { op, checksum: id } = ready.checkpoint;
      replica.step({ type: "captured", op }, now);
      replica.step({ type: "checkpointed", op, id, bytes: 0 }, now);
    }
    for (const reply of ready.replies) {
      if (reply.type !== "reply") throw new Error(`the client was told ${reply.type}`);
      this.#session = reply.session;
      this.#answered = Math.max(this.#answered, reply.number);
    }
  }
}

const noBytes = new Uint8Array();

function isCall({ kind }: Request): boolean {
  return kind === "call";
}

await serve({ trio: () => new CoreTrio() }, vsrRows);
