/**
 * The port through which bytes move between two nodes.
 *
 * A transport carries whole messages, in order, over sockets that it opens and accepts. It knows
 * no frames, names or keys. What it promises is checked by one suite that every transport runs,
 * `test/contract/transport.ts`.
 */

/** What a socket tells its owner. */
export interface SocketListener {
  /** A whole message, in the order of sending. The bytes stay valid. */
  message(bytes: Uint8Array): void;
  /** The socket is closed, by whomever; called once, and nothing follows it. */
  closed(): void;
}

/** One open connection. */
export interface Socket {
  /** Bytes that were sent but have not left this process. */
  readonly bufferedBytes: number;
  /** Bytes that only the two ends of this connection know, where it is encrypted. */
  readonly binding?: Uint8Array | undefined;
  /** The names in the other side's certificate, where each side has to show one. */
  readonly peerNames?: readonly string[] | undefined;
  /** Begins delivery; called once, before anything is expected to arrive. */
  open(listener: SocketListener): void;
  /**
   * Sends a message and keeps the bytes until it has left; then it calls `sent`, later than this
   * call, by which time the bytes are not counted as buffered any more. On a closed socket:
   * nothing.
   */
  send(message: Uint8Array, sent?: () => void): void;
  /**
   * The peer has proven that it knows the key, and waits to be let in or turned away: it is no
   * stranger any more who could be pushed out by others. A transport without strangers has none.
   */
  proven?(): void;
  /**
   * The peer is let in. Until then an accepted socket takes only a little, and for a
   * limited time, before the transport closes it.
   */
  admit(): void;
  /** Closes after what was sent; a peer that does not answer is cut off after a short while. */
  close(): void;
  /** Closes at once and drops what was not sent. */
  terminate(): void;
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface Listener {
  /** Where others can dial, with the port that was really taken. */
  readonly url: string;
  /** Stops accepting; sockets that were accepted live on. Resolves when the port is free. */
  close(): Promise<void>;
}

/** A question by plain HTTP on the port where a node listens. */
export interface HttpQuestion {
  readonly method: string;
  /** Without what follows a question mark. */
  readonly path: string;
  /** False where certificates are asked for and the questioner has none of ours. */
  readonly isTrusted: boolean;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Answers plain HTTP; undefined for a path where nothing is. */
export type AnswerHttp = (
  question: HttpQuestion,
) => HttpAnswer | undefined | Promise<HttpAnswer | undefined>;

/** A way to open and to accept connections. */
export interface Transport {
  /**
   * Opens a connection. Rejects with ConnectionLostError (did not run) if there is none to be
   * had, and promptly when the signal is aborted; with HandshakeError `certificate` if the other
   * side cannot be believed as far as the channel can tell.
   */
  dial(url: string, signal: AbortSignal): Promise<Socket>;
  /**
   * Accepts connections, and answers HTTP where the transport has it. Rejects with ListenError if
   * the address cannot be had.
   */
  listen(
    address: ListenAddress,
    accept: (socket: Socket) => void,
    answer?: AnswerHttp,
  ): Promise<Listener>;
  /**
   * Calls back once this turn is over, before control returns to the event loop: when a batch of
   * frames should leave. Never synchronously.
   */
  defer(flush: () => void): void;
  /** Calls back after timers and sockets had their turn: when more should leave of a long queue. */
  later(flush: () => void): void;
}
