/**
 * What one life of a node shares with all others: a group, a topic and presences. What the views
 * tell bit by bit must add up to what they list, and nobody may be listed who is not connected.
 */
import type { AnyRef } from "@troupe/actor";
import type {
  GroupEvent,
  Node,
  PresenceDiff,
  PresenceEntry,
  PresenceMap,
  Tracked,
} from "@troupe/cluster";
import type { Chance } from "./random.ts";
import type { SimProcess } from "./sim-process.ts";
import type { World } from "./world.ts";

const group = "crew";
const topic = "news";
const room = "lobby";
const keys = ["ann", "bob", "cid"] as const;

interface Published {
  readonly from: number;
  readonly number: number;
}

export class Commons {
  readonly #world: World;
  readonly #process: SimProcess;
  readonly #node: Node;
  readonly #chance: Chance;
  readonly #presences = new Map<string, { readonly tracked: Tracked; text: string }>();
  readonly #joins = new Map<AnyRef, number>();
  /** What the listeners were told, added up. */
  readonly #present = new Set<string>();
  readonly #crew: string[];
  /** The last number of each publisher, and how many came. */
  readonly #heard = new Map<number, number>();
  #unsubscribe: (() => void) | undefined;
  #published = 0;
  #metas = 0;

  constructor(world: World, process: SimProcess, node: Node, chance: Chance) {
    this.#world = world;
    this.#process = process;
    this.#node = node;
    this.#chance = chance;
    const { present } = node.presence.subscribe(room, (diff) => this.#onPresence(diff));
    for (const text of textsOf(present)) this.#present.add(text);
    const { members } = node.groups.monitor(group, (event) => this.#onGroup(event));
    this.#crew = members.map(String);
    node.events.on("exit", ({ ref }) => this.#joins.delete(ref));
    const look = () => world.atEndOfEvent(() => this.#compare());
    node.events.on("nodeup", look);
    node.events.on("nodedown", look);
  }

  /** Changes something, in the name of a process of this node or in its own. */
  act(ref: AnyRef | undefined): void {
    const dice = this.#chance.next();
    if (dice < 0.4) this.#move(ref);
    else if (dice < 0.6) this.#joinOrLeave(ref);
    else if (dice < 0.7) this.subscribe(!this.#unsubscribe);
    else this.publish();
  }

  /** Listens to the topic, or no longer. */
  subscribe(wanted: boolean): void {
    if (wanted === (this.#unsubscribe !== undefined)) return;
    this.#unsubscribe?.();
    this.#unsubscribe = wanted
      ? this.#node.pubsub.subscribe(topic, (message) => this.#onPublished(message as Published))
      : undefined;
  }

  publish(): void {
    this.#published += 1;
    const message: Published = {
      from: this.#world.idOf(this.#process),
      number: this.#published,
    };
    this.#node.pubsub.publish(topic, message);
  }

  /** The last number that was published here. */
  get published(): number {
    return this.#published;
  }

  /** The last number that came from a process. */
  heardOf(process: SimProcess): number {
    return this.#heard.get(this.#world.idOf(process)) ?? 0;
  }

  /** What this node itself has made: what all others have to see of it. */
  get own(): string[] {
    const tracked = [...this.#presences.values()].filter((each) => each.tracked.isTracked);
    const presences = tracked.map(({ text }) => text);
    const joined = [...this.#joins].flatMap(([ref, count]) =>
      Array.from({ length: count }, () => String(ref)),
    );
    return [...presences, ...joined].sort();
  }

  /** What this node sees of all. */
  get seen(): string[] {
    const { presence, groups } = this.#node;
    return [...textsOf(presence.list(room)), ...groups.members(group).map(String)].sort();
  }

  #move(ref: AnyRef | undefined): void {
    const key = this.#chance.pick(keys);
    const owner = this.#chance.hits(0.5) ? ref : undefined;
    const id = `${key}:${owner ?? "node"}`;
    const before = this.#presences.get(id);
    this.#metas += 1;
    const meta = this.#metas;
    const text = presenceText(key, { node: this.#node.name, ref: owner, meta });
    if (before?.tracked.isTracked !== true) {
      const options = owner === undefined ? {} : { ref: owner };
      const tracked = this.#node.presence.track(room, key, meta, options);
      this.#presences.set(id, { tracked, text });
    } else if (this.#chance.hits(0.5)) {
      before.tracked.update(meta);
      before.text = text;
    } else before.tracked.untrack();
  }

  #joinOrLeave(ref: AnyRef | undefined): void {
    if (ref === undefined) return;
    const count = this.#joins.get(ref) ?? 0;
    if (count < 2 && this.#chance.hits(0.6)) {
      this.#node.groups.join(group, ref);
      this.#joins.set(ref, count + 1);
    } else if (this.#node.groups.leave(group, ref) !== count > 0) {
      this.#say(`leaving the group ${count} times joined says otherwise`);
    } else if (count > 1) this.#joins.set(ref, count - 1);
    else this.#joins.delete(ref);
  }

  #onPresence({ joins, leaves }: PresenceDiff): void {
    for (const text of textsOf(leaves)) {
      if (!this.#present.delete(text)) this.#say(`presence: ${text} leaves, who was not there`);
    }
    for (const text of textsOf(joins)) {
      if (this.#present.has(text)) this.#say(`presence: ${text} joins, who was there`);
      this.#present.add(text);
    }
    this.#world.atEndOfEvent(() => this.#compare());
  }

  #onGroup({ kind, refs }: GroupEvent): void {
    for (const name of refs.map(String)) {
      const at = this.#crew.indexOf(name);
      if (kind === "join") this.#crew.push(name);
      else if (at < 0) this.#say(`group: ${name} leaves, who was not in it`);
      else this.#crew.splice(at, 1);
    }
    this.#world.atEndOfEvent(() => this.#compare());
  }

  #onPublished({ from, number }: Published): void {
    const last = this.#heard.get(from) ?? 0;
    const publisher = this.#world.processOf(from);
    if (number <= last) this.#say(`published ${number} of ${publisher?.label} after ${last}`);
    this.#heard.set(from, number);
  }

  /** Views and what they told agree, and all of it comes from who is connected. */
  #compare(): void {
    if (!this.#process.alive || this.#process.stopping) return;
    const { presence, groups } = this.#node;
    const listed = presence.list(room);
    const present = [...textsOf(listed)].sort().join();
    if (present !== [...this.#present].sort().join()) {
      this.#say(`presence lists ${present} and has told ${[...this.#present].join()}`);
    }
    const crew = groups.members(group);
    if (crew.map(String).sort().join() !== [...this.#crew].sort().join()) {
      this.#say(`the group has ${crew.join()} and has told ${this.#crew.join()}`);
    }
    const connected = new Set([this.#node.name, ...this.#node.nodes().map(({ name }) => name)]);
    const places = [...listed.values()].flat().map(({ node }) => node);
    for (const node of [...places, ...crew.map(({ address }) => address.node ?? "")]) {
      if (!connected.has(node)) this.#say(`${node} is listed and not connected`);
    }
  }

  #say(problem: string): void {
    this.#world.violate(`${this.#process.label}: ${problem}`);
  }
}

function textsOf(map: PresenceMap): string[] {
  return [...map].flatMap(([key, entries]) => entries.map((entry) => presenceText(key, entry)));
}

function presenceText(key: string, { node, ref, meta }: PresenceEntry): string {
  return `${key}@${node}/${ref ?? "node"}=${meta}`;
}
