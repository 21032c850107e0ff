/** What went wrong, in a few words for people. */

/** The message of an error, or of what was thrown instead of one. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? error.message : error;
  if (typeof text !== "string") return `it threw what is no error (${typeof text})`;
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
