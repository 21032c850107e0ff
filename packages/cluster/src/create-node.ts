/**
 * `createNode`: from options to a node that listens and dials.
 *
 * The order matters: first the options are judged, then the port is taken, then there is a node.
 * Whatever fails leaves nothing open.
 */
import { acceptSocket, answerHttp, beginNode, Node } from "./node.ts";
import { type NodeOptions, type ResolvedNodeOptions, resolveNodeOptions } from "./options.ts";
import type { AnswerHttp, Socket } from "./transport/transport.ts";

/** The port is taken and the node is about to be there. */
const tooEarly = { status: 503, headers: {}, body: "the node starts\n" };

/**
 * Makes a node, listening if it is told to, and begins to look for others.
 *
 * Rejects with OptionError for a bad option, and with ListenError if it cannot listen where it
 * should: then nothing was opened. A node that others can reach from beyond this machine needs a
 * key.
 *
 * @example
 * ```ts
 * await using node = await createNode({
 *   name: "a",
 *   listen: { host: "10.0.0.1", port: 7400 },
 *   keys: [process.env.TROUPE_KEY],
 *   discovery: [staticSeeds(["ws://10.0.0.2:7400", "ws://10.0.0.3:7400"])],
 *   actors: [Counter],
 * });
 * ```
 */
export async function createNode(options: NodeOptions): Promise<Node> {
  const resolved = resolveNodeOptions(options);
  const { transport, listen } = resolved;
  let node: Node | undefined;
  const early: Socket[] = [];
  const accept = (socket: Socket) => {
    if (node === undefined) early.push(socket);
    else acceptSocket(node, socket);
  };
  const answer: AnswerHttp = (question) =>
    node === undefined ? tooEarly : answerHttp(node, question);
  const listener =
    listen === undefined ? undefined : await transport.listen(listen, accept, answer);
  try {
    node = new Node(resolved, chooseIncarnation(resolved), listener);
  } catch (error) {
    await listener?.close();
    throw error;
  }
  for (const socket of early) acceptSocket(node, socket);
  beginNode(node);
  return node;
}

/**
 * Higher for every start of a node: the wall clock in its upper part, chance below, so that two
 * starts within one millisecond differ. It fits the 53 bits of a number until the year 2248.
 */
function chooseIncarnation({ system }: ResolvedNodeOptions): number {
  const { clock, random } = system;
  const wallMs = Math.max(0, Math.floor(clock?.now() ?? 0));
  return wallMs * 1024 + Math.floor((random?.() ?? 0) * 1023) + 1;
}
