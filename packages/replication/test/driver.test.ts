import { Codec } from "@troupe/cluster/runtime";
import { describe, expect, test } from "vitest";
import { checksum } from "../src/checksum.ts";
import { Driver } from "../src/driver.ts";
import { JournalError } from "../src/errors.ts";
import type { StateMachine } from "../src/machine-port.ts";
import {
  type Committed,
  Replica,
  ReplicaInvariantError,
  type ReplicaMessage,
  type ReplyToClient,
  type Write,
} from "../src/vsr/index.ts";
import type { TransferMessage } from "../src/wire.ts";
import { bytes, clientId, text } from "./support/entries.ts";
import { groupConfig, ticks } from "./support/test-group.ts";

/** A driver whose turns, disk and machine the test moves. */
class Bench {
  readonly events: string[] = [];
  readonly sent: [number, ReplicaMessage | TransferMessage][] = [];
  readonly replies: ReplyToClient[] = [];
  readonly failures: unknown[] = [];
  readonly writes: { write: Write; done: () => void }[] = [];
  readonly turns: (() => void)[] = [];
  /** Why the disk takes nothing more; undefined while it does. */
  refusal: JournalError | undefined = undefined;
  readonly replica: Replica;
  readonly driver: Driver;
  machine: StateMachine = {
    apply: ({ op, requests }: Committed) => {
      this.events.push(`apply ${op}`);
      return { replies: requests.map(({ body }) => bytes(`did ${text(body)}`)) };
    },
    answer: (query) => bytes(`saw ${text(query)}`),
    digest: () => "",
    snapshot: () => [],
    restore: () => ({ take: () => undefined, end: () => undefined }),
  };

  constructor(replicaCount = 1, index = 0) {
    const config = { ...groupConfig, replicaCount };
    this.replica = new Replica({ index, config, ticks, hash: checksum, random: () => 0 });
    this.driver = new Driver({
      replica: this.replica,
      journal: {
        append: (write, done) => {
          this.events.push(`write ${write.write}`);
          if (this.refusal !== undefined) this.driver.fail(this.refusal);
          else this.writes.push({ write, done });
        },
        close: async () => undefined,
      },
      codec: new Codec(),
      machine: {
        apply: (committed) => this.machine.apply(committed),
        answer: (query) => this.machine.answer(query),
        digest: () => "",
        snapshot: () => [],
        restore: () => ({ take: () => undefined, end: () => undefined }),
      },
      send: (to, message) => {
        this.events.push(`send ${message.type}`);
        this.sent.push([to, message]);
      },
      reply: (message) => {
        this.events.push(`reply ${message.type}`);
        this.replies.push(message);
      },
      now: () => 1_000_000,
      defer: (turn) => this.turns.push(turn),
      onFailure: (error) => this.failures.push(error),
    });
  }

  /** Ends the turn that is under way. */
  turn(): void {
    for (const turn of this.turns.splice(0)) turn();
  }

  /** The disk finishes all it was given. */
  sync(): void {
    for (const { done } of this.writes.splice(0)) done();
    this.turn();
  }

  request(number: number, content = "x"): void {
    const kind = number === 0 ? "register" : "call";
    const [session, acked] = number === 0 ? [0, 0] : [1, 1];
    const request = {
      kind,
      client: clientId("c"),
      session,
      number,
      acked,
      body: bytes(content),
    } as const;
    this.driver.step({ type: "client", message: { type: "request", ...request } });
  }

  query(content: string): void {
    const message = {
      type: "query",
      client: clientId("c"),
      number: 1,
      body: bytes(content),
    } as const;
    this.driver.step({ type: "client", message });
  }

  registered(): this {
    this.request(0);
    this.turn();
    this.sync();
    this.events.length = 0;
    return this;
  }
}

describe("a turn", () => {
  test("takes in all that came before it: one write for several requests", () => {
    const bench = new Bench().registered();
    bench.request(1, "a");
    bench.request(2, "b");
    expect(bench.turns).toHaveLength(1);
    expect(bench.events).toEqual([]);
    bench.turn();
    expect(bench.events).toEqual(["write 2"]);
    expect(bench.writes[0]?.write.entries).toHaveLength(1);
  });

  test("writes before it sends, sends before it applies, and answers last", () => {
    const bench = new Bench(2).registered();
    const held = () => ({
      op: bench.replica.state.log.head,
      checksum: bench.replica.state.log.headChecksum,
    });
    const ack = () => {
      const message = { type: "prepare_ok", view: 0, ...held() } as const;
      bench.driver.step({ type: "message", from: 1, message });
    };
    ack();
    bench.turn();
    bench.events.length = 0;
    bench.request(1, "a");
    bench.turn();
    ack();
    bench.request(2, "b");
    bench.sync();
    expect(bench.events).toEqual([
      "write 2",
      "send prepare",
      "write 3",
      "send prepare",
      "apply 2",
      "reply reply",
    ]);
  });

  test("carries on until nothing follows: what is applied is answered in the same turn", () => {
    const bench = new Bench().registered();
    bench.request(1, "a");
    bench.query("q");
    bench.turn();
    bench.sync();
    expect(bench.turns).toHaveLength(0);
    const answers = bench.replies.slice(1).map((reply) => "body" in reply && text(reply.body));
    expect(answers.sort()).toEqual(["did a", "saw q"]);
  });

  test("is scheduled at the very beginning, so that a restarted replica says what it must", () => {
    expect(new Bench().turns).toHaveLength(1);
  });
});

describe("a driver stops for good", () => {
  /** Nothing comes out any more, whatever comes in. */
  function expectStopped(bench: Bench, error: unknown): void {
    expect(bench.failures).toEqual([error]);
    expect(bench.driver.stopped).toBe(true);
    const before = [bench.events.length, bench.turns.length];
    bench.request(7);
    for (let i = 0; i < 100; i++) bench.driver.step({ type: "tick" });
    for (const { done } of bench.writes.splice(0)) done();
    expect([bench.events.length, bench.turns.length]).toEqual(before);
    bench.driver.fail(new Error("again"));
    expect(bench.failures).toHaveLength(1);
  }

  test("when an invariant does not hold, and says which", () => {
    const bench = new Bench(3).registered();
    const message = { type: "prepare_ok", view: 0, op: 1, checksum: "f".repeat(32) } as const;
    bench.driver.step({ type: "message", from: 1, message });
    const [error] = bench.failures;
    expect(error).toBeInstanceOf(ReplicaInvariantError);
    expect((error as Error).message).toContain("holds another op 1");
    expectStopped(bench, error);
  });

  test("when the journal fails: what waited for the write is neither sent nor answered", () => {
    const bench = new Bench().registered();
    bench.request(1, "a");
    bench.turn();
    const error = new JournalError("a.journal", "cannot be written", "unknown");
    bench.driver.fail(error);
    bench.sync();
    expect(bench.events).toEqual(["write 2"]);
    expectStopped(bench, error);
  });

  test("when the journal refuses a write: nothing that was to follow it in its turn comes out", () => {
    const bench = new Bench().registered();
    bench.request(1, "a");
    bench.turn();
    const error = new JournalError("a.journal", "the disk does not keep up", "unknown");
    bench.refusal = error;
    // The turn that runs and answers the first has the second to write.
    for (const { done } of bench.writes.splice(0)) done();
    bench.request(2, "b");
    bench.turn();
    expect(bench.events).toEqual(["write 2", "write 3"]);
    expectStopped(bench, error);
  });

  test("when the machine throws in an op", () => {
    const bench = new Bench().registered();
    const error = new Error("the machine is broken");
    bench.machine = {
      ...bench.machine,
      apply: () => {
        throw error;
      },
    };
    bench.request(1);
    bench.turn();
    bench.sync();
    expect(bench.replies.filter((reply) => "number" in reply && reply.number === 1)).toEqual([]);
    expectStopped(bench, error);
  });

  test("when the machine throws in a query", () => {
    const bench = new Bench().registered();
    const error = new Error("the machine is broken");
    bench.machine = {
      ...bench.machine,
      answer: () => {
        throw error;
      },
    };
    bench.query("q");
    bench.turn();
    expectStopped(bench, error);
  });

  test("when the machine answers a reply too few", () => {
    const bench = new Bench().registered();
    bench.machine = { ...bench.machine, apply: () => ({ replies: [] }) };
    bench.request(1);
    bench.turn();
    bench.sync();
    expect(bench.failures.map(String)[0]).toContain("a reply too many or too few");
  });

  test("when it is asked to, and then tells nobody", () => {
    const bench = new Bench().registered();
    bench.request(1);
    bench.driver.stop();
    bench.turn();
    bench.driver.fail(new Error("too late"));
    expect(bench.events).toEqual([]);
    expect(bench.failures).toEqual([]);
  });
});
