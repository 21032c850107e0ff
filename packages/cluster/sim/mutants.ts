/**
 * Bugs to plant: what a simulator is worth is how many of them it finds. They live here, as changes
 * to the classes of the package while a world runs; the published package has no switch for them.
 */
import { PendingCalls } from "@troupe/actor/runtime";
import { ConnectionLostError } from "@troupe/cluster";
import {
  ByteWriter,
  Connection,
  Directory,
  LinkTable,
  type MemberRecord,
  Membership,
  Outbox,
  Pace,
  Relations,
} from "@troupe/cluster/runtime";

export interface Plant {
  /** What a developer might have done wrong. */
  readonly mistake: string;
  /** Plants it, and gives back what takes it out again. */
  readonly inCode?: () => () => void;
  /** The network sends what an old link has not delivered over the next one. */
  readonly resends?: boolean;
}

export const mutants: Readonly<Record<string, Plant>> = {
  "both-dials-win": {
    mistake: "of two dials at once both are let in",
    inCode: () =>
      replace(LinkTable.prototype, "judgeAccepted", function (this: AnyTable, _, peer, silent) {
        return this.judgeWelcomed(peer, silent);
      }),
  },
  "newcomer-wins": {
    mistake: "a rival takes the place of a node that is alive, because nobody asks it",
    inCode: () =>
      replace(LinkTable.prototype, "judgeAccepted", function (this: AnyTable, judge, peer, silent) {
        const verdict = judge.call(this, peer, silent);
        if (verdict.kind !== "probe") return verdict;
        return { kind: "admit", replaces: verdict.incumbent };
      }),
  },
  "silent-replacement": {
    mistake: "the end of a link that is replaced is told nobody",
    inCode: () => {
      const undo = replace(
        Connection.prototype,
        "establish",
        function (this: Connection, establish, listener, ...rest) {
          const closed: ConnectionListener["closed"] = (reason, error) => {
            if (reason !== "replaced") listener.closed(reason, error);
          };
          const { frame } = listener as ConnectionListener;
          (establish as Method).call(this, { frame, closed }, ...rest);
        },
      );
      const undoSet = replace(LinkTable.prototype, "set", function (this: AnyTable, set, link) {
        const before = this.get(link.peer.name);
        if (before !== undefined) this.remove(before);
        set.call(this, link);
      });
      return () => {
        undoSet();
        undo();
      };
    },
  },
  "late-round-counts": {
    mistake: "a round that comes late, because this process was paused, counts as silence",
    inCode: () => replace(Pace.prototype, "isLate", () => false),
  },
  "lanes-by-turns": {
    mistake: "frames go over one lane after the other, and not over that of their receiver",
    inCode: () => {
      let turn = 0;
      return replace(
        Outbox.prototype,
        "begin",
        function (this: Outbox, begin, kind, lane, bodyBytes) {
          turn += 1;
          const other = lane < 8 ? 1 + (turn % 7) : 8 + (turn % 16);
          return begin.call(this, kind, lane === 0 ? 0 : other, bodyBytes);
        },
      );
    },
  },
  "outbox-drops": {
    mistake: "a message that has no room is reported as sent",
    inCode: () =>
      replace(Outbox.prototype, "begin", function (this: Outbox, begin, kind, lane, bodyBytes) {
        return begin.call(this, kind, lane, bodyBytes) ?? new ByteWriter(bodyBytes);
      }),
  },
  "calls-outlive-links": {
    mistake: "calls under way are forgotten when their link is lost",
    inCode: () => replace(PendingCalls.prototype, "rejectAll", () => undefined),
  },
  "lost-calls-never-ran": {
    mistake: "calls whose link was lost say that they did not run",
    inCode: () =>
      replace(PendingCalls.prototype, "rejectAll", function (this: PendingCalls<unknown>, reject) {
        reject.call(this, new ConnectionLostError("b", "not_run", "it was lost"));
      }),
  },
  "entries-outlive-links": {
    mistake: "what a node has made is listed when the node is not connected any more",
    inCode: () => replace(Directory.prototype, "nodeDown", () => undefined),
  },
  "watches-outlive-links": {
    mistake: "who watches a process of a node that is lost is told nothing",
    inCode: () => replace(Relations.prototype, "lose", () => undefined),
  },
  "outbid-lives-are-stale": {
    mistake: "a life is refused for ever by those who once met a later one",
    inCode: () =>
      replace(
        Membership.prototype,
        "mayReturn",
        function (this: Membership, mayReturn, name, incarnation) {
          return mayReturn.call(this, name, incarnation) && mayReturn.call(this, name, -1);
        },
      ),
  },
  "suspicion-is-final": {
    mistake: "who is suspected cannot clear itself",
    inCode: () =>
      replace(Membership.prototype, "receive", function (this: Membership, receive, from, message) {
        if (message.kind === "digest") return receive.call(this, from, message);
        const isOwn = ({ record }: News) => record.name === this.own.name;
        const news = (message.news as News[]).filter((each) => !isOwn(each));
        return receive.call(this, from, { ...message, news });
      }),
  },
  "resend-on-reconnect": {
    mistake: "what an old link has not delivered is sent again over the next one",
    resends: true,
  },
};

type ConnectionListener = Parameters<Connection["establish"]>[0];
interface News {
  readonly record: MemberRecord;
}

type AnyTable = LinkTable<{ readonly peer: Parameters<AnyJudge>[0] }>;
type AnyJudge = LinkTable<never>["judgeAccepted"];

// biome-ignore lint/suspicious/noExplicitAny: methods of any class
type Method = (...args: any[]) => any;

/** Replaces a method; gives back what restores it. The original comes as the first argument. */
function replace<T extends object, K extends keyof T>(
  prototype: T,
  name: K,
  // biome-ignore lint/suspicious/noExplicitAny: `this` is an object of that class
  change: (this: any, original: Extract<T[K], Method>, ...args: any[]) => unknown,
): () => void {
  const original = prototype[name] as Extract<T[K], Method>;
  prototype[name] = function (this: unknown, ...args: unknown[]) {
    return change.call(this, original, ...args);
  } as T[K];
  return () => {
    prototype[name] = original;
  };
}
