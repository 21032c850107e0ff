/**
 * The errors of supervisors and tasks, one class per code.
 */
import { ActorError } from "../actor-error.ts";
import { describeExit, type ExitReason } from "../exit-reason.ts";

/** The supervisor has a child with that id, with or without a process. OTP: `already_started`. */
export class ChildAlreadyStartedError extends ActorError {
  declare readonly data: { id: string; ref: unknown };

  constructor(id: string, ref: unknown) {
    super(`the child "${id}" is started already`, {
      name: "ChildAlreadyStartedError",
      code: "ERR_CHILD_ALREADY_STARTED",
      outcome: "not_run",
      data: { id, ref },
    });
  }

  /** The ref of the child that has the id; undefined while it is restarted. */
  get ref(): unknown {
    return this.data.ref;
  }
}

/** The supervisor has a child with that id, which is stopped. OTP: `already_present`. */
export class ChildAlreadyPresentError extends ActorError {
  constructor(id: string) {
    super(`there is a child "${id}", which is stopped: restart or delete it`, {
      name: "ChildAlreadyPresentError",
      code: "ERR_CHILD_ALREADY_PRESENT",
      outcome: "not_run",
      data: { id },
    });
  }
}

/** The child runs, so it cannot be restarted or deleted. OTP: `{error, running}`. */
export class ChildRunningError extends ActorError {
  constructor(id: string) {
    super(`the child "${id}" is running: terminate it first`, {
      name: "ChildRunningError",
      code: "ERR_CHILD_RUNNING",
      outcome: "not_run",
      data: { id },
    });
  }
}

/** The supervisor is restarting the child. OTP: `{error, restarting}`. */
export class ChildRestartingError extends ActorError {
  constructor(id: string) {
    super(`the child "${id}" is being restarted: terminate it first`, {
      name: "ChildRestartingError",
      code: "ERR_CHILD_RESTARTING",
      outcome: "not_run",
      data: { id },
    });
  }
}

/** The supervisor has no such child. OTP: `{error, not_found}`. */
export class ChildNotFoundError extends ActorError {
  constructor(child: string) {
    super(`there is no child ${child}`, {
      name: "ChildNotFoundError",
      code: "ERR_CHILD_NOT_FOUND",
      outcome: "not_run",
      data: { child },
    });
  }
}

/** The supervisor has as many children as it may have. Elixir: `{:error, :max_children}`. */
export class MaxChildrenError extends ActorError {
  constructor(supervisor: string, maxChildren: number) {
    super(`${supervisor} has ${maxChildren} children, and may have no more`, {
      name: "MaxChildrenError",
      code: "ERR_MAX_CHILDREN",
      outcome: "not_run",
      data: { supervisor, maxChildren },
    });
  }
}

/**
 * The task ended without a result. The outcome is `"ran"` when its function threw, with what was
 * thrown as the `cause`, and `"unknown"` when it was killed or stopped. Elixir: `Task.await` exits.
 */
export class TaskExitedError extends ActorError {
  declare readonly data: { target: string; reason: ExitReason };

  /** `thrown` holds what the function threw, when it did. */
  constructor(target: string, reason: ExitReason, thrown?: { readonly error: unknown }) {
    super(`${target} exited: ${describeExit(reason)}`, {
      name: "TaskExitedError",
      code: "ERR_TASK_EXITED",
      outcome: thrown === undefined ? "unknown" : "ran",
      data: { target, reason },
      cause: thrown?.error,
    });
  }

  /** Why the task ended. */
  get reason(): ExitReason {
    return this.data.reason;
  }
}
