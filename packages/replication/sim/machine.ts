/**
 * The state machine that the simulator replicates: a chain of hashes, in which no two operations
 * commute, so that any difference in order or number shows in every later reply.
 */
import { type Committed, checksum, type StateMachine } from "@troupe/replication/runtime";

/** What a query answers: how far the state was, and what it was. */
export interface ChainReading {
  readonly length: number;
  readonly state: string;
}

export class ChainMachine implements StateMachine {
  #length = 0;
  #state = "";

  apply(committed: Committed): Uint8Array[] {
    return committed.requests.map((request) => {
      if (request.kind === "register") return new Uint8Array(0);
      this.#length++;
      this.#state = checksum(Buffer.concat([Buffer.from(this.#state), request.body]));
      return encodeReading({ length: this.#length, state: this.#state });
    });
  }

  answer(): Uint8Array {
    return encodeReading({ length: this.#length, state: this.#state });
  }

  digest(): string {
    return this.#state;
  }
}

function encodeReading(reading: ChainReading): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(reading));
}

export function decodeReading(bytes: Uint8Array): ChainReading {
  return JSON.parse(new TextDecoder().decode(bytes)) as ChainReading;
}
