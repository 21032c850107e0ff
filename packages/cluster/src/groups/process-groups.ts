/**
 * Groups of processes, as OTP's `pg` has them: any process may be in any group any number of times,
 * and every node sees the members on all nodes.
 *
 * A node adds and removes its own processes only. Groups need not be made: there is one as long as
 * it has a member. What other nodes see follows a little later, exactly, and is gone with them.
 */
import type { AnyRef, RefAddress } from "@troupe/actor";
import { functionOption } from "@troupe/actor/runtime";
import { ByteReader, ByteWriter } from "../bytes.ts";
import { DirectoryFullError, ProtocolError } from "../errors.ts";
import { Announcer, type Unlisten } from "./announcer.ts";
import type { Directory, DirectoryChange } from "./directory.ts";
import { Space } from "./directory-messages.ts";
import type { Residents } from "./residents.ts";
import { topicOption } from "./topic.ts";

/** Processes have joined a group, or left it; one that did so several times is there as often. */
export interface GroupEvent {
  readonly kind: "join" | "leave";
  readonly group: string;
  readonly refs: readonly AnyRef[];
}

/** What `monitor` gives: who was a member then, and the end of the listening. */
export interface GroupMonitor {
  /** The members at the moment from which the listener is told. */
  readonly members: readonly AnyRef[];
  /** Ends it. Twice is once. */
  stop(): void;
}

export interface ProcessGroupsPorts {
  readonly directory: Directory;
  readonly residents: Residents;
  /** This node. */
  readonly self: string;
  readonly refAt: (address: RefAddress) => AnyRef;
  readonly listenerThrew: (what: string, error: unknown) => void;
  readonly unreadable: (node: string, what: string) => void;
}

/** A process in a group. */
interface Membership {
  readonly ref: AnyRef;
  readonly count: number;
}

/** The members of one group on one node, by the keys of their entries. */
type NodeMembers = Map<string, Membership>;

/**
 * The process groups of a cluster, as this node sees them. See {@link Node.groups}.
 *
 * @example
 * ```ts
 * node.groups.join("lobby", room);
 * node.groups.members("lobby"); // => [room, the rooms of other nodes]
 * node.groups.cast("lobby", "say", "hello"); // => 3
 * ```
 */
export class ProcessGroups {
  readonly #ports: ProcessGroupsPorts;
  readonly #byGroup = new Map<string, Map<string, NodeMembers>>();
  /** What ends the attendance of each own entry, by key and group. */
  readonly #attended = new Map<string, () => void>();
  readonly #announcer: Announcer<GroupEvent>;

  constructor(ports: ProcessGroupsPorts) {
    this.#ports = ports;
    this.#announcer = new Announcer((group, error) =>
      ports.listenerThrew(`a monitor of group "${group}"`, error),
    );
    ports.directory.listen(Space.groups, (changes) => this.#take(changes));
  }

  /**
   * Puts a process of this node into a group, once more if it is there already. It leaves by
   * itself when it ends.
   *
   * Throws OptionError for a ref of another node or a bad name, NoProcessError when the process
   * has ended, and DirectoryFullError at `limits.maxDirectoryEntries`: it did not join then.
   * OTP: `pg:join`.
   */
  join(group: string, ref: AnyRef): void {
    topicOption("group", group);
    const process = this.#ports.residents.require(ref);
    const key = keyOf(process);
    const count = this.#countOf(group, key);
    if (count > 0) {
      this.#write(group, process, count + 1);
      return;
    }
    // Attended first: whoever hears of it may take it out again.
    const unattend = this.#ports.residents.attend(process, () => this.#drop(group, key));
    this.#attended.set(`${key}:${group}`, unattend);
    try {
      this.#write(group, process, 1);
    } catch (error) {
      this.#unattend(group, key);
      throw error;
    }
  }

  /**
   * Takes a process of this node out of a group, once. False if it was not in it. Throws
   * OptionError for a ref of another node or a bad name. OTP: `pg:leave`.
   */
  leave(group: string, ref: AnyRef): boolean {
    topicOption("group", group);
    const key = String(this.#ports.residents.idOf(ref));
    const own = this.#byGroup.get(group)?.get(this.#ports.self)?.get(key);
    if (own === undefined) return false;
    if (own.count > 1) this.#write(group, own.ref, own.count - 1);
    else this.#drop(group, key);
    return true;
  }

  /**
   * The members of a group on all connected nodes, those of this node first; one that has joined
   * several times is there as often. OTP: `pg:get_members`.
   */
  members(group: string): readonly AnyRef[] {
    const byNode = this.#byGroup.get(group);
    if (byNode === undefined) return [];
    const members = refsOf(byNode.get(this.#ports.self));
    for (const [node, ofNode] of byNode) {
      if (node !== this.#ports.self) members.push(...refsOf(ofNode));
    }
    return members;
  }

  /** The members of a group on this node. OTP: `pg:get_local_members`. */
  localMembers(group: string): readonly AnyRef[] {
    return refsOf(this.#byGroup.get(group)?.get(this.#ports.self));
  }

  /** The groups that have a member, sorted. OTP: `pg:which_groups`. */
  list(): readonly string[] {
    return [...this.#byGroup.keys()].sort();
  }

  /**
   * Who is in a group now, and from then on who joins and who leaves, without a gap in between. The
   * listener is called in the order of the changes; what it throws is logged. OTP: `pg:monitor`.
   *
   * @example
   * ```ts
   * const { members, stop } = node.groups.monitor("lobby", ({ kind, refs }) => {
   *   console.log(kind, refs.length);
   * });
   * ```
   */
  monitor(group: string, listener: (event: GroupEvent) => void): GroupMonitor {
    topicOption("group", group);
    functionOption("listener", listener);
    const stop: Unlisten = this.#announcer.listen(group, listener);
    return { members: this.members(group), stop };
  }

  /**
   * Casts to every member, to each once, and returns to how many. Like a cast it never waits; one
   * that cannot be delivered is a dead letter. The members of a node get it in the order of the
   * casts; what a process joins later it misses.
   */
  cast(group: string, operation: string, arg?: unknown): number {
    let sent = 0;
    for (const members of [...(this.#byGroup.get(group)?.values() ?? [])]) {
      for (const { ref } of [...members.values()]) {
        ref.cast(operation, arg);
        sent += 1;
      }
    }
    return sent;
  }

  #countOf(group: string, key: string): number {
    return this.#byGroup.get(group)?.get(this.#ports.self)?.get(key)?.count ?? 0;
  }

  /** A process has ended, or has left for the last time. */
  #drop(group: string, key: string): void {
    this.#unattend(group, key);
    this.#ports.directory.remove({ space: Space.groups, topic: group, key });
  }

  #unattend(group: string, key: string): void {
    this.#attended.get(`${key}:${group}`)?.();
    this.#attended.delete(`${key}:${group}`);
  }

  #write(group: string, process: AnyRef, count: number): void {
    if (count > MAX_JOINS) throw new DirectoryFullError(`of ${process} in "${group}"`, MAX_JOINS);
    const { actor } = process.address;
    const value = new ByteWriter(4 + 2 + Buffer.byteLength(actor)).u32(count).text16(actor).done();
    this.#ports.directory.set({ space: Space.groups, topic: group, key: keyOf(process) }, value);
  }

  #take(changes: readonly DirectoryChange[]): () => void {
    const events: GroupEvent[] = [];
    for (const change of changes) {
      const event = this.#takeOne(change);
      if (event !== undefined) events.push(event);
    }
    return () => {
      for (const event of joinedUp(events)) this.#announcer.announce(event.group, event);
    };
  }

  #takeOne({ writer, topic: group, key, value }: DirectoryChange): GroupEvent | undefined {
    const byNode = this.#byGroup.get(group) ?? new Map<string, NodeMembers>();
    const members: NodeMembers = byNode.get(writer.name) ?? new Map();
    const before = members.get(key);
    const after = value === undefined ? undefined : this.#read(writer, key, value, before);
    if (after === undefined) members.delete(key);
    else members.set(key, after);
    if (members.size > 0) byNode.set(writer.name, members);
    else byNode.delete(writer.name);
    if (byNode.size > 0) this.#byGroup.set(group, byNode);
    else this.#byGroup.delete(group);
    const more = (after?.count ?? 0) - (before?.count ?? 0);
    const ref = after?.ref ?? before?.ref;
    if (more === 0 || ref === undefined || !this.#announcer.hears(group)) return undefined;
    return { kind: more > 0 ? "join" : "leave", group, refs: times(ref, Math.abs(more)) };
  }

  /** A node names processes of its own only, so the rest of their address is known. */
  #read(
    { name: node, incarnation }: DirectoryChange["writer"],
    key: string,
    value: Uint8Array,
    before: Membership | undefined,
  ): Membership | undefined {
    try {
      const id = Number(key);
      const reader = new ByteReader(value, "GROUP");
      const count = reader.u32();
      const actor = reader.text16();
      if (!Number.isSafeInteger(id) || id < 1) throw new ProtocolError(`a process ${key}`);
      if (count < 1 || count > MAX_JOINS) throw new ProtocolError(`a count of ${count}`);
      const address: RefAddress = { kind: "process", node, incarnation, id, actor };
      return { ref: before?.ref ?? this.#ports.refAt(address), count };
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#ports.unreadable(node, `a member of a group: ${error.message}`);
      return undefined;
    }
  }
}

/** How often a process may be in one group; another node must not make us fill memory. */
const MAX_JOINS = 1024;

function keyOf({ address }: AnyRef): string {
  return String(address.id);
}

function refsOf(members: NodeMembers | undefined): AnyRef[] {
  const refs: AnyRef[] = [];
  for (const { ref, count } of members?.values() ?? []) {
    for (let n = 0; n < count; n++) refs.push(ref);
  }
  return refs;
}

function times(ref: AnyRef, count: number): AnyRef[] {
  return Array.from({ length: count }, () => ref);
}

/** Events of one kind and one group that follow each other become one. */
function joinedUp(events: readonly GroupEvent[]): GroupEvent[] {
  const joined: (GroupEvent & { refs: AnyRef[] })[] = [];
  for (const { kind, group, refs } of events) {
    const last = joined.at(-1);
    if (last?.kind === kind && last.group === group) last.refs.push(...refs);
    else joined.push({ kind, group, refs: [...refs] });
  }
  return joined;
}
