/** The public names of `@troupe/cluster`. A list; no code lives here. */

export { createNode } from "./create-node.ts";
export { compositeSeeds } from "./discovery/composite.ts";
export { type CustomSeedsOptions, customSeeds } from "./discovery/custom.ts";
export type {
  DatagramListener,
  DatagramOptions,
  DatagramPort,
  DatagramSocket,
} from "./discovery/datagram-port.ts";
export type { Discovery, DiscoveryContext, DiscoverySelf } from "./discovery/discovery.ts";
export { type DnsSeedsOptions, dnsSeeds } from "./discovery/dns.ts";
export type { DnsPort, DnsPortOptions, SrvRecord } from "./discovery/dns-port.ts";
export { type EnvSeedsOptions, envSeeds } from "./discovery/env.ts";
export { type FileSeedsOptions, fileSeeds } from "./discovery/file.ts";
export type { FilePort } from "./discovery/file-port.ts";
export { type MulticastSeedsOptions, multicastSeeds } from "./discovery/multicast.ts";
export { staticSeeds } from "./discovery/static.ts";
export {
  ActorUnknownError,
  AlreadyTrackedError,
  ConnectionLostError,
  DecodeError,
  DirectoryFullError,
  EntryTooLargeError,
  HandshakeError,
  ListenError,
  MessageTooLargeError,
  NodeLeavingError,
  NodeUnknownError,
  OverloadedError,
  ProtocolError,
  type RefusalReason,
} from "./errors.ts";
export type {
  Presence,
  PresenceDiff,
  PresenceEntry,
  PresenceMap,
  PresenceSubscription,
  Tracked,
  TrackOptions,
} from "./groups/presence.ts";
export type { GroupEvent, GroupMonitor, ProcessGroups } from "./groups/process-groups.ts";
export type {
  Published,
  PublishReport,
  PubSub,
  SubscribeListener,
  SubscribeOptions,
} from "./groups/pubsub.ts";
export type { ReadyCheck } from "./http/readiness.ts";
export type { CloseReason } from "./link/connection.ts";
export type { LeaveOptions } from "./membership/departure.ts";
export type { Member, MemberEvent, MemberStatus } from "./membership/member.ts";
export { Node } from "./node.ts";
export type {
  Congested,
  NodeDeadLetter,
  NodeDown,
  NodeEvents,
  NodeInfo,
  PublishDropped,
  Refused,
} from "./node-events.ts";
export type { HttpOptions, NodeLimits, NodeOptions } from "./options.ts";
export type { Channel } from "./remote/channels.ts";
export type { MultiReplies } from "./remote/multi-call.ts";
export type { StartOnOptions, StartOnRest } from "./remote/start-on.ts";
export type { TlsOptions } from "./transport/tls.ts";
export type {
  AnswerHttp,
  HttpAnswer,
  HttpQuestion,
  ListenAddress,
  Listener,
  Socket,
  SocketListener,
  Transport,
} from "./transport/transport.ts";
