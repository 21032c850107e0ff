/** What the parent process and its replicas agree on: names, and the messages between them. */

/** The cluster's name, which every node says when it greets another. */
export const clusterName = "ledger";

/** The group's name, which every node of it must say the same. */
export const groupName = "ledger";

/** Everything that one replica process needs to know. */
export interface ReplicaSettings {
  /** Its own name, one of `replicas`. */
  readonly name: string;
  readonly port: number;
  /** The secret of this run; it travels over IPC, so that it shows in no process list. */
  readonly key: string;
  /** Where the other replicas listen. */
  readonly seeds: readonly string[];
  /** The names of all replicas of the group. */
  readonly replicas: readonly string[];
  /** Its own directory, where it finds its journal again after a kill. */
  readonly storage: string;
}

/** The one message to a replica. */
export interface StartMessage {
  readonly type: "start";
  readonly settings: ReplicaSettings;
}

/** The messages from a replica. */
export type ReplicaMessage =
  | { readonly type: "ready" }
  | { readonly type: "failed"; readonly message: string };
