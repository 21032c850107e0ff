/**
 * Whether a certificate speaks for a node: the rule of mutual TLS, in one place.
 *
 * A node is named by a DNS name that is exactly its name, or by the URI `troupe://cluster/name`,
 * which also says of which cluster it is and can carry names that are no host names. Nothing else
 * in a certificate counts: no wildcard, no common name, no address, no other URI.
 */

const SCHEME = "troupe://";

/** Whether one of a certificate's names, DNS names and URIs, is that of the node. */
export function isNamedBy(names: readonly string[], cluster: string, node: string): boolean {
  return names.some((name) =>
    name.includes("://") ? isUriOf(name, cluster, node) : name === node,
  );
}

/** Compares decoded: `troupe://shop/cart@10.0.0.3:7400` may stand there as it is, `ä` may not. */
function isUriOf(uri: string, cluster: string, node: string): boolean {
  if (!uri.startsWith(SCHEME)) return false;
  const [first, second, ...more] = uri.slice(SCHEME.length).split("/");
  return more.length === 0 && decoded(first) === cluster && decoded(second) === node;
}

function decoded(part: string | undefined): string | undefined {
  try {
    return part === undefined ? undefined : decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
