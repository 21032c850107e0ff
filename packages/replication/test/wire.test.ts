import { Codec } from "@troupe/cluster/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeMessage, encodeMessage } from "../src/envelope.ts";
import type { WireMessage } from "../src/wire.ts";
import { damagedBytes } from "./support/damaged-bytes.ts";
import { chain, clientId } from "./support/entries.ts";

const codec = new Codec();
const header = { group: "g", configuration: "0".repeat(32), epoch: 3, incarnation: 2 ** 41 };
const inEnvelope = (message: unknown) => codec.encode([...Object.values(header), message]);
const body = new Uint8Array([1, 2, 3]);
const client = clientId("c");
const checksum = "ab".repeat(16);
const [entry] = chain(["x"]) as [ReturnType<typeof chain>[number]];
const log = { op: 2, commit: 1, commit_checksum: checksum, entries: [entry] };

/** One of every message. */
const messages: { readonly [T in WireMessage["type"]]: Extract<WireMessage, { type: T }> } = {
  prepare: { type: "prepare", view: 1, commit: 2, entry },
  prepare_ok: { type: "prepare_ok", view: 1, op: 2, checksum },
  commit: { type: "commit", view: 1, commit: 2, checksum },
  start_view_change: { type: "start_view_change", view: 1, left: true },
  do_view_change: {
    type: "do_view_change",
    view: 2,
    log_view: 1,
    ...log,
    damaged: [{ op: 2, checksum }, { op: 3 }],
  },
  start_view: { type: "start_view", view: 2, nonce: 9, ...log },
  request_start_view: { type: "request_start_view", view: 2, nonce: 9 },
  request_prepare: { type: "request_prepare", op: 2, checksum },
  requested_prepare: { type: "requested_prepare", entry },
  get_state: { type: "get_state", view: 2, op: 3 },
  new_state: { type: "new_state", view: 2, commit: 1, entries: [] },
  checkpoint: {
    type: "checkpoint",
    view: 2,
    base: 16,
    checkpoint: { op: 32, checksum, timestamp: 7, id: checksum, bytes: 900 },
  },
  hollow: { type: "hollow", base: 16 },
  get_checkpoint: { type: "get_checkpoint", op: 32, id: checksum, offset: 5, length: 9 },
  checkpoint_chunk: { type: "checkpoint_chunk", op: 32, id: checksum, offset: 5, body, checksum },
  read_round: { type: "read_round", view: 2, round: 7 },
  read_round_ok: { type: "read_round_ok", view: 2, round: 7 },
  recovery: { type: "recovery", nonce: 5, round: 2, founding: false, view: 0 },
  recovery_response: {
    type: "recovery_response",
    nonce: 5,
    round: 2,
    status: "normal",
    founders: [1, 1, 1],
    view: 4,
    ...log,
  },
  requests: { type: "requests", batch: body },
  query: { type: "query", client, number: 2, body },
  replies: { type: "replies", batch: body },
  query_reply: { type: "query_reply", view: 1, client, number: 2, body },
  not_primary: { type: "not_primary", view: 1, client },
  eviction: { type: "eviction", view: 1, client, session: 3 },
  get_status: { type: "get_status", number: 1, digest: true },
  status: {
    type: "status",
    number: 1,
    status: "view_change",
    view: 3,
    primary: 0,
    op: 9,
    commit: 8,
    checkpoint: 4,
    sessions: 1,
    queued: 0,
    timers: 2,
    effects: 0,
    deferred: 3,
    monitors: 0,
    needs: "checkpoint",
    digest: "",
  },
  effect: {
    type: "effect",
    op: 7,
    index: 1,
    at: 1_700_000_000_000_000,
    floor: 0,
    kind: "cast",
    to: { kind: "process", node: "a", incarnation: 1, id: 2, actor: "counter" },
    name: "paid",
    arg: body,
  },
  effect_ok: { type: "effect_ok", op: 7, index: 1 },
  local_query: { type: "local_query", client, number: 2, at_least: 5, body },
  local_reply: { type: "local_reply", client, number: 2, body },
  config_mismatch: { type: "config_mismatch", settings: "{}" },
};
const all = Object.values(messages) as WireMessage[];
const frequent = ["requests", "replies", "prepare", "prepare_ok", "commit"];
/** Those that travel as objects. */
const named = all.filter(({ type }) => !frequent.includes(type));

const decode = (message: unknown) => decodeMessage(codec, inEnvelope(message))?.message;

describe("a message", () => {
  test.each(all)("comes back as it was: $type", (message) => {
    const envelope = decodeMessage(codec, encodeMessage(codec, header, message));
    expect(envelope).toEqual({ ...header, message });
  });

  test("is dropped if a field is missing, or is not of its type", () => {
    for (const message of named) {
      expect(decode(message)).toEqual(message);
      for (const field of Object.keys(message)) {
        const { [field]: _, ...without } = message as unknown as Record<string, unknown>;
        expect(decode(without), `${message.type} without ${field}`).toBeUndefined();
        for (const value of [
          null,
          undefined,
          -1,
          1.5,
          2 ** 53,
          "zz",
          { length: 1 },
          [7],
          Number.NaN,
        ]) {
          const isText = ["digest", "settings", "checksum", "name"].includes(field);
          if (typeof value === "string" && isText && message.type !== "get_status") continue;
          if (field === "founders" && Array.isArray(value)) continue;
          const wrong = decode({ ...message, [field]: value });
          expect(wrong, `${message.type} with ${field} ${String(value)}`).toBeUndefined();
        }
      }
    }
  });

  test("of a memory group comes back with the lives that it tells of", () => {
    const crash_vector = [7, 0, 1_700_000_000_000];
    const message = { ...messages.read_round, crash_vector };
    expect(decode(message)).toEqual(message);
    for (const wrong of [null, 7, "777", [-1], [1.5], ["7"], new Array(8).fill(1), { 0: 1 }]) {
      expect(decode({ ...messages.read_round, crash_vector: wrong })).toBeUndefined();
      expect(decode({ ...messages.recovery_response, founders: wrong })).toBeUndefined();
    }
  });

  test("is dropped if an entry in it is malformed", () => {
    for (const field of Object.keys(entry)) {
      const broken = { ...entry, [field]: "no" };
      expect(decode({ ...messages.requested_prepare, entry: broken })).toBeUndefined();
      expect(decode({ ...messages.start_view, entries: [entry, broken] })).toBeUndefined();
    }
  });

  test("is dropped if its checksums and names are not what they look like", () => {
    for (const wrong of ["AB".repeat(16), "ab".repeat(15), `${"ab".repeat(16)}\n`, ""]) {
      expect(decode({ ...messages.request_prepare, checksum: wrong })).toBeUndefined();
      expect(decode({ ...messages.query, client: wrong })).toBeUndefined();
    }
  });

  test("is dropped if its type is unknown, or a word that objects know", () => {
    for (const type of ["leader", "", "constructor", "__proto__", "toString", 7, undefined]) {
      expect(decode({ ...messages.get_state, type })).toBeUndefined();
    }
  });

  test("is dropped if it is an object, and should be bytes", () => {
    for (const type of frequent) {
      expect(decode(messages[type as WireMessage["type"]]), type).toBeUndefined();
    }
  });

  test("is dropped if it is not in an envelope", () => {
    const message = messages.get_state;
    const whole = [...Object.values(header), message];
    expect(decodeMessage(codec, codec.encode(whole))).toBeDefined();
    const others = [null, 7, "x", [], [message], message, Object.values(header)];
    for (const value of [...others, whole.slice(1), [...whole, 0]]) {
      expect(decodeMessage(codec, codec.encode(value))).toBeUndefined();
    }
  });

  test("is dropped if a field of its envelope is not of its type", () => {
    for (const [at, wrong] of [7, "zz", -1, 1.5].entries()) {
      for (const value of [wrong, null, undefined, [], 2 ** 53]) {
        const fields: unknown[] = [...Object.values(header), messages.get_state];
        fields[at] = value;
        expect(decodeMessage(codec, codec.encode(fields)), `${at}: ${value}`).toBeUndefined();
      }
    }
  });

  test("carries no text beyond its limit", () => {
    const long = "x".repeat(16_385);
    expect(decode({ ...messages.config_mismatch, settings: long })).toBeUndefined();
    expect(decode({ ...messages.config_mismatch, settings: long.slice(1) })).toBeDefined();
  });
});

describe("bytes that nobody meant", () => {
  /** Whatever comes out is a message whose every field is of its type. */
  function expectSound(payload: Uint8Array): void {
    const envelope = decodeMessage(codec, payload);
    if (envelope === undefined) return;
    const again = decodeMessage(codec, encodeMessage(codec, envelope, envelope.message));
    expect(again).toEqual(envelope);
    expect(Object.keys(messages)).toContain(envelope.message.type);
  }

  test("never throw, whatever they are", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), expectSound), { numRuns: 500 });
  });

  test("never throw, when they were a message once", () => {
    const damaged = damagedBytes(all, (message) => encodeMessage(codec, header, message));
    fc.assert(fc.property(damaged, expectSound), { numRuns: 1000 });
  });

  // The codec refuses that key itself, so no such value arrives as bytes.
  const sendable = fc.jsonValue().filter((value) => !JSON.stringify(value).includes("__proto__"));

  test("never throw, when they are some other value", () => {
    fc.assert(
      fc.property(fc.tuple(sendable, sendable), (value) => {
        expectSound(codec.encode(value));
      }),
      { numRuns: 300 },
    );
  });
});
