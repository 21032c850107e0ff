/**
 * What can go wrong with a group, and whether the call may have run.
 */
import { ActorError } from "@troupe/actor";
import type { Roster } from "./roster.ts";

/** More calls wait for the group than its session holds. The call was not sent. */
export class BusyError extends ActorError {
  constructor(group: string, max: number) {
    super(`${max} calls already wait for group "${group}"`, {
      name: "BusyError",
      code: "ERR_BUSY",
      outcome: "not_run",
      data: { group, max },
    });
  }
}

/** The group took no call from this node for too long: the call never left, and will not run. */
export class NoQuorumError extends ActorError {
  constructor(group: string, operation: string, timeoutMs: number) {
    super(`group "${group}" did not take ${operation} within ${timeoutMs} ms`, {
      name: "NoQuorumError",
      code: "ERR_NO_QUORUM",
      outcome: "not_run",
      data: { group, operation, timeoutMs },
    });
  }
}

/** A call, with its argument, is larger than one prepare may be. It was not sent. */
export class CallTooLargeError extends ActorError {
  constructor(operation: string, bytes: number, max: number) {
    super(`${operation} has ${bytes} bytes, a call may have ${max}`, {
      name: "CallTooLargeError",
      code: "ERR_CALL_TOO_LARGE",
      outcome: "not_run",
      data: { operation, bytes, max },
    });
  }
}

/** The group forgot the session, because others were more active. The call may have run (I51). */
export class SessionEvictedError extends ActorError {
  constructor(group: string) {
    super(`group "${group}" forgot this session; the call may or may not have run`, {
      name: "SessionEvictedError",
      code: "ERR_SESSION_EVICTED",
      outcome: "unknown",
      data: { group },
    });
  }
}

/**
 * More replicas of a memory group came back with nothing, at once, than the group can spare: what
 * it knew is gone. What was under way may have run.
 */
export class GroupLostError extends ActorError {
  constructor(group: string, replica: string) {
    const way = "if nothing can be saved, stop it on all nodes and start it with bootstrap: true";
    super(`group "${group}" has lost its memory, says its replica on ${replica}; ${way}`, {
      name: "GroupLostError",
      code: "ERR_GROUP_LOST",
      outcome: "unknown",
      data: { group, replica },
    });
  }
}

/**
 * Nobody has told who holds the replicas of a group with a `size`: it was not founded yet, or those
 * who know are not connected. No replica was started; it may be tried again.
 */
export class GroupUnfoundedError extends ActorError {
  constructor(group: string, timeoutMs: number, missing: string) {
    super(`group "${group}" was not found within ${timeoutMs} ms: ${missing}`, {
      name: "GroupUnfoundedError",
      code: "ERR_GROUP_UNFOUNDED",
      outcome: "not_run",
      data: { group, timeoutMs, missing },
    });
  }
}

/**
 * Two groups have one name: the cluster was in parts, and each part had a founder, or the founder
 * forgot what it had chosen. Each side goes on with its own group, and what was answered by one is
 * not known to the other. A person has to say which of them shall stay.
 */
export class GroupSplitError extends ActorError {
  constructor(group: string, own: Roster, other: Roster) {
    const name = ({ id, replicas }: Roster) => `${id.slice(0, 8)} on ${replicas.join(", ")}`;
    const way = "stop one of them on all nodes and move its storage away";
    super(`there are two groups "${group}": ${name(own)}, and ${name(other)}; ${way}`, {
      name: "GroupSplitError",
      code: "ERR_GROUP_SPLIT",
      outcome: "unknown",
      data: { group, own, other },
    });
  }
}

/** Two nodes describe one group differently. Nothing was run. */
export class GroupConfigMismatchError extends ActorError {
  constructor(group: string, replica: string, differences: readonly string[]) {
    super(`replica ${replica} has other settings for group "${group}": ${differences.join("; ")}`, {
      name: "GroupConfigMismatchError",
      code: "ERR_GROUP_CONFIG_MISMATCH",
      outcome: "not_run",
      data: { group, replica, differences },
    });
  }
}

/**
 * - `failed`: input or output failed in a way that has no name of its own here.
 * - `full`, `read_only`, `permission`, `not_a_directory`: what the file system said.
 * - `unsuitable`: the place cannot hold a lock, or its path is too long for one.
 * - `foreign`: it belongs to another group, replica or history. `version`: to another format.
 * - `locked`: another process, or another handle of this one, has it open.
 * - `not_empty`: a journal is there, and its replica was told that it had been lost (`rejoin`).
 * - `missing`: there is none, though the group has begun with one here.
 * - `damaged`: what was durable cannot be read, and it is not known what that was.
 */
export type JournalProblem =
  | "failed"
  | "full"
  | "read_only"
  | "permission"
  | "not_a_directory"
  | "unsuitable"
  | "foreign"
  | "version"
  | "locked"
  | "not_empty"
  | "missing"
  | "damaged";

/** What a person can do about it. */
const journalAdvice: Readonly<Record<JournalProblem, string | undefined>> = {
  failed: undefined,
  full: "free space there, then start the replica again",
  read_only: "mount it writable, or name another storage",
  permission: "let the user of this process read and write there",
  not_a_directory: "name a directory as storage, or move away what is in its place",
  unsuitable: "name a storage on a local file system, with a shorter path",
  foreign: "name another storage, or start the group that it belongs to",
  version: "start it with the version that wrote it, or name an empty storage",
  locked: "end the holder first, and start a node once only",
  not_empty: "take `rejoin` out of the options, or move the directory away if it is to be given up",
  missing: "name the storage that has it; if it is lost for good, start once with `rejoin: true`",
  damaged: "see `troupe journal verify`; move the directory away, and start once with `rejoin`",
};

/**
 * The journal cannot be opened (`not_run`: no replica was started), or cannot be written
 * (`unknown`: what was under way may survive on other replicas). A replica that meets it stops for
 * good. `kind` says what is wrong, `code` says it too.
 */
export class JournalError extends ActorError {
  constructor(
    path: string,
    problem: string,
    outcome: "not_run" | "unknown",
    more: { readonly kind?: JournalProblem; readonly cause?: unknown; readonly data?: object } = {},
  ) {
    const { kind = "failed", cause, data = {} } = more;
    const advice = journalAdvice[kind];
    super(`journal ${path}: ${problem}${advice === undefined ? "" : `; ${advice}`}`, {
      name: "JournalError",
      code: kind === "failed" ? "ERR_JOURNAL" : `ERR_JOURNAL_${kind.toUpperCase()}`,
      outcome,
      data: { path, kind, problem, ...data },
      cause,
    });
  }

  get kind(): JournalProblem {
    return (this.data as { kind: JournalProblem }).kind;
  }
}

/**
 * A journal has lost what may have been acknowledged, and it cannot be told what: it is not opened,
 * and nothing in it is changed. No replica was started.
 */
export class JournalDamagedError extends JournalError {
  constructor(path: string, file: string, offset: number, why: string) {
    super(path, `${file} is damaged at byte ${offset}: ${why}`, "not_run", {
      kind: "damaged",
      data: { file, offset },
    });
  }

  get file(): string {
    return (this.data as { file: string }).file;
  }

  get offset(): number {
    return (this.data as { offset: number }).offset;
  }
}

/**
 * A checkpoint that this replica was about to go on from cannot be read any more. The replica has
 * stopped; started again, it takes an older one, or fetches one from the others.
 */
export class CheckpointError extends ActorError {
  constructor(op: number) {
    super(`the checkpoint after op ${op} cannot be read; start the replica again`, {
      name: "CheckpointError",
      code: "ERR_CHECKPOINT",
      outcome: "unknown",
      data: { op },
    });
  }
}

/** This node's handle of the group was closed. A call that had been sent may have run. */
export class GroupClosedError extends ActorError {
  constructor(group: string, outcome: "not_run" | "unknown") {
    super(`the handle of group "${group}" is closed`, {
      name: "GroupClosedError",
      code: "ERR_GROUP_CLOSED",
      outcome,
      data: { group },
    });
  }
}

/**
 * A definition has, or a handler asked its `ctx` for, what a replicated actor cannot have: found
 * when the group is made (`not_run`), or in a handler, whose call then changed nothing (`ran`).
 */
export class NotReplicableError extends ActorError {
  constructor(what: string, outcome: "not_run" | "ran" = "ran") {
    super(`${what} is not available to a replicated actor`, {
      name: "NotReplicableError",
      code: "ERR_NOT_REPLICABLE",
      outcome,
      data: { what },
    });
  }
}

/** A check found that an actor would not compute the same on every replica. It ran in the check. */
export class DeterminismError extends ActorError {
  constructor(step: string, problem: string) {
    super(`${step} is not the same on every replica: ${problem}`, {
      name: "DeterminismError",
      code: "ERR_NOT_DETERMINISTIC",
      outcome: "ran",
      data: { step, problem },
    });
  }
}

/**
 * The reason with which an effect's signal is aborted when its replica leads the group no more. The
 * work may have been done; the next primary does it again, under the same id.
 */
export class EffectStoppedError extends ActorError {
  constructor() {
    super("this replica leads its group no more, and the next primary does the work again", {
      name: "EffectStoppedError",
      code: "ERR_EFFECT_STOPPED",
      outcome: "unknown",
    });
  }
}
