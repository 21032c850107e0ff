/**
 * The port to the event loop: how the runtime asks to be called again.
 *
 * It exists so that a simulator can decide the order of turns. Nothing else in the package queues
 * a microtask or an immediate.
 */

/** How a scheduler asks to be called again. Neither method calls `task` synchronously. */
export interface EventLoop {
  /** Calls `task` before control returns to the event loop. */
  soon(task: () => void): void;
  /** Calls `task` after timers and sockets had their turn. */
  later(task: () => void): void;
}

const settled = Promise.resolve();

/**
 * The event loop of Node.js.
 *
 * `soon` is a promise reaction: it runs on the same queue as `queueMicrotask`, without the async
 * resource that Node allocates for each of those.
 */
export const nodeEventLoop: EventLoop = {
  soon(task) {
    void settled.then(task);
  },
  later(task) {
    setImmediate(task);
  },
};
