/**
 * Which process has which name. A name belongs to one process, and a process has one name.
 *
 * The owner frees a name before it tells anybody that the process is over, so whoever hears of the
 * end can use the name again.
 */

/** Names and their owners. */
export class Names<T> {
  readonly #owners = new Map<string, T>();
  readonly #names = new Map<T, string>();

  /** Gives a free name to an owner; false when it is taken. */
  register(name: string, owner: T): boolean {
    if (this.#owners.has(name)) return false;
    this.#owners.set(name, owner);
    this.#names.set(owner, name);
    return true;
  }

  /** The owner of a name. */
  find(name: string): T | undefined {
    return this.#owners.get(name);
  }

  /** The name of an owner. */
  nameOf(owner: T): string | undefined {
    return this.#names.get(owner);
  }

  /** Frees the name of an owner, if it has one. */
  release(owner: T): void {
    const name = this.#names.get(owner);
    if (name === undefined) return;
    this.#names.delete(owner);
    this.#owners.delete(name);
  }
}
