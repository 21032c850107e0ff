/**
 * What a node knows of the others besides their names: groups, publish and subscribe, presence, and
 * below them the directory. Put together here, so that the node has three things to show and three
 * things to tell.
 */
import type { AnyRef, Clock, RefAddress } from "@troupe/actor";
import type { Codec } from "../codec/codec.ts";
import { FRAME_HEADER_BYTES, MAX_FRAME_BYTES } from "../link/frame.ts";
import { RefusalLog } from "../link/refusal-log.ts";
import type { PublishDropped } from "../node-events.ts";
import type { Channels } from "../remote/channels.ts";
import type { LinkDirectory } from "../remote/outbound.ts";
import { Directory, type Writer } from "./directory.ts";
import { Presence } from "./presence.ts";
import { ProcessGroups } from "./process-groups.ts";
import { PubSub } from "./pubsub.ts";
import { type ResidentHost, Residents } from "./residents.ts";

export interface ClusterViewsPorts {
  /** This node. */
  readonly host: ResidentHost;
  readonly channels: Channels;
  readonly codec: Codec;
  readonly links: LinkDirectory;
  readonly clock: Clock;
  readonly defer: (flush: () => void) => void;
  readonly limits: {
    readonly softOutboxBytes: number;
    readonly hardOutboxBytes: number;
    readonly maxDirectoryEntries: number;
    readonly maxDirectoryValueBytes: number;
  };
  readonly refAt: (address: RefAddress) => AnyRef;
  readonly dropped: (event: PublishDropped) => void;
  readonly logger: {
    warn(message: string): void;
    error(message: string, details?: unknown): void;
  };
}

/** What a message of the directory has around it: the frame, and the name of the channel. */
const AROUND_BYTES = FRAME_HEADER_BYTES + 64;

export class ClusterViews {
  readonly groups: ProcessGroups;
  readonly pubsub: PubSub;
  readonly presence: Presence;
  readonly #directory: Directory;

  constructor(ports: ClusterViewsPorts) {
    const { host, channels, codec, links, clock, defer, limits, refAt, dropped, logger } = ports;
    const log = new RefusalLog(clock, (message) => logger.warn(message));
    const channel = channels.open("troupe.directory");
    const { hardOutboxBytes, softOutboxBytes, maxDirectoryEntries: maxEntries } = limits;
    const directory = new Directory({
      self: { name: host.name, incarnation: host.incarnation },
      channel,
      clock,
      defer,
      hasRoom: (node, bytes) => {
        const connection = links.get(node)?.connection;
        if (connection === undefined) return false;
        const isFree = connection.queuedBytes <= softOutboxBytes / 2;
        return isFree && connection.hasRoomFor(bytes + AROUND_BYTES);
      },
      // What fits into one frame every node takes, whatever its own limits.
      maxMessageBytes: Math.min(MAX_FRAME_BYTES, hardOutboxBytes) - AROUND_BYTES,
      maxEntries,
      maxValueBytes: limits.maxDirectoryValueBytes,
      warn: (message) => log.say(message),
    });
    const shared = {
      directory,
      residents: new Residents(host),
      codec,
      self: host.name,
      refAt,
      listenerThrew: (what: string, error: unknown) => logger.error(`${what} threw`, error),
      unreadable: (node: string, what: string) => log.say(`node ${node} sent ${what}`),
    };
    this.#directory = directory;
    this.groups = new ProcessGroups(shared);
    this.pubsub = new PubSub({
      ...shared,
      channel: channels.open("troupe.pubsub"),
      maxSubscriptions: maxEntries,
      dropped,
    });
    this.presence = new Presence(shared);
  }

  /** A life of a node is connected. */
  nodeUp(writer: Writer): void {
    this.#directory.nodeUp(writer);
  }

  /** The link to a node is gone, and what it had here with it. */
  nodeDown(name: string): void {
    this.#directory.nodeDown(name);
  }

  /** Tells other nodes nothing more. */
  close(): void {
    this.#directory.close();
  }
}
