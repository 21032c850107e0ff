/**
 * etcd: three members of a cluster on loopback, and this program as their client, through the npm
 * package `etcd3`. The server is looked for on the PATH, or where ETCD says that it is.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Etcd3 } from "etcd3";
import { serve } from "../sides/serve.ts";
import {
  type Group,
  keys,
  payloadBytes,
  type Reading,
  type ReplicatedSide,
  replicatedRows,
} from "./replicated-loads.ts";

const command = process.env.ETCD ?? "etcd";
const directory = await mkdtemp(join(tmpdir(), "troupe-bench-"));
const members: ChildProcess[] = [];

/** A port that nobody listens at, most probably also when a member takes it. */
function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

interface Place {
  readonly name: string;
  readonly peers: string;
  readonly clients: string;
}

async function place(index: number): Promise<Place> {
  const [peers, clients] = [await freePort(), await freePort()];
  const url = (port: number) => `http://127.0.0.1:${port}`;
  return { name: `e${index}`, peers: url(peers), clients: url(clients) };
}

function start(own: Place, all: readonly Place[]): void {
  const args = [
    ["--name", own.name],
    ["--data-dir", join(directory, own.name)],
    ["--listen-client-urls", own.clients],
    ["--advertise-client-urls", own.clients],
    ["--listen-peer-urls", own.peers],
    ["--initial-advertise-peer-urls", own.peers],
    ["--initial-cluster", all.map(({ name, peers }) => `${name}=${peers}`).join()],
    ["--logger", "zap"],
    ["--log-level", "fatal"],
  ];
  members.push(spawn(command, args.flat(), { stdio: "ignore" }));
}

class EtcdGroup implements Group {
  readonly #client: Etcd3;
  readonly #value = Buffer.alloc(payloadBytes, 97);

  constructor(hosts: string[]) {
    this.#client = new Etcd3({ hosts });
  }

  async put(operations: number, depth: number): Promise<number> {
    const before = await this.#revision();
    let next = 0;
    const caller = async () => {
      while (next < operations) {
        const key = `k${next++ % keys}`;
        await this.#client.put(key).value(this.#value);
      }
    };
    await Promise.all(Array.from({ length: depth }, caller));
    return (await this.#revision()) - before;
  }

  async ask(operations: number, depth: number, reading: Reading): Promise<number> {
    const isLocal = reading === "local";
    let next = 0;
    let answered = 0;
    const caller = async () => {
      while (next++ < operations) {
        const get = this.#client.get("k0").serializable(isLocal);
        if ((await get.buffer()) !== null) answered += 1;
      }
    };
    await Promise.all(Array.from({ length: depth }, caller));
    return answered;
  }

  /** Each put raises it by one. */
  async #revision(): Promise<number> {
    const { header } = await this.#client.get("k0").exec();
    return Number(header.revision);
  }
}

async function begin(): Promise<Group> {
  const places = await Promise.all([0, 1, 2].map(place));
  for (const own of places) start(own, places);
  const group = new EtcdGroup(places.map(({ clients }) => clients));
  // It answers once it has a leader.
  for (let attempt = 1; ; attempt += 1) {
    try {
      await group.put(1, 1);
      return group;
    } catch (error) {
      if (attempt === 100 || members.some(({ exitCode }) => exitCode !== null)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

function end(): void {
  for (const member of members) member.kill("SIGKILL");
}

// Started before anything is asked, so that a machine without it leaves this side out.
const found = spawn(command, ["--version"], { stdio: "ignore" });
found.on("error", () => process.exit(1));
let group: Promise<Group> | undefined;
const etcd: ReplicatedSide = {
  group: () => {
    group ??= begin();
    return group;
  },
};
process.on("exit", end);
found.on("exit", () => {
  void serve(etcd, replicatedRows, () => rm(directory, { recursive: true, force: true }));
});
