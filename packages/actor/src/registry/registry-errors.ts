/**
 * The errors of registries, one class per code. None of them has changed anything.
 */
import { ActorError } from "../actor-error.ts";
import { isPlain, show } from "../errors.ts";

/** The key of a registry with unique keys is taken. OTP: `{already_registered, Pid}`. */
export class AlreadyRegisteredError extends ActorError {
  declare readonly data: { registry: string; key: unknown; ref: unknown };

  constructor(registry: string, key: unknown, ref: unknown) {
    super(`the key ${show(key)} is taken in ${registry}`, {
      name: "AlreadyRegisteredError",
      code: "ERR_ALREADY_REGISTERED",
      outcome: "not_run",
      data: { registry, key: plain(key), ref },
    });
  }

  /** The key; anything but a string, number, boolean or null is described in words. */
  get key(): unknown {
    return this.data.key;
  }

  /** The ref of the process that has the key. */
  get ref(): unknown {
    return this.data.ref;
  }
}

/** The process has no such key in the registry, or has it no more. Nothing was changed. */
export class NotRegisteredError extends ActorError {
  constructor(registry: string, key: unknown, owner: string) {
    super(`${owner} does not have the key ${show(key)} in ${registry}`, {
      name: "NotRegisteredError",
      code: "ERR_NOT_REGISTERED",
      outcome: "not_run",
      data: { registry, key: plain(key), owner },
    });
  }
}

/** The lock was not free in time. Its function did not run. */
export class LockTimeoutError extends ActorError {
  constructor(owner: string, key: unknown, timeoutMs: number) {
    super(`the lock ${show(key)} of ${owner} was not free within ${timeoutMs} ms`, {
      name: "LockTimeoutError",
      code: "ERR_LOCK_TIMEOUT",
      outcome: "not_run",
      data: { owner, key: plain(key), timeoutMs },
    });
  }
}

/** A key as plain data, for an error that may cross a wire. */
function plain(key: unknown): unknown {
  return isPlain(key) ? key : show(key);
}
