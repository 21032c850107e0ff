/** The bare side: what three programs make that agree over sockets and sync their files. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "../sides/serve.ts";
import { SocketTrio } from "../vsr-sides/socket-trio.ts";
import { type Group, type ReplicatedSide, replicatedRows } from "./replicated-loads.ts";

const directory = await mkdtemp(join(tmpdir(), "troupe-bench-"));

const sockets: ReplicatedSide = {
  async group(durability): Promise<Group> {
    const files = ["0", "1", "2"].map((index) => join(directory, index));
    const trio = await (durability === "disk" ? SocketTrio.start(files) : SocketTrio.start());
    return { put: (operations, depth) => trio.run(operations, depth) };
  },
};

await serve(sockets, replicatedRows, () => rm(directory, { recursive: true, force: true }));
