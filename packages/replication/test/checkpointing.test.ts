/** What the driver does about states: slices, turns, and what is kept. */
import { Codec } from "@troupe/cluster/runtime";
import { describe, expect, test } from "vitest";
import { readCheckpoint } from "../src/checkpoint-bytes.ts";
import { Checkpointing } from "../src/checkpointing.ts";
import { checksum } from "../src/checksum.ts";
import { CheckpointError } from "../src/errors.ts";
import type { Checkpoints } from "../src/journal/journal.ts";
import { MemoryCheckpoints } from "../src/journal/memory-journal.ts";
import type { CheckpointHead, Input, NamedCheckpoint, Ready } from "../src/vsr/index.ts";
import { bytes, clientId, text } from "./support/entries.ts";

const codec = new Codec();
const idle: Ready = {
  write: undefined,
  messages: [],
  apply: [],
  queries: [],
  resume: false,
  effects: [],
  replies: [],
};

function headOf(op: number): CheckpointHead {
  const replies = [[3, bytes("three")]] as const;
  const clients = [[clientId("a"), 1, 3, op, 3, replies]] as const;
  return { op, checksum: checksum(bytes(`op ${op}`)), timestamp: op * 10, clients };
}

/** A state of three slices; `Error` in its place cannot be encoded. */
class Bench {
  state: readonly (string | Error)[] = ["one", "two", "three"];
  readonly inputs: Input[] = [];
  readonly failures: unknown[] = [];
  readonly uncaptured: [number, unknown][] = [];
  readonly turns: (() => void)[] = [];
  pulled = 0;
  restored: string[] | undefined;
  readonly checkpointing: Checkpointing;
  readonly store: Checkpoints;

  constructor(store: Checkpoints = new MemoryCheckpoints()) {
    this.store = store;
    this.checkpointing = new Checkpointing({
      index: 0,
      replicaCount: 3,
      checkpoints: store,
      codec,
      hash: checksum,
      machine: {
        apply: () => ({ replies: [] }),
        answer: () => bytes(""),
        digest: () => "",
        snapshot: () => this.#slices(),
        restore: () => {
          const slices: string[] = [];
          return {
            take: (slice) => slices.push(text(slice)),
            end: () => {
              this.restored = slices;
            },
          };
        },
      },
      send: () => undefined,
      step: (input) => this.inputs.push(input),
      defer: (turn) => this.turns.push(turn),
      fail: (error) => this.failures.push(error),
      onUncaptured: (op, error) => this.uncaptured.push([op, error]),
    });
  }

  *#slices(): Iterable<Uint8Array> {
    for (const slice of this.state) {
      this.pulled++;
      if (slice instanceof Error) throw slice;
      yield bytes(slice);
    }
  }

  /** One turn of the event loop, after what the store has finished meanwhile. */
  async turn(): Promise<void> {
    for (let i = 0; i < 10; i++) await Promise.resolve();
    for (const turn of this.turns.splice(0)) turn();
    for (let i = 0; i < 10; i++) await Promise.resolve();
  }

  async capture(op: number): Promise<void> {
    this.checkpointing.carryOut({ ...idle, checkpoint: headOf(op) });
    for (let i = 0; i < 10; i++) await this.turn();
  }

  told(type: Input["type"]): Input[] {
    return this.inputs.filter((input) => input.type === type);
  }

  named(op: number): NamedCheckpoint {
    const name = this.store.names.find((one) => one.op === op);
    if (name === undefined) throw new Error(`there is no checkpoint of op ${op}`);
    const { checksum: entry, timestamp } = headOf(op);
    return { ...name, checksum: entry, timestamp };
  }
}

describe("a state that is captured", () => {
  test("is encoded a slice in a turn, and lets ops run on when it has been", async () => {
    const bench = new Bench();
    bench.checkpointing.carryOut({ ...idle, checkpoint: headOf(4) });
    const pulled: number[] = [];
    for (let i = 0; i < 4; i++) {
      pulled.push(bench.pulled);
      expect(bench.told("captured")).toEqual([]);
      await bench.turn();
    }
    expect(pulled).toEqual([0, 1, 2, 3]);
    expect(bench.told("captured")).toEqual([{ type: "captured", op: 4 }]);
  });

  test("is told by its name when it is durable", async () => {
    const bench = new Bench();
    await bench.capture(4);
    const [name] = bench.store.names;
    expect(bench.told("checkpointed")).toEqual([{ type: "checkpointed", ...name }]);
    expect(bench.inputs.map(({ type }) => type)).toEqual(["captured", "checkpointed"]);
  });

  test("is read back with its head, slice by slice", async () => {
    const bench = new Bench();
    await bench.capture(4);
    const slices: string[] = [];
    let head: CheckpointHead | undefined;
    const whole = await new Promise<boolean>((end) => {
      readCheckpoint(bench.store, bench.named(4), codec, {
        head: (read) => {
          head = read;
        },
        slice: (slice) => slices.push(text(slice)),
        end,
      });
    });
    expect([whole, slices]).toEqual([true, ["one", "two", "three"]]);
    expect(head).toEqual(headOf(4));
  });

  test("leaves the two newest, and forgets the rest", async () => {
    const bench = new Bench();
    for (const op of [4, 8, 12, 16]) await bench.capture(op);
    expect(bench.store.names.map(({ op }) => op)).toEqual([12, 16]);
  });

  test("and cannot be encoded is given up, and stops nobody", async () => {
    const bench = new Bench();
    const error = new Error("a function in the state");
    bench.state = ["one", error];
    await bench.capture(4);
    expect(bench.inputs).toEqual([{ type: "captured", op: 4, failed: true }]);
    expect(bench.uncaptured).toEqual([[4, error]]);
    expect([bench.failures, bench.store.names]).toEqual([[], []]);
    bench.state = ["one"];
    await bench.capture(8);
    expect(bench.store.names.map(({ op }) => op)).toEqual([8]);
  });

  test("waits for the one before it to be durable", async () => {
    const store = new MemoryCheckpoints();
    const commits: (() => void)[] = [];
    const slow: Checkpoints = {
      get names() {
        return store.names;
      },
      begin: (op) => {
        const writer = store.begin(op);
        return { ...writer, commit: (done) => commits.push(() => writer.commit(done)) };
      },
      read: store.read.bind(store),
      remove: store.remove.bind(store),
    };
    const bench = new Bench(slow);
    await bench.capture(4);
    bench.pulled = 0;
    await bench.capture(8);
    expect([bench.pulled, bench.told("captured").length]).toEqual([0, 1]);
    commits.shift()?.();
    for (let i = 0; i < 10; i++) await bench.turn();
    expect(bench.told("captured").length).toBe(2);
  });

  test("is reported as failed where none are kept", async () => {
    const bench = new Bench();
    const without = new Checkpointing({
      index: 0,
      replicaCount: 1,
      checkpoints: undefined,
      codec,
      hash: checksum,
      machine: { ...({} as ConstructorParameters<typeof Checkpointing>[0]["machine"]) },
      send: () => undefined,
      step: (input) => bench.inputs.push(input),
      defer: () => undefined,
      fail: () => undefined,
    });
    without.carryOut({ ...idle, checkpoint: headOf(4) });
    expect(bench.inputs).toEqual([{ type: "captured", op: 4, failed: true }]);
  });
});

describe("a state that is taken in", () => {
  test("is the machine's when all of it has come, and then later ops may run", async () => {
    const bench = new Bench();
    await bench.capture(4);
    bench.checkpointing.restore({ ...idle, restore: bench.named(4) });
    expect(bench.told("restored")).toEqual([]);
    await bench.turn();
    expect(bench.restored).toEqual(["one", "two", "three"]);
    expect(bench.told("restored")).toEqual([{ type: "restored", op: 4 }]);
  });

  test("ends a capture that is under way: what it encodes is no more", async () => {
    const bench = new Bench();
    await bench.capture(4);
    bench.checkpointing.carryOut({ ...idle, checkpoint: headOf(8) });
    await bench.turn();
    bench.checkpointing.restore({ ...idle, restore: bench.named(4) });
    for (let i = 0; i < 10; i++) await bench.turn();
    expect(bench.told("captured")).toEqual([{ type: "captured", op: 4 }]);
    expect(bench.store.names.map(({ op }) => op)).toEqual([4]);
  });

  test("and cannot be read stops the replica, which says what to do", async () => {
    const bench = new Bench();
    await bench.capture(4);
    const gone = { ...bench.named(4), op: 8 };
    bench.checkpointing.restore({ ...idle, restore: gone });
    await bench.turn();
    expect(bench.told("restored")).toEqual([]);
    expect(bench.failures).toEqual([expect.any(CheckpointError)]);
    expect(bench.failures[0]).toMatchObject({ code: "ERR_CHECKPOINT", outcome: "unknown" });
  });
});

describe("a state that is fetched", () => {
  test("is told with the table in its head, when it is whole", async () => {
    const bench = new Bench();
    await bench.capture(4);
    const checkpoint = bench.named(4);
    bench.checkpointing.carryOut({ ...idle, fetch: { from: 1, checkpoint } });
    await bench.turn();
    const { clients } = headOf(4);
    expect(bench.told("fetched")).toEqual([{ type: "fetched", checkpoint, clients }]);
    expect(bench.told("fetch_failed")).toEqual([]);
  });

  test("is refused if its head is of another entry than was offered", async () => {
    const bench = new Bench();
    await bench.capture(4);
    const checkpoint = { ...bench.named(4), checksum: "f".repeat(32) };
    bench.checkpointing.carryOut({ ...idle, fetch: { from: 1, checkpoint } });
    await bench.turn();
    expect(bench.told("fetched")).toEqual([]);
    expect(bench.told("fetch_failed")).toEqual([{ type: "fetch_failed", op: 4 }]);
  });
});
