/**
 * What one life of a node says of the others, held against what is true: `nodeup`, messages and
 * `nodedown` of each life in that order, and nobody lost without a reason.
 */
import type { Channel, Node, NodeDown, NodeInfo } from "@troupe/cluster";
import type { SimProcess } from "./sim-process.ts";
import type { End } from "./wire.ts";
import type { World } from "./world.ts";

interface Sender {
  /** The sender's link over which each of our links hears it. */
  readonly epochs: Map<number, number>;
  epoch: number;
  number: number;
}

const channelName = "sim";
const headerBytes = 12;

export class Witness {
  readonly process: SimProcess;
  readonly node: Node;
  readonly #world: World;
  readonly #channel: Channel;
  /** Who is up, in which life. */
  readonly #up = new Map<string, number>();
  /** How many links there were to each name. */
  readonly #epochs = new Map<string, number>();
  /** The socket of the last link to each process. */
  readonly #links = new Map<SimProcess, End>();
  readonly #heard = new Map<SimProcess, Sender>();
  readonly #numbers = new Map<string, number>();
  /** Told of each new link. */
  onUp: (info: NodeInfo) => void = () => {};

  constructor(world: World, process: SimProcess, node: Node) {
    this.#world = world;
    this.process = process;
    this.node = node;
    this.#channel = node.channel(channelName);
    this.#channel.onMessage((from, payload) => this.#hear(from, Buffer.from(payload)));
    node.events.on("nodeup", (info) => this.#onUp(info));
    node.events.on("nodedown", (info) => this.#onDown(info));
  }

  /** How many links to a name there have been; with none to it now, sending is refused. */
  epoch(name: string): number {
    return this.#epochs.get(name) ?? 0;
  }

  isUp(name: string, incarnation: number): boolean {
    return this.#up.get(name) === incarnation;
  }

  /** Says something to another node over the channel. */
  speak(to: string, paddingBytes: number): void {
    const number = (this.#numbers.get(to) ?? 0) + 1;
    const most = this.#channel.maxPayloadBytes - headerBytes;
    const payload = Buffer.alloc(headerBytes + Math.min(paddingBytes, most));
    payload.writeUInt32BE(this.#world.idOf(this.process), 0);
    payload.writeUInt32BE(this.epoch(to), 4);
    payload.writeUInt32BE(number, 8);
    if (this.#channel.send(to, payload)) this.#numbers.set(to, number);
  }

  /** A socket of ours has become a link. */
  linked(end: End): void {
    const peer = end.peer.process;
    const before = this.#links.get(peer);
    if (before !== undefined && before !== end && before.isLink) {
      this.#say(`two links to ${peer.label} at once: ${before.id} and ${end.id}`);
    }
    this.#links.set(peer, end);
  }

  #onUp(info: NodeInfo): void {
    const { name, incarnation } = info;
    this.#world.trace(() => `${this.process.label}: up ${name}/${incarnation}`);
    if (this.#up.has(name)) this.#say(`nodeup of ${name} twice`);
    const peer = this.#world.life(name, incarnation);
    if (peer === undefined) this.#say(`nodeup of ${name} in a life that it never had`);
    else if (this.#world.isTrusted(this.process) !== this.#world.isTrusted(peer)) {
      this.#say(`nodeup of ${name}, which does not have the key`);
    }
    this.#up.set(name, incarnation);
    this.#epochs.set(name, this.epoch(name) + 1);
    this.#numbers.delete(name);
    this.#compare();
    this.onUp(info);
  }

  #onDown({ name, incarnation, reason }: NodeDown): void {
    this.#world.trace(() => `${this.process.label}: down ${name}/${incarnation} (${reason})`);
    if (this.#up.get(name) !== incarnation) this.#say(`nodedown of ${name}, which was not up`);
    this.#up.delete(name);
    this.#compare();
    const epoch = this.epoch(name);
    this.#world.atEndOfEvent(() => {
      const open = this.#world.ledger.openTo(this.process, name, epoch);
      if (open.length > 0) this.#say(`${name} is down, and this still waits for it: ${open[0]}`);
      // Who stops has stopped its processes, and nobody is left to be told.
      if (this.process.stopping) return;
      this.process.post("turn", 1, () =>
        this.#world.atEndOfEvent(() => this.#askWatches(name, epoch)),
      );
    });
    const peer = this.#world.life(name, incarnation);
    if (peer !== undefined) this.#askWhy(peer, reason);
  }

  /** Who watched over a link that is gone was told, or has had a turn in which it could be. */
  #askWatches(name: string, epoch: number): void {
    if (this.process.stopping) return;
    const [open] = this.#world.watches.openTo(this.process, name, epoch);
    if (open !== undefined) this.#say(`${name} is down, and ${open} does not know`);
  }

  /** Nobody is given up without a reason. */
  #askWhy(peer: SimProcess, reason: NodeDown["reason"]): void {
    const { options, weather } = this.#world;
    if (reason === "protocol") this.#say(`${peer.label} is said to have broken the protocol`);
    if (reason === "silent") this.#askSilence(peer);
    if (this.process.stopping || peer.stopping || !peer.alive) return;
    if (this.#isYoungAmongRivals(peer)) return;
    const calm = weather.calmMs(this.process.host, peer.host);
    const { heartbeatMs, heartbeatMisses, handshakeTimeoutMs, retryMs } = options;
    const excused = 2 * heartbeatMs * (heartbeatMisses + 2) + 2 * handshakeTimeoutMs + retryMs;
    if (calm > excused + 2500) {
      this.#say(`${peer.label} was given up (${reason}) after ${Math.round(calm)} ms of calm`);
    }
  }

  /**
   * Of two nodes with one name that come at the same time, the one that comes second loses a link
   * that it had for a moment. Links that are older are nobody's to take.
   */
  #isYoungAmongRivals(peer: SimProcess): boolean {
    const { events, options, rivals } = this.#world;
    const link = this.#links.get(peer);
    const linkedAt = link?.linkedAt ?? events.now;
    const youngMs = options.handshakeTimeoutMs + options.probeTimeoutMs;
    return events.now - linkedAt < youngMs && rivals(this.process, peer, linkedAt);
  }

  /**
   * Who was not awake to hear cannot say that the other was silent: a pause that is longer than a
   * round and a half makes that round late, and a late one is not counted.
   */
  #askSilence(peer: SimProcess): void {
    const { heartbeatMs, heartbeatMisses } = this.#world.options;
    const link = this.#links.get(peer);
    if (link === undefined) return;
    const awake = this.process.awakeSince(link.arrivedAt, heartbeatMs * 1.52);
    if (awake < heartbeatMs * (heartbeatMisses - 0.1)) {
      const rounds = (awake / heartbeatMs).toFixed(1);
      this.#say(`${peer.label} is said to be silent, but was heard ${rounds} rounds ago`);
    }
  }

  #hear(from: string, payload: Buffer): void {
    const sender = this.#world.processOf(payload.readUInt32BE(0));
    const [epoch, number] = [payload.readUInt32BE(4), payload.readUInt32BE(8)];
    const what = `message ${number} of link ${epoch} of ${sender?.label}`;
    const incarnation = this.#up.get(from);
    if (incarnation === undefined) this.#say(`${what}, which is not up`);
    else if (sender === undefined || this.#world.life(from, incarnation) !== sender) {
      this.#say(`${what} came as if from ${from}/${incarnation}`);
    } else this.#inOrder(sender, from, epoch, number);
  }

  #inOrder(sender: SimProcess, from: string, epoch: number, number: number): void {
    const what = `message ${number} of link ${epoch} of ${sender.label}`;
    const heard = this.#heard.get(sender) ?? { epochs: new Map(), epoch: -1, number: 0 };
    this.#heard.set(sender, heard);
    if (epoch < heard.epoch) this.#say(`${what} after one of link ${heard.epoch}`);
    const mine = heard.epochs.get(epoch) ?? this.epoch(from);
    if (mine !== this.epoch(from)) this.#say(`${what} came over two of our links`);
    const due = epoch === heard.epoch ? heard.number + 1 : 1;
    if (number !== due) this.#say(`${what}, but ${due} was due`);
    heard.epochs.set(epoch, mine);
    heard.epoch = epoch;
    heard.number = number;
  }

  /** What the node lists is what it has told. */
  #compare(): void {
    const listed = this.node.nodes().map(({ name, incarnation }) => `${name}/${incarnation}`);
    const told = [...this.#up].map(([name, incarnation]) => `${name}/${incarnation}`);
    if (listed.sort().join() !== told.sort().join()) {
      this.#say(`nodes() has ${listed.join()}, events have ${told.join()}`);
    }
  }

  #say(problem: string): void {
    this.#world.violate(`${this.process.label}: ${problem}`);
  }
}
