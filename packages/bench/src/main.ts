/**
 * `npm run bench [-- --quick] [--json]`: what a local call and a cast cost, beside a peer in the
 * same run. The ratio is what counts; absolute figures are this machine's at this moment.
 */
import { parseArgs } from "node:util";
import { Bench } from "tinybench";
import { nact, type Peer, troupe } from "./peers.ts";

interface Row {
  readonly name: string;
  readonly unit: string;
  readonly troupe: number;
  readonly peers: Readonly<Record<string, number>>;
  /** Above 1 means that Troupe is better. */
  readonly ratios: Readonly<Record<string, number>>;
}

/** Operations in one measured iteration: large enough that the clock does not matter. */
const batch = 1000;

/** One way to load a counter; it ends when every operation has been done. */
const loads: Readonly<Record<string, (peer: Peer) => Promise<void>>> = {
  call: async (peer) => {
    for (let i = 0; i < batch; i++) await peer.call();
  },
  "call-100": async (peer) => {
    const caller = async () => {
      for (let i = 0; i < batch / 100; i++) await peer.call();
    };
    await Promise.all(Array.from({ length: 100 }, caller));
  },
  cast: async (peer) => {
    for (let i = 0; i < batch; i++) peer.cast();
    await peer.settled();
  },
};

async function measure(name: string, timeMs: number): Promise<Row> {
  const load = loads[name] as (peer: Peer) => Promise<void>;
  const peers = [await troupe(), await nact()];
  const bench = new Bench({ time: timeMs, warmupTime: timeMs / 4, throws: true });
  for (const peer of peers) bench.add(peer.name, () => load(peer));
  await bench.run();
  await Promise.all(peers.map((peer) => peer.close()));
  const perSecond = new Map(bench.tasks.map((task) => [task.name, throughput(task.result)]));
  const own = perSecond.get("troupe") ?? 0;
  perSecond.delete("troupe");
  const others = Object.fromEntries(perSecond);
  const ratios = Object.entries(others).map(([peer, value]) => [peer, round(own / value)]);
  const unit = "operations/s";
  return { name, unit, troupe: own, peers: others, ratios: Object.fromEntries(ratios) };
}

/** The median, in operations per second: a garbage collection moves a mean, not a median. */
function throughput(result: Bench["tasks"][number]["result"]): number {
  if (result === undefined || !("throughput" in result)) return 0;
  return Math.round(result.throughput.p50 * batch);
}

function round(ratio: number): number {
  return Math.round(ratio * 100) / 100;
}

function describe({ name, unit, troupe: own, peers, ratios }: Row): string {
  const others = Object.entries(peers).map(
    ([peer, value]) => `${peer} ${value.toLocaleString("en")} (ratio ${ratios[peer]})`,
  );
  return `${name.padEnd(10)} ${own.toLocaleString("en")} ${unit}; ${others.join(", ")}`;
}

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const rows: Row[] = [];
for (const name of Object.keys(loads)) {
  const row = await measure(name, values.quick ? 200 : 2000);
  rows.push(row);
  process.stdout.write(`${describe(row)}\n`);
}
if (values.json) process.stdout.write(`${JSON.stringify({ rows })}\n`);
