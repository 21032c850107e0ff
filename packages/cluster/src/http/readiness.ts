/** Whether a node may be given work: checks that its parts and the application have added. */
import { OptionError } from "@troupe/actor";
import { functionOption, nameOption } from "@troupe/actor/runtime";

/** True when ready; false, or a sentence that says why not. It is asked often and must be quick. */
export type ReadyCheck = () => boolean | string;

/** More checks than this are a leak. */
const MAX_CHECKS = 1024;

export class Readiness {
  readonly #checks = new Map<string, ReadyCheck>();

  /** Adds a check under a name; returns a function that takes it back. */
  add(name: string, check: ReadyCheck): () => void {
    nameOption("name", name);
    functionOption("check", check);
    if (this.#checks.has(name)) throw new OptionError("name", "a name not used before", name);
    if (this.#checks.size >= MAX_CHECKS) {
      throw new OptionError("name", `one of at most ${MAX_CHECKS} checks`, name);
    }
    this.#checks.set(name, check);
    return () => {
      if (this.#checks.get(name) === check) this.#checks.delete(name);
    };
  }

  /** Why it is not ready, one line each; empty when it is. */
  reasons(): string[] {
    const reasons: string[] = [];
    for (const [name, check] of this.#checks) {
      const verdict = ask(check);
      if (verdict === false) reasons.push(name);
      else if (typeof verdict === "string") reasons.push(`${name}: ${verdict}`);
    }
    return reasons;
  }
}

/** A check that throws is a check that fails. */
function ask(check: ReadyCheck): boolean | string {
  try {
    return check();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
