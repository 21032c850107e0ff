/** Real sockets on loopback: what arrives is waited for. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { systemClock, type TimerHandle } from "@troupe/actor";
import { settle } from "@troupe/actor/testing";
import { expect, onTestFinished, test } from "vitest";
import {
  type DatagramPort,
  type DatagramSocket,
  systemDatagrams,
} from "../../src/discovery/datagram-port.ts";
import { multicastSeeds } from "../../src/discovery/multicast.ts";
import { Watch } from "./support.ts";

const GROUP = "239.255.73.84";
const loopback = { group: GROUP, ttl: 1, interface: "127.0.0.1" };

/** A port that nobody has just now. */
async function freePort(): Promise<number> {
  const socket = createSocket("udp4");
  socket.bind(0);
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return port;
}

/** Whether this machine lets a program join a group on loopback, and hear what it says there. */
async function hasMulticast(port: number): Promise<boolean> {
  let heard: () => void = () => {};
  let timer: TimerHandle | undefined;
  const word = new Promise<boolean>((resolve) => {
    heard = () => resolve(true);
    timer = systemClock.setTimer(2000, () => resolve(false));
  });
  let socket: DatagramSocket;
  try {
    socket = await systemDatagrams.open({ ...loopback, port }, { message: heard, failed() {} });
  } catch {
    return false;
  }
  try {
    await socket.send(Buffer.from("hello"));
    return await word;
  } catch {
    return false;
  } finally {
    if (timer !== undefined) systemClock.clearTimer(timer);
    socket.close();
  }
}

/** Without multicast: real sockets all the same, each of which sends to every other. */
class Unicast implements DatagramPort {
  readonly #sockets = new Set<Socket>();

  async open(_options: unknown, listener: Parameters<DatagramPort["open"]>[1]) {
    const socket = createSocket("udp4");
    socket.on("message", (bytes, { address }) => listener.message(bytes, address));
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    this.#sockets.add(socket);
    return {
      send: async (bytes: Uint8Array) => {
        for (const { port } of [...this.#sockets].map((other) => other.address())) {
          await new Promise<void>((resolve) => {
            socket.send(bytes, port, "127.0.0.1", () => resolve());
          });
        }
      },
      close: () => {
        this.#sockets.delete(socket);
        socket.close();
      },
    };
  }
}

const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind === "UDPWrap").length;

test("nodes find each other through real sockets, and leave none open", async () => {
  const port = await freePort();
  const datagrams = (await hasMulticast(port)) ? systemDatagrams : new Unicast();
  await settle();
  const before = sockets();
  const options = { keys: ["secret"], port, interface: "127.0.0.1", intervalMs: 50, datagrams };
  const watch = (name: string, seed: number) => {
    const self = { name, url: `ws://0.0.0.0:${7400 + seed}` };
    return new Watch(multicastSeeds(options), { clock: systemClock, self, seed });
  };
  const [a, b] = [watch("a", 1), watch("b", 2)];
  await a.until(() => a.last?.length === 1);
  await b.until(() => b.last?.length === 1);
  expect(a.last).toEqual(["ws://127.0.0.1:7402/"]);
  expect(b.last).toEqual(["ws://127.0.0.1:7401/"]);
  a.abort();
  b.abort();
  await Promise.all([a.ended, b.ended]);
  await settle();
  expect(sockets()).toBe(before);
});

test("a port that another program keeps for itself is reported, and tried again", async () => {
  const other = createSocket("udp4");
  onTestFinished(() => {
    other.close();
  });
  other.bind({ port: 0, exclusive: true });
  await once(other, "listening");
  const { port } = other.address();
  const open = systemDatagrams.open({ ...loopback, port }, { message() {}, failed() {} });
  await expect(open).rejects.toMatchObject({ code: "EADDRINUSE" });
});

test("a group that cannot be joined leaves nothing open", async () => {
  await settle();
  const before = sockets();
  const options = { ...loopback, interface: "203.0.113.7", port: await freePort() };
  await expect(systemDatagrams.open(options, { message() {}, failed() {} })).rejects.toThrow();
  await settle();
  expect(sockets()).toBe(before);
});

test("nothing is sent once it is closed", async () => {
  const port = await freePort();
  const options = { ...loopback, port };
  let socket: DatagramSocket | undefined;
  try {
    socket = await systemDatagrams.open(options, { message() {}, failed() {} });
  } catch (error) {
    // Where there is no multicast at all, that is what is reported.
    expect((error as NodeJS.ErrnoException).code).toMatch(/^E/);
    return;
  }
  socket.close();
  socket.close();
  await expect(socket.send(Buffer.from("late"))).rejects.toMatchObject({ code: "ERR_DISCOVERY" });
});
