/** A state machine run op by op, without a group around it. */
import type { ActorError, AnyActorDefinition } from "@troupe/actor";
import { fromWireError, type WireError } from "@troupe/actor/runtime";
import type { Applied } from "../../src/machine-port.ts";
import type { Operation, Outcome } from "../../src/outcome.ts";
import { encodePulse, type Pulse } from "../../src/pulse.ts";
import { ActorMachine, type Unheard } from "../../src/state-machine.ts";
import { stateCodec, TargetRef } from "../../src/target-ref.ts";
import type { Request } from "../../src/vsr/index.ts";
import { call, clientId, register } from "./entries.ts";

const codec = stateCodec();

/** Some process of another node. */
export const elsewhere = new TargetRef({
  kind: "process",
  node: "n",
  incarnation: 1,
  id: 7,
  actor: "listener",
});

export class TestMachine {
  readonly machine: ActorMachine;
  #op = 0;

  constructor(definition: AnyActorDefinition, arg: unknown, seed = "seed", unheard?: Unheard) {
    this.machine = new ActorMachine(definition, arg, codec, seed, "", unheard);
  }

  /** What the last op came to. */
  applied: Applied = { replies: [] };

  /** Runs these operations as one op at that time, in microseconds. */
  apply(operations: readonly Operation[], timestamp = 1_000_000): Said[] {
    const bodies = operations.map((operation) => codec.encode(operation));
    return this.run(bodies, timestamp).replies.map(saidIn);
  }

  run(bodies: readonly Uint8Array[], timestamp = 1_000_000): Applied {
    const requests = bodies.map((body, i) => call(clientId("c"), i + 1, { body }));
    return this.#commit(requests, timestamp);
  }

  /** The group tells itself something, at that time in milliseconds. */
  pulse(ms: number, said: Partial<Pulse> = {}): Applied {
    const body = encodePulse(codec, { done: [], downs: [], outcomes: [], ...said }, 4096);
    const kind = "pulse" as const;
    const request = { kind, client: "", session: 0, number: 0, acked: 0, body };
    return this.#commit([request], ms * 1000);
  }

  /** The answers to calls whose replies had been left for later: number and content. */
  get late(): [number, Said][] {
    return (this.applied.late ?? []).map(({ number, body }) => [number, saidIn(body)]);
  }

  /** Goes on as if so many ops had been run. */
  skipTo(op: number): void {
    this.#op = op;
  }

  #commit(requests: readonly Request[], timestamp: number): Applied {
    this.applied = this.machine.apply({ op: ++this.#op, view: 0, timestamp, requests });
    return this.applied;
  }

  /** What a call answers; throws what it is refused with. */
  call(name: string, arg?: unknown): unknown {
    return contentOf(this.apply([["call", name, arg]])[0]);
  }

  cast(name: string, arg?: unknown): unknown {
    return contentOf(this.apply([["cast", name, arg]])[0]);
  }

  query(name: string, arg?: unknown): unknown {
    return this.ask(["query", name, arg]);
  }

  ask(operation: unknown): unknown {
    return contentOf(saidIn(this.machine.answer(codec.encode(operation))));
  }

  register(): readonly (Uint8Array | undefined)[] {
    return this.#commit([register(clientId("c"))], 1).replies;
  }

  raw(body: Uint8Array): unknown {
    return contentOf(saidIn(this.run([body]).replies[0]));
  }

  get digest(): string {
    return this.machine.digest(undefined);
  }
}

/** What a reply says besides the op that it reflects. */
type Said = { readonly value: unknown } | { readonly error: WireError } | { later: true };

function saidIn(body: Uint8Array | undefined): Said {
  if (body === undefined) return { later: true };
  const { op: _, ...said } = codec.decode(body) as Outcome;
  return said;
}

function contentOf(outcome: Said | undefined): unknown {
  if (outcome === undefined) throw new Error("there is no reply");
  if ("error" in outcome) throw fromWireError(outcome.error);
  if ("later" in outcome) return undefined;
  return outcome.value;
}

/** The error of a call or query. */
export function failure(run: () => unknown): ActorError {
  try {
    run();
  } catch (error) {
    return error as ActorError;
  }
  throw new Error("it did not fail");
}
