/** How values cross between a node and the state of a group: refs are those of the node. */
import type { Node } from "@troupe/cluster";
import { Codec, RemoteRef, refAtNode } from "@troupe/cluster/runtime";

export function nodeCodec(node: Node): Codec {
  return new Codec({
    ref: {
      toAddress: (value) =>
        node.isLocalRef(value) || value instanceof RemoteRef ? value.address : undefined,
      fromAddress: (address) => refAtNode(node, address),
    },
  });
}
