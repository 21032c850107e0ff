/**
 * What the other packages of Troupe use besides the public names. Unstable: it changes with them.
 *
 * A list; no code lives here.
 */
export { ByteReader, ByteWriter } from "./bytes.ts";
export { Codec, type CodecOptions, type RefPort } from "./codec/codec.ts";
export { reviveError } from "./codec/wire-errors.ts";
export { Directory } from "./groups/directory.ts";
export { Connection } from "./link/connection.ts";
export {
  encodeFrame,
  FLAG_ANSWER,
  FLAG_OPTIONAL,
  FRAME_HEADER_BYTES,
  type Frame,
  FrameKind,
  readFrames,
} from "./link/frame.ts";
export {
  AcceptorHandshake,
  DialerHandshake,
  type HandshakeConfig,
  type HandshakeStep,
  type Identity,
  type Peer,
  PROTOCOL_VERSION,
} from "./link/handshake.ts";
export { Pace } from "./link/heartbeat.ts";
export { CONTROL_LANE, channelLane, correlationLane, processLane } from "./link/lanes.ts";
export { LinkTable } from "./link/link-table.ts";
export { Outbox } from "./link/outbox.ts";
export { FailureDetector } from "./membership/failure-detector.ts";
export type { MemberChange, MemberIdentity, MemberRecord } from "./membership/member.ts";
export { type MemberMessage, memberFrames, readMemberFrame } from "./membership/member-frames.ts";
export { Membership, type MembershipOptions } from "./membership/membership.ts";
export type { MembershipReady } from "./membership/membership-ready.ts";
export { Node, refAtNode } from "./node.ts";
export { Relations } from "./remote/relations.ts";
export { RemoteRef } from "./remote/remote-ref.ts";
export { type WebSocketTransportOptions, webSocketTransport } from "./transport/websocket.ts";
