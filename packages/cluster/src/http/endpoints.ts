/**
 * What a node answers by plain HTTP on the port where it listens: two probes and its metrics.
 *
 * `/livez` says that the event loop turns and depends on nobody else: a node is not restarted
 * because its peers are gone. `/readyz` says whether it may be given work. Kubernetes: liveness and
 * readiness probes. Where nodes have certificates, the metrics are for those who show one.
 */
import type { AnswerHttp, HttpAnswer } from "../transport/transport.ts";

/** What the endpoints ask of a node. */
export interface Probed {
  /** Why the node is not ready; empty when it is. */
  notReady(): readonly string[];
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** Which endpoints there are. */
export interface EndpointOptions {
  readonly probes: boolean;
  readonly metrics: boolean;
}

const METRICS = "/metrics";

/** Answers the questions of probes; undefined for every other path. */
export function endpoints(node: Probed, { probes, metrics }: EndpointOptions): AnswerHttp {
  const paths: Record<string, () => HttpAnswer | Promise<HttpAnswer>> = {
    ...(probes && { "/livez": () => plain(200, ["ok"]), "/readyz": () => ready(node) }),
    ...(metrics && { [METRICS]: () => measured(node) }),
  };
  return ({ method, path, isTrusted }) => {
    const answer = Object.hasOwn(paths, path) ? paths[path] : undefined;
    if (answer === undefined) return undefined;
    if (path === METRICS && !isTrusted) return plain(403, ["a certificate is needed"]);
    if (method === "GET" || method === "HEAD") return answer();
    return { ...plain(405, ["only GET and HEAD"]), headers: { allow: "GET, HEAD" } };
  };
}

function ready(node: Probed): HttpAnswer {
  const reasons = node.notReady();
  return reasons.length === 0 ? plain(200, ["ok"]) : plain(503, reasons);
}

async function measured(node: Probed): Promise<HttpAnswer> {
  const { contentType, text } = await node.metrics();
  return { status: 200, headers: { "content-type": contentType }, body: text };
}

function plain(status: number, lines: readonly string[]): HttpAnswer {
  const headers = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };
  return { status, headers, body: lines.map((line) => `${line}\n`).join("") };
}
