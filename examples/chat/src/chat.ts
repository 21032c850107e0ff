/**
 * One person in one room at a time.
 *
 * A room is a name, used three times: as a group that has the members' sessions, as a topic to
 * which lines are published, and as the place where they are present. None of it is made before it
 * is used, or has an owner; what a node brought in goes with the node.
 */
import { type AnyRef, defineActor } from "@troupe/actor";
import type { Node } from "@troupe/cluster";

export interface Line {
  readonly from: string;
  readonly text: string;
}

/** Gets what is published in the room that its person is in. */
export const Session = defineActor("session", {
  init: ({ user }: { user: string }) => ({ user }),
  info: {
    line: ({ user }, { from, text }: Line) => {
      if (from !== user) console.log(`${from}: ${text}`);
    },
  },
});

export class Chat {
  readonly #node: Node;
  readonly #user: string;
  readonly #session: AnyRef;
  #room = "";
  #leave = () => {};

  constructor(node: Node, user: string, session: AnyRef) {
    this.#node = node;
    this.#user = user;
    this.#session = session;
  }

  join(room: string): void {
    this.#leave();
    this.#room = room;
    const { groups, pubsub, presence } = this.#node;
    console.log(`you are ${this.#user} in ${room}`);
    // Who sees that we are present can reach us: entries of a node are seen in the order in which
    // they were made, so this comes last.
    groups.join(room, this.#session);
    const unsubscribe = pubsub.subscribe(room, this.#session, { as: "line" });
    const { untrack } = presence.track(room, this.#user, {}, { ref: this.#session });
    const { present, stop } = presence.subscribe(room, ({ joins, leaves }) => {
      this.#tell(leaves.keys(), `has left ${room}`);
      this.#tell(joins.keys(), `is in ${room}`);
    });
    this.#tell(present.keys(), `is in ${room}`);
    this.#leave = () => {
      stop();
      untrack();
      unsubscribe();
      groups.leave(room, this.#session);
    };
  }

  say(text: string): void {
    const line: Line = { from: this.#user, text };
    const { dropped } = this.#node.pubsub.publish(this.#room, line);
    for (const node of dropped) console.log(`node ${node} did not get that`);
  }

  who(): void {
    const users = [...this.#node.presence.list(this.#room).keys()].sort();
    console.log(`in ${this.#room}: ${users.join(", ")}`);
  }

  rooms(): void {
    const { groups } = this.#node;
    for (const room of groups.list()) console.log(`${room} ${groups.members(room).length}`);
  }

  #tell(users: Iterable<string>, what: string): void {
    for (const user of [...users].sort()) if (user !== this.#user) console.log(`${user} ${what}`);
  }
}
