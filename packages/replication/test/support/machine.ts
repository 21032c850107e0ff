/** A state machine run op by op, without a group around it. */
import type { ActorError, AnyActorDefinition } from "@troupe/actor";
import { fromWireError } from "@troupe/actor/runtime";
import type { Operation, Outcome } from "../../src/outcome.ts";
import { ActorMachine } from "../../src/state-machine.ts";
import { stateCodec } from "../../src/target-ref.ts";
import { call, clientId, register } from "./entries.ts";

const codec = stateCodec();

export class TestMachine {
  readonly machine: ActorMachine;
  #op = 0;

  constructor(definition: AnyActorDefinition, arg: unknown, seed = "seed") {
    this.machine = new ActorMachine(definition, arg, codec, seed);
  }

  /** Runs these operations as one op at that time, in microseconds. */
  apply(operations: readonly Operation[], timestamp = 1_000_000): Outcome[] {
    const requests = operations.map((operation, i) =>
      call(clientId("c"), i + 1, { body: codec.encode(operation) }),
    );
    const committed = { op: ++this.#op, view: 0, timestamp, requests };
    return this.machine.apply(committed).map((reply) => codec.decode(reply) as Outcome);
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
    return contentOf(codec.decode(this.machine.answer(codec.encode(operation))) as Outcome);
  }

  register(): Uint8Array[] {
    const requests = [register(clientId("c"))];
    return this.machine.apply({ op: ++this.#op, view: 0, timestamp: 1, requests });
  }

  raw(body: Uint8Array): unknown {
    const requests = [call(clientId("c"), 1, { body })];
    const [reply] = this.machine.apply({ op: ++this.#op, view: 0, timestamp: 1, requests });
    return contentOf(codec.decode(reply ?? new Uint8Array(0)) as Outcome);
  }

  get digest(): string {
    return this.machine.digest(undefined);
  }
}

function contentOf(outcome: Outcome | undefined): unknown {
  if (outcome === undefined) throw new Error("there is no reply");
  if ("error" in outcome) throw fromWireError(outcome.error);
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
