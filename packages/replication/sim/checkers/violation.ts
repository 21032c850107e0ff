/** How a checker says that a property does not hold. */

export class Violation extends Error {
  override readonly name = "Violation";
  /** The property, by the name that research §2.9 gives it. */
  readonly checker: string;

  constructor(checker: string, detail: string) {
    super(`${checker}: ${detail}`);
    this.checker = checker;
  }
}

/** Throws unless the property holds. */
export function holds(condition: boolean, checker: string, detail: () => string): void {
  if (!condition) throw new Violation(checker, detail());
}
