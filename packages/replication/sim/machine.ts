/**
 * The state machine that the simulator replicates: a chain of hashes, in which no two operations
 * commute, so that any difference in order or number shows in every later reply.
 */
import { type Committed, checksum, type StateMachine } from "@troupe/replication/runtime";

/** What an answer says: how far the state was, what it was, and to a call: which call it was. */
export interface ChainReading {
  readonly length: number;
  readonly state: string;
  /** The body of the call; absent in the answer to a query. */
  readonly call?: string;
}

export class ChainMachine implements StateMachine {
  #length = 0;
  #state = "";

  apply(committed: Committed): Uint8Array[] {
    return committed.requests.map((request) => {
      if (request.kind === "register") return new Uint8Array(0);
      this.#length++;
      this.#state = checksum(Buffer.concat([Buffer.from(this.#state), request.body]));
      const call = new TextDecoder().decode(request.body);
      return encodeReading({ length: this.#length, state: this.#state, call });
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
