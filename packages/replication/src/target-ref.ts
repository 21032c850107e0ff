/**
 * The ref as a replicated state holds it: an address and nothing else, so that it is the same on
 * every replica, wherever the process is. It is a target of `ctx.send`, `ctx.cast` and
 * `ctx.monitor`; a handler can reach nobody through it by itself.
 */
import type { AnyRef, RefAddress } from "@troupe/actor";
import { Codec } from "@troupe/cluster/runtime";
import { NotReplicableError } from "./errors.ts";

export class TargetRef implements AnyRef {
  readonly address: RefAddress;

  constructor(address: RefAddress) {
    this.address = Object.freeze(address);
  }

  call(): never {
    throw new NotReplicableError("ref.call in a handler");
  }

  query(): never {
    throw new NotReplicableError("ref.query in a handler");
  }

  cast(): never {
    throw new NotReplicableError("ref.cast in a handler, instead of ctx.cast,");
  }

  send(): never {
    throw new NotReplicableError("ref.send in a handler, instead of ctx.send,");
  }
}

/** The codec of a replicated state: refs in it are addresses. The group itself is in none. */
export function stateCodec(): Codec {
  return new Codec({
    ref: {
      toAddress: (value) =>
        value instanceof TargetRef && value.address.kind !== "group" ? value.address : undefined,
      fromAddress: (address) => new TargetRef(address),
    },
  });
}
