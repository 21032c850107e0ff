/**
 * How a replica stops whose life has ended: another one has taken its name since.
 *
 * It lives in this room, which imports nothing, because it is thrown out of `step`, and is a public
 * name of the package.
 */

/**
 * The others know of a later life of this replica: it has rejoined with a new journal, and this
 * one, which was thought to be lost, has come back, or is lost too and was begun without order. The
 * replica has stopped; what it said counts for nobody.
 */
export class EndedLifeError extends Error {
  override readonly name = "EndedLifeError";
  readonly code = "ERR_ENDED_LIFE";
  readonly outcome = "unknown";

  constructor() {
    const way = "start it with the newer journal, or on an empty directory with rejoin: true";
    super(`the others know of a later life of this replica; ${way}`);
  }
}
