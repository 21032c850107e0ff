/** A real actor as what a simulated group replicates. */
import type { Codec } from "@troupe/cluster/runtime";
import type { ActorMachine, Applied, Committed, StateIntake } from "@troupe/replication/runtime";
import { foldText } from "../fold.ts";
import type { RanCall, Subject } from "../subject.ts";

/** What has been asked: the second of the three says what, the third which call it is. */
type Asked = readonly [kind: string, name: string, arg: { readonly call?: string } | undefined];

export class ActorSubject implements Subject {
  readonly machine: ActorMachine;
  readonly #codec: Codec;
  readonly #isDone: (machine: ActorMachine) => boolean;
  length = 0;
  state = 0;
  ranLast: readonly RanCall[] = [];
  appliedLast: Applied = { replies: [] };

  constructor(machine: ActorMachine, codec: Codec, isDone: (machine: ActorMachine) => boolean) {
    this.machine = machine;
    this.#codec = codec;
    this.#isDone = isDone;
  }

  get isDone(): boolean {
    return this.#isDone(this.machine);
  }

  apply(committed: Committed): Applied {
    const { op, requests } = committed;
    this.appliedLast = this.machine.apply(committed);
    const { length, state } = this.#measure(op);
    this.ranLast = requests.flatMap(({ kind, body }) => {
      if (kind !== "call") return [];
      const [, , arg] = this.#codec.decode(body) as Asked;
      // What tells of calls that were given up is itself no call of the workload.
      return arg?.call === undefined ? [] : [{ call: arg.call, length, state }];
    });
    return this.appliedLast;
  }

  answer(query: Uint8Array): Uint8Array {
    return this.machine.answer(query);
  }

  digest(): string {
    return this.machine.digest(undefined);
  }

  snapshot(): Iterable<Uint8Array> {
    return this.machine.snapshot();
  }

  restore(at: { readonly op: number; readonly timestamp: number }): StateIntake {
    const { take, end } = this.machine.restore(at);
    return {
      take,
      end: () => {
        end();
        this.#measure(at.op);
      },
    };
  }

  #measure(op: number): { readonly length: number; readonly state: number } {
    this.length = op;
    this.state = foldText(this.digest(), op);
    return this;
  }
}
