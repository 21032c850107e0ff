/** How a checkpoint comes from other replicas, piece by piece, and how it is given. */
import { describe, expect, test } from "vitest";
import { CheckpointTransfer } from "../src/checkpoint-transfer.ts";
import { checksum } from "../src/checksum.ts";
import { MemoryCheckpoints } from "../src/journal/memory-journal.ts";
import type { NamedCheckpoint } from "../src/vsr/index.ts";
import type { CheckpointChunkMessage, TransferMessage } from "../src/wire.ts";
import { bytes, text } from "./support/entries.ts";

const content = bytes("abcdefghijklmnopqrstuvwxyz0123456789");
const chunkBytes = 3;
const named: NamedCheckpoint = {
  op: 8,
  checksum: "e".repeat(32),
  timestamp: 7,
  id: checksum(content),
  bytes: content.length,
};

interface Sent {
  readonly from: number;
  readonly to: number;
  readonly message: TransferMessage;
}

/** Three replicas, of which the first fetches and the others have what it fetches. */
class Bench {
  readonly packets: Sent[] = [];
  readonly whole: NamedCheckpoint[] = [];
  readonly lost: number[] = [];
  readonly failed: NamedCheckpoint[] = [];
  readonly stores = [new MemoryCheckpoints(), new MemoryCheckpoints(), new MemoryCheckpoints()];
  readonly transfers: CheckpointTransfer[];

  constructor() {
    this.transfers = this.stores.map((checkpoints, index) => {
      return new CheckpointTransfer({
        index,
        replicaCount: 3,
        checkpoints,
        hash: checksum,
        chunkBytes,
        send: (to, message) => this.packets.push({ from: index, to, message }),
        onWhole: (checkpoint) => this.whole.push(checkpoint),
        onLost: (op) => this.lost.push(op),
        onFailed: (checkpoint) => this.failed.push(checkpoint),
      });
    });
  }

  get fetcher(): CheckpointTransfer {
    return this.transfers[0] as CheckpointTransfer;
  }

  async give(index: number): Promise<void> {
    const writer = this.stores[index]?.begin(named.op);
    await new Promise<void>((done) => writer?.write(content, done));
    await new Promise((done) => writer?.commit(done));
  }

  /** What is on its way arrives, but for what is changed to nothing. */
  async deliver(change: (sent: Sent) => TransferMessage | undefined = ({ message }) => message) {
    for (const sent of this.packets.splice(0)) {
      const message = change(sent);
      if (message !== undefined) this.transfers[sent.to]?.receive(sent.from, message);
    }
    // Reading and writing end in microtasks.
    for (let i = 0; i < 20; i++) await Promise.resolve();
  }

  async settle(change?: (sent: Sent) => TransferMessage | undefined): Promise<void> {
    for (let i = 0; i < 100 && this.packets.length > 0; i++) await this.deliver(change);
  }

  tick(count: number): void {
    for (let i = 0; i < count; i++) this.fetcher.tick();
  }

  asked(of: number): number[] {
    const asked = this.packets.filter(({ to, message }) => {
      return to === of && message.type === "get_checkpoint";
    });
    return asked.map(({ message }) => message.offset);
  }

  async content(): Promise<string | undefined> {
    const store = this.stores[0];
    const [name] = store?.names ?? [];
    if (store === undefined || name === undefined) return undefined;
    return new Promise((resolve) => {
      store.read(name, 0, 100, (read) => resolve(read && text(read)));
    });
  }
}

async function bench(...having: number[]): Promise<Bench> {
  const made = new Bench();
  for (const index of having) await made.give(index);
  return made;
}

const spoiled = (message: CheckpointChunkMessage, sum?: string): CheckpointChunkMessage => {
  const body = bytes("?".repeat(message.body.length));
  return { ...message, body, checksum: sum ?? checksum(body) };
};

describe("a checkpoint that is fetched", () => {
  test("comes in pieces, is whole and durable, and is told once", async () => {
    const group = await bench(1);
    group.fetcher.begin(1, named);
    await group.settle();
    expect(group.whole).toEqual([named]);
    expect(await group.content()).toBe(text(content));
    expect(group.stores[0]?.names).toEqual([{ op: 8, id: named.id, bytes: content.length }]);
  });

  test("is asked for eight pieces at a time, and on as they come", async () => {
    const group = await bench(1);
    group.fetcher.begin(1, named);
    expect(group.asked(1)).toEqual([0, 3, 6, 9, 12, 15, 18, 21]);
    await group.deliver();
    await group.deliver();
    expect(group.asked(1)).toEqual([24, 27, 30, 33]);
  });

  test("is whole also when its pieces come in another order, or twice", async () => {
    const group = await bench(1);
    group.fetcher.begin(1, named);
    await group.deliver();
    const late = group.packets.splice(0).reverse();
    group.packets.push(...late, ...late);
    await group.settle();
    expect(group.whole).toEqual([named]);
    expect(await group.content()).toBe(text(content));
  });

  test("goes on at the same place with another replica when one falls silent", async () => {
    const group = await bench(1, 2);
    group.fetcher.begin(1, named);
    const silent = ({ from, message }: Sent) =>
      from === 1 && message.offset >= 12 ? undefined : message;
    await group.settle(silent);
    group.tick(9);
    expect(group.packets).toEqual([]);
    group.tick(1);
    expect(group.asked(2)[0]).toBe(12);
    expect(group.asked(1)).toEqual([]);
    await group.settle();
    expect(group.whole).toEqual([named]);
    expect(await group.content()).toBe(text(content));
  });

  test("is asked of the next one at once when a replica says that it has it no more", async () => {
    const group = await bench(2);
    group.fetcher.begin(1, named);
    await group.settle();
    expect(group.whole).toEqual([named]);
  });

  test("takes no piece that is not what its checksum says", async () => {
    const group = await bench(1);
    group.fetcher.begin(1, named);
    let spoilt = 0;
    await group.settle(({ message }) => {
      if (message.type !== "checkpoint_chunk" || spoilt++ > 2) return message;
      return spoiled(message, message.checksum);
    });
    group.tick(10);
    expect(group.asked(2).length).toBeGreaterThan(0);
    group.tick(10);
    await group.settle();
    expect(group.whole).toEqual([named]);
    expect(await group.content()).toBe(text(content));
  });

  test("is thrown away if the whole is not what its name says, whatever its pieces are", async () => {
    const group = await bench(1);
    group.fetcher.begin(1, named);
    await group.settle(({ message }) => {
      return message.type === "checkpoint_chunk" ? spoiled(message) : message;
    });
    expect(group.whole).toEqual([]);
    expect(group.failed).toEqual([named]);
    expect(group.stores[0]?.names).toEqual([]);
  });

  test("is given up when everybody has been asked twice in vain, and can be begun again", async () => {
    const group = await bench();
    group.fetcher.begin(1, named);
    await group.settle();
    expect(group.failed).toEqual([named]);
    group.tick(100);
    expect(group.packets).toEqual([]);
    await group.give(2);
    group.fetcher.begin(2, named);
    await group.settle();
    expect(group.whole).toEqual([named]);
  });

  test("is not fetched if it is here already", async () => {
    const group = await bench(0);
    group.fetcher.begin(1, named);
    expect(group.whole).toEqual([named]);
    expect(group.packets).toEqual([]);
  });

  test("gives way to the one that is asked for after it", async () => {
    const group = await bench(1);
    group.fetcher.begin(1, { ...named, op: 4, id: "d".repeat(32) });
    group.fetcher.begin(1, named);
    await group.settle();
    expect([group.whole, group.failed]).toEqual([[named], []]);
  });
});

test("who is asked for what cannot be read any more says so to those it offered it to", async () => {
  const group = await bench(1, 2);
  group.stores[1]?.remove(named.op);
  group.fetcher.begin(1, named);
  await group.settle();
  expect(new Set(group.lost)).toEqual(new Set([named.op]));
  expect(group.whole).toEqual([named]);
});

test("who gives pieces reads a bounded number at once, and no more bytes than a piece may have", async () => {
  const group = await bench(1);
  const ask = (offset: number, length: number) => {
    const { op, id } = named;
    group.transfers[1]?.receive(0, { type: "get_checkpoint", op, id, offset, length });
  };
  for (let i = 0; i < 40; i++) ask(0, 1);
  ask(0, 1024 * 1024);
  for (let i = 0; i < 20; i++) await Promise.resolve();
  expect(group.packets.length).toBe(16);
  ask(1, 1);
  for (let i = 0; i < 20; i++) await Promise.resolve();
  expect(group.packets.length).toBe(17);
});
