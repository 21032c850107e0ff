/**
 * A collection for places where one member is the rule and thousands are possible.
 *
 * A member that is alone is held as it is, so it costs no set. Members are in the order in which
 * they were added. Functions over a plain value; nothing here keeps anything.
 */

/** One member, or a set of at least two. A member must not be a set itself. */
export type OneOrMany<T extends object> = T | Set<T>;

/** The members with one more; an existing set is changed in place. */
export function including<T extends object>(
  members: OneOrMany<T> | undefined,
  member: T,
): OneOrMany<T> {
  if (members === undefined) return member;
  if (members instanceof Set) return members.add(member);
  return new Set([members, member]);
}

/** The members without one of them; undefined when none is left. */
export function excluding<T extends object>(
  members: OneOrMany<T> | undefined,
  member: T,
): OneOrMany<T> | undefined {
  if (!(members instanceof Set)) return members === member ? undefined : members;
  members.delete(member);
  if (members.size > 1) return members;
  const [last] = members;
  return last;
}

/** How many members there are. */
export function countOf<T extends object>(members: OneOrMany<T> | undefined): number {
  if (members === undefined) return 0;
  return members instanceof Set ? members.size : 1;
}

/** The oldest member. */
export function firstOf<T extends object>(members: OneOrMany<T> | undefined): T | undefined {
  if (!(members instanceof Set)) return members;
  const [first] = members;
  return first;
}

/** A copy of the members, oldest first. */
export function listOf<T extends object>(members: OneOrMany<T> | undefined): T[] {
  if (members === undefined) return [];
  return members instanceof Set ? [...members] : [members];
}
