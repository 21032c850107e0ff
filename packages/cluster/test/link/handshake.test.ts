import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Frame, FrameKind, readFrames } from "../../src/link/frame.ts";
import {
  AcceptorHandshake,
  DialerHandshake,
  type HandshakeConfig,
  type HandshakeStep,
  isNodeName,
  MAX_HANDSHAKE_BYTES,
  rejectFrame,
} from "../../src/link/handshake.ts";

let nonce = 0;

function config(name: string, options: Partial<HandshakeConfig> = {}): HandshakeConfig {
  return {
    cluster: "shop",
    self: {
      name,
      incarnation: 2 ** 50,
      boot: name.charCodeAt(0).toString(16).padStart(2, "0").repeat(16),
      url: `ws://${name}:1`,
      heartbeatMs: 1000,
      maxMessageBytes: 1 << 20,
    },
    keys: [Buffer.from("secret")],
    randomBytes: (size) => Buffer.alloc(size, ++nonce),
    ...options,
  };
}

function frame(bytes: Uint8Array): Frame {
  let found: Frame | undefined;
  readFrames(
    bytes,
    () => MAX_HANDSHAKE_BYTES,
    (f) => {
      found = f;
      return true;
    },
  );
  return found as Frame;
}

function sent(step: HandshakeStep): Frame {
  if (step.kind !== "send") throw new Error(`nothing was sent: ${JSON.stringify(step)}`);
  return frame(step.frame);
}

/** Runs both machines until one of them is done; `tamper` may change what is under way. */
function run(
  a: HandshakeConfig,
  b: HandshakeConfig,
  tamper: (frame: Buffer) => Buffer = (same) => same,
) {
  const dialer = new DialerHandshake(a);
  const acceptor = new AcceptorHandshake(b);
  const pass = (bytes: Buffer) => frame(tamper(bytes));
  const first = acceptor.receive(pass(dialer.start()));
  if (first.kind !== "send") return { acceptor: first };
  const claimed = dialer.receive(pass(first.frame as Buffer));
  if (claimed.kind !== "claimed") return { dialer: claimed };
  const proven = acceptor.receive(pass(dialer.prove()));
  if (proven.kind !== "proven") return { claimed, acceptor: proven };
  const established = dialer.receive(pass(acceptor.admit()));
  return { claimed, proven, dialer: established };
}

test("two nodes with the same key know each other afterwards", () => {
  const { claimed, proven, dialer } = run(config("a"), config("b"));
  const b = { name: "b", incarnation: 2 ** 50, url: "ws://b:1", heartbeatMs: 1000, version: 1 };
  expect(claimed).toMatchObject({ kind: "claimed", peer: b });
  expect(proven).toMatchObject({ kind: "proven", peer: { name: "a", url: "ws://a:1" } });
  expect(dialer).toMatchObject({ kind: "established", peer: b });
});

test("a node without an address says so", () => {
  const a = config("a");
  const { proven } = run({ ...a, self: { ...a.self, url: undefined } }, config("b"));
  expect(proven).toMatchObject({ peer: { url: undefined } });
});

describe("keys:", () => {
  const key = (text: string) => Buffer.from(text);
  const withKeys = (name: string, ...keys: string[]) => config(name, { keys: keys.map(key) });

  test("a wrong key is refused by the acceptor", () => {
    const { acceptor } = run(withKeys("a", "one"), withKeys("b", "two"));
    expect(acceptor).toMatchObject({ kind: "refused", reason: "auth" });
  });

  test("a node without a key cannot enter a cluster with one, nor the other way round", () => {
    expect(run(withKeys("a"), withKeys("b", "k")).acceptor).toMatchObject({ reason: "auth" });
    expect(run(withKeys("a", "k"), withKeys("b")).acceptor).toMatchObject({ reason: "auth" });
  });

  test("two nodes without keys believe each other", () => {
    expect(run(withKeys("a"), withKeys("b")).dialer).toMatchObject({ kind: "established" });
  });

  test("every pair of neighbouring steps of a rotation works in both directions", () => {
    const steps = [["old"], ["old", "new"], ["new", "old"], ["new"]];
    for (const [at, one] of steps.entries()) {
      for (const other of steps.slice(at, at + 2)) {
        for (const [x, y] of [
          [one, other],
          [other, one],
        ] as [string[], string[]][]) {
          const { dialer } = run(withKeys("a", ...x), withKeys("b", ...y));
          expect(dialer, `${x} to ${y}`).toMatchObject({ kind: "established" });
        }
      }
    }
  });

  test("an acceptor that cannot prove itself is refused by the dialer", () => {
    const dialer = new DialerHandshake(config("a"));
    const acceptor = new AcceptorHandshake(config("b"));
    dialer.receive(sent(acceptor.receive(frame(dialer.start()))));
    dialer.prove();
    const forged = Buffer.concat([
      Buffer.from([FrameKind.welcome, 0, 0, 0, 0, 0, 0, 32]),
      Buffer.alloc(32),
    ]);
    expect(dialer.receive(frame(forged))).toMatchObject({ kind: "refused", reason: "auth" });
  });

  test("a proof cannot be reflected: the dialer's own is no welcome", () => {
    const dialer = new DialerHandshake(config("a"));
    const acceptor = new AcceptorHandshake(config("b"));
    dialer.receive(sent(acceptor.receive(frame(dialer.start()))));
    const proof = Buffer.from(dialer.prove());
    proof.writeUInt8(FrameKind.welcome, 0);
    expect(dialer.receive(frame(proof))).toMatchObject({ kind: "refused", reason: "auth" });
  });

  test("a proof cannot be replayed: the next challenge is another", () => {
    const dialer = new DialerHandshake(config("a"));
    const hello = frame(dialer.start());
    dialer.receive(sent(new AcceptorHandshake(config("b")).receive(hello)));
    const proof = frame(dialer.prove());
    const again = new AcceptorHandshake(config("b"));
    again.receive(hello);
    expect(again.receive(proof)).toMatchObject({ kind: "refused", reason: "auth" });
  });
});

test("whatever byte is changed on the way, nobody is established", () => {
  const flippable = fc.record({ at: fc.nat(), message: fc.nat(3), bit: fc.nat(7) });
  fc.assert(
    fc.property(flippable, ({ at, message, bit }) => {
      let count = 0;
      const tamper = (bytes: Buffer) => {
        if (count++ !== message) return bytes;
        const changed = Buffer.from(bytes);
        const index = 8 + (at % (changed.length - 8));
        changed.writeUInt8(changed.readUInt8(index) ^ (1 << bit), index);
        return changed;
      };
      let outcome: ReturnType<typeof run> | undefined;
      try {
        outcome = run(config("a"), config("b"), tamper);
      } catch (error) {
        expect(error).toMatchObject({ code: "ERR_PROTOCOL" });
      }
      expect(outcome?.dialer?.kind).not.toBe("established");
    }),
  );
});

describe("refusals:", () => {
  test("another cluster, before anything else is said", () => {
    const { acceptor } = run(config("a"), config("b", { cluster: "blog" }));
    expect(acceptor).toMatchObject({ kind: "refused", reason: "cluster" });
  });

  test.each([
    ["too old", { min: 0, max: 0 }],
    ["too new", { min: 2, max: 9 }],
  ])("a version that is %s", (_name, versions) => {
    const { acceptor } = run(config("a", { versions }), config("b"));
    expect(acceptor).toMatchObject({ kind: "refused", reason: "version" });
  });

  test("the highest version that both speak is taken", () => {
    const { proven } = run(
      config("a", { versions: { min: 1, max: 7 } }),
      config("b", { versions: { min: 3, max: 5 } }),
    );
    expect(proven).toMatchObject({ peer: { version: 5 } });
  });

  test("features are what both have", () => {
    const { proven } = run(config("a", { features: 0b110 }), config("b", { features: 0b011 }));
    expect(proven).toMatchObject({ peer: { features: 0b010 } });
  });

  test("an answer in a version that was not offered", () => {
    const dialer = new DialerHandshake(config("a"));
    const acceptor = new AcceptorHandshake(config("b"));
    const challenge = sent(acceptor.receive(frame(dialer.start())));
    const lie = Buffer.from(challenge.body);
    lie.writeUInt8(9, 0);
    expect(dialer.receive({ ...challenge, body: lie })).toMatchObject({ reason: "version" });
  });

  test("a REJECT ends the dialer's side with its reason, at any time", () => {
    const dialer = new DialerHandshake(config("a"));
    expect(dialer.receive(frame(rejectFrame("stale_incarnation")))).toEqual({
      kind: "refused",
      reason: "stale_incarnation",
    });
  });

  test("a REJECT ends the acceptor's side with its reason, and is not answered", () => {
    const acceptor = new AcceptorHandshake(config("b"));
    acceptor.receive(frame(new DialerHandshake(config("a")).start()));
    expect(acceptor.receive(frame(rejectFrame("already_connected")))).toEqual({
      kind: "refused",
      reason: "already_connected",
    });
  });

  test("a REJECT with an unknown code is a protocol reason", () => {
    const reject = Buffer.from(rejectFrame("auth"));
    reject.writeUInt8(200, 8);
    const dialer = new DialerHandshake(config("a"));
    expect(dialer.receive(frame(reject))).toMatchObject({ reason: "protocol" });
  });

  test("a REJECT that goes on is malformed, on either side", () => {
    const reject = Buffer.concat([rejectFrame("auth"), Buffer.of(0)]);
    reject.writeUInt32BE(2, 4);
    const acceptor = new AcceptorHandshake(config("b"));
    for (const side of [new DialerHandshake(config("a")), acceptor]) {
      expect(() => side.receive(frame(reject))).toThrow(
        expect.objectContaining({ code: "ERR_PROTOCOL" }),
      );
    }
  });

  test("frames out of turn", () => {
    const dialer = new DialerHandshake(config("a"));
    const acceptor = new AcceptorHandshake(config("b"));
    const hello = frame(dialer.start());
    expect(dialer.receive(hello)).toMatchObject({ kind: "refused", reason: "protocol" });
    const proof = frame(Buffer.from([FrameKind.proof, 0, 0, 0, 0, 0, 0, 0]));
    expect(acceptor.receive(proof)).toMatchObject({ kind: "refused", reason: "protocol" });
    acceptor.receive(hello);
    expect(acceptor.receive(hello)).toMatchObject({ kind: "refused", reason: "protocol" });
    const call = frame(Buffer.from([FrameKind.call, 0, 0, 8, 0, 0, 0, 0]));
    expect(acceptor.receive(call)).toMatchObject({ kind: "refused", reason: "protocol" });
  });

  test("a proof of the wrong length", () => {
    const dialer = new DialerHandshake(config("a"));
    const acceptor = new AcceptorHandshake(config("b"));
    acceptor.receive(frame(dialer.start()));
    const short = { kind: FrameKind.proof, body: Buffer.alloc(31) };
    expect(acceptor.receive(short)).toMatchObject({ kind: "refused", reason: "auth" });
  });
});

test("what follows a HELLO that this version knows is ignored, but signed", () => {
  const dialer = new DialerHandshake(config("a"));
  const hello = frame(dialer.start());
  const longer = { ...hello, body: Buffer.concat([hello.body, Buffer.from("future")]) };
  const acceptor = new AcceptorHandshake(config("b"));
  dialer.receive(sent(acceptor.receive(longer)));
  // The dialer signs what it sent, and that is not what the acceptor has read.
  expect(acceptor.receive(frame(dialer.prove()))).toMatchObject({ reason: "auth" });
});

test.each(["", "a b", "a\n", "\u0000", "x".repeat(129), "a\u200bb"])(
  "%j is no node name",
  (name) => {
    expect(isNodeName(name)).toBe(false);
  },
);

test.each(["a", "cart-1", "cart@10.0.0.3:7400", "knoten_ä"])("%j is a node name", (name) => {
  expect(isNodeName(name)).toBe(true);
});

test("a peer whose name cannot be one breaks the protocol", () => {
  const a = config("a");
  const dialer = new DialerHandshake({ ...a, self: { ...a.self, name: "a b" } });
  const acceptor = new AcceptorHandshake(config("b"));
  expect(() => acceptor.receive(frame(dialer.start()))).toThrow(/a node name that cannot be one/);
});

test("a node says how large a message it takes, and takes those of one frame", () => {
  const a = config("a");
  const { proven, dialer } = run(
    { ...a, self: { ...a.self, maxMessageBytes: 65_536 } },
    config("b"),
  );
  expect(proven).toMatchObject({ peer: { maxMessageBytes: 65_536 } });
  expect(dialer).toMatchObject({ peer: { maxMessageBytes: 1 << 20 } });
  const less = { ...a, self: { ...a.self, maxMessageBytes: 65_535 } };
  expect(() => run(less, config("b"))).toThrow(/a node that takes messages of 65535 bytes only/);
});

test("the longest names fit the limit of handshake frames", () => {
  const long = "n".repeat(128);
  const a = config("a", { cluster: long });
  const dialer = new DialerHandshake({ ...a, self: { ...a.self, name: long } });
  expect(dialer.start().length).toBeLessThan(MAX_HANDSHAKE_BYTES);
});

/** Both machines over a connection of whose encryption each side knows something. */
function runBound(ours: Uint8Array | undefined, theirs: Uint8Array | undefined): string {
  const dialer = new DialerHandshake(config("a"), ours);
  const acceptor = new AcceptorHandshake(config("b"), theirs);
  dialer.receive(sent(acceptor.receive(frame(dialer.start()))));
  const proven = acceptor.receive(frame(dialer.prove()));
  if (proven.kind !== "proven") return proven.kind;
  return dialer.receive(frame(acceptor.admit())).kind;
}

test("somebody in the middle of two encrypted connections cannot pass the proofs on", () => {
  const [one, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
  expect(runBound(one, one)).toBe("established");
  expect(runBound(one, other)).toBe("refused");
  expect(runBound(one, undefined)).toBe("refused");
  expect(runBound(undefined, one)).toBe("refused");
});

test("a proof that was recorded is worth nothing to another handshake", () => {
  const dialer = new DialerHandshake(config("a"));
  const first = new AcceptorHandshake(config("b"));
  const hello = frame(dialer.start());
  dialer.receive(sent(first.receive(hello)));
  const proof = frame(dialer.prove());
  expect(first.receive(proof).kind).toBe("proven");
  const second = new AcceptorHandshake(config("b"));
  expect(second.receive(hello).kind).toBe("send");
  expect(second.receive(proof)).toMatchObject({ kind: "refused", reason: "auth" });
});

test("who knows no key cannot have one side of a handshake prove the other", () => {
  // The attacker is dialled by `a` and dials `a` at the same time, passing everything across.
  const asDialer = new DialerHandshake(config("a"));
  const asAcceptor = new AcceptorHandshake(config("a"));
  const challenge = sent(asAcceptor.receive(frame(asDialer.start())));
  const claimed = asDialer.receive(challenge);
  expect(claimed.kind).toBe("claimed");
  // It can go on only by being both, and then both are one node, which the table refuses: `self`.
  expect(claimed.kind === "claimed" && claimed.peer.boot).toBe(config("a").self.boot);
  // A proof of a dialer is none of an acceptor: it cannot be sent back.
  const proof = asDialer.prove();
  const reflected = { ...frame(proof), kind: FrameKind.welcome };
  expect(asDialer.receive(reflected)).toMatchObject({ kind: "refused", reason: "auth" });
});

test("keys that are changed under way hold from the next proof on", () => {
  const keys = [Buffer.from("old")];
  const changing = {
    ...config("b"),
    get keys() {
      return keys;
    },
  };
  expect(run(config("a", { keys: [Buffer.from("old")] }), changing)).toMatchObject({
    dialer: { kind: "established" },
  });
  keys[0] = Buffer.from("new");
  expect(run(config("a", { keys: [Buffer.from("old")] }), changing)).toMatchObject({
    acceptor: { kind: "refused", reason: "auth" },
  });
});
