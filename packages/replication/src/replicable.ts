/**
 * What the compiler refuses to replicate: an actor with a handler that returns a promise. It would
 * answer when its own replica is ready for it, and so at another place of each history. An
 * asynchronous `init` leaves no trace in a definition's type; `replicate` refuses it when it runs.
 */

// biome-ignore lint/suspicious/noExplicitAny: stands where TypeScript infers from a handler
export type Inferred = any;

/** The names of the handlers in a table that return a promise. */
type AsyncIn<T> = {
  [O in keyof T & string]: T[O] extends (...args: Inferred[]) => infer R
    ? 0 extends 1 & R
      ? never
      : [Extract<R, PromiseLike<unknown>>] extends [never]
        ? never
        : O
    : never;
}[keyof T & string];

/** `unknown` for a definition that can be replicated, else a type that says what is in the way. */
export type Replicable<Q, C, K, I, T> = [
  AsyncIn<Q> | AsyncIn<C> | AsyncIn<K> | AsyncIn<I> | AsyncIn<T>,
] extends [never]
  ? unknown
  : {
      readonly "a replicated actor's handlers are synchronous":
        | AsyncIn<Q>
        | AsyncIn<C>
        | AsyncIn<K>
        | AsyncIn<I>
        | AsyncIn<T>;
    };
