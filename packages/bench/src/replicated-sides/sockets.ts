/** The bare side: what three programs make that agree over sockets and sync their files. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "../sides/serve.ts";
import { SocketTrio } from "../vsr-sides/socket-trio.ts";
import {
  type Durability,
  type Group,
  type ReplicatedSide,
  replicatedRows,
} from "./replicated-loads.ts";

const directory = await mkdtemp(join(tmpdir(), "troupe-bench-"));

const files = ["0", "1", "2"].map((index) => join(directory, index));
const trios = new Map<Durability, Promise<SocketTrio>>();

const sockets: ReplicatedSide = {
  async group(durability): Promise<Group> {
    const start = () => (durability === "disk" ? SocketTrio.start(files) : SocketTrio.start());
    const starting = trios.get(durability) ?? start();
    trios.set(durability, starting);
    const trio = await starting;
    return { put: (operations, depth) => trio.run(operations, depth) };
  },
};

await serve(sockets, replicatedRows, () => rm(directory, { recursive: true, force: true }));
