/** The bare side: what three programs make that agree over sockets and sync their files. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "../sides/serve.ts";
import { SocketTrio } from "../vsr-sides/socket-trio.ts";
import { type Group, type Kind, type ReplicatedSide, replicatedRows } from "./replicated-loads.ts";

const directory = await mkdtemp(join(tmpdir(), "troupe-bench-"));

const files = ["0", "1", "2"].map((index) => join(directory, index));
const trios = new Map<Kind, Promise<SocketTrio>>();

const sockets: ReplicatedSide = {
  async group(kind): Promise<Group> {
    const start = () => (kind === "disk" ? SocketTrio.start(files) : SocketTrio.start());
    const starting = trios.get(kind) ?? start();
    trios.set(kind, starting);
    const trio = await starting;
    return { put: (operations, depth) => trio.run(operations, depth) };
  },
};

await serve(sockets, replicatedRows, () => rm(directory, { recursive: true, force: true }));
