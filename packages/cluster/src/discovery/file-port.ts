/**
 * The port through which a list of addresses is read from a disk, and the disk of the machine.
 *
 * The one place of the package that opens files.
 */
import { promises as disk, watch } from "node:fs";
import { basename, dirname } from "node:path";
import { DiscoveryError } from "../errors.ts";

/** What `fileSeeds` needs of a disk. */
export interface FilePort {
  /** The text of a file. Rejects if there is none of at most `maxBytes`. */
  read(path: string, maxBytes: number): Promise<string>;
  /**
   * Calls back when the file may have changed, until it is stopped. `lost` means that it will not
   * call any more. Throws if it cannot watch.
   */
  watch(path: string, changed: () => void, lost: () => void): () => void;
}

/** Where Kubernetes swaps the files of a mounted map, all at once. */
const MOUNTED_LINK = "..data";

export const systemFiles: FilePort = {
  async read(path, maxBytes) {
    // A pipe or a device could be opened, and then never be read to its end.
    const { size } = await ordinary(path);
    if (size > maxBytes) throw new DiscoveryError(`it has more than ${maxBytes} bytes`);
    const file = await disk.open(path, "r");
    try {
      const bytes = Buffer.alloc(maxBytes + 1);
      let length = 0;
      while (length <= maxBytes) {
        const { bytesRead } = await file.read(bytes, length, bytes.length - length);
        if (bytesRead === 0) return bytes.toString("utf8", 0, length);
        length += bytesRead;
      }
      throw new DiscoveryError(`it has more than ${maxBytes} bytes`);
    } finally {
      await file.close();
    }
  },

  watch(path, changed, lost) {
    // The folder, not the file: most programs replace a file and do not write into it.
    const name = basename(path);
    const watcher = watch(dirname(path), (_event, entry) => {
      if (entry === null || entry === name || entry === MOUNTED_LINK) changed();
    });
    watcher.on("error", () => {
      watcher.close();
      lost();
    });
    return () => watcher.close();
  },
};

async function ordinary(path: string): Promise<{ readonly size: number }> {
  const stat = await disk.stat(path);
  if (!stat.isFile()) throw new DiscoveryError("it is no ordinary file");
  return stat;
}
