import { ManualClock, seededRandom, settle } from "@troupe/actor/testing";
import { expect, test } from "vitest";
import { memoryNetwork, memoryUrl } from "../../src/transport/memory.ts";
import type { Socket } from "../../src/transport/transport.ts";
import { transportContract } from "../contract/transport.ts";

transportContract("the memory network", () => {
  const network = memoryNetwork({ clock: new ManualClock(), random: seededRandom(1) });
  return {
    server: network.transport("server"),
    client: network.transport("client"),
    nowhere: memoryUrl("nowhere"),
    settle,
    end: async () => {},
  };
});

async function wire(latencyMs?: { min: number; max: number }) {
  const clock = new ManualClock();
  const network = memoryNetwork({
    clock,
    random: seededRandom(1),
    ...(latencyMs && { latencyMs }),
  });
  const heard: string[] = [];
  const listen = (who: string) => ({
    message: (bytes: Uint8Array) => heard.push(`${who}: ${Buffer.from(bytes)}`),
    closed: () => heard.push(`${who}: closed`),
  });
  let accepted: Socket | undefined;
  const server = await network.transport("b").listen({ host: "", port: 0 }, (socket) => {
    accepted = socket;
    socket.open(listen("b"));
  });
  const signal = new AbortController().signal;
  const dialled = await network.transport("a").dial(server.url, signal);
  dialled.open(listen("a"));
  const say = (socket: Socket | undefined, text: string) => socket?.send(Buffer.from(text));
  return { clock, network, heard, server, dialled, accepted, say };
}

test("a cut holds everything back, and a heal delivers it in order", async () => {
  const { network, heard, dialled, accepted, say } = await wire();
  network.cut("a", "b");
  say(dialled, "one");
  say(dialled, "two");
  say(accepted, "back");
  await settle();
  expect(heard).toEqual([]);
  expect(dialled.bufferedBytes).toBe(6);
  network.heal("b", "a");
  await settle();
  expect(heard).toEqual(["b: one", "b: two", "a: back"]);
  expect(dialled.bufferedBytes).toBe(0);
});

test("the end of a socket is not noticed across a cut", async () => {
  const { network, heard, dialled } = await wire();
  network.cut("a", "b");
  dialled.terminate();
  await settle();
  expect(heard).toEqual(["a: closed"]);
  network.heal("a", "b");
  await settle();
  expect(heard).toEqual(["a: closed", "b: closed"]);
});

test("a close across a cut ends after a while all the same", async () => {
  const { network, clock, heard, dialled } = await wire();
  network.cut("a", "b");
  dialled.close();
  await clock.advanceAsync(1999);
  expect(heard).toEqual([]);
  await clock.advanceAsync(1);
  expect(heard).toEqual(["a: closed"]);
});

test("severing loses what was on its way and tells both", async () => {
  const { network, heard, dialled, say } = await wire();
  say(dialled, "lost");
  network.sever("a", "b");
  await settle();
  expect(heard.sort()).toEqual(["a: closed", "b: closed"]);
});

test("a dial across a cut waits for the heal, or for its abort", async () => {
  const { network, server } = await wire();
  network.cut("a", "b");
  const abort = new AbortController();
  const one = network.transport("a").dial(server.url, abort.signal);
  const two = network.transport("a").dial(server.url, new AbortController().signal);
  await settle();
  abort.abort();
  await expect(one).rejects.toMatchObject({ code: "ERR_CONNECTION_LOST" });
  network.heal("a", "b");
  await expect(two).resolves.toBeDefined();
});

test("a cut between two names leaves the others alone", async () => {
  const { network, heard, dialled, say } = await wire();
  network.cut("a", "c");
  say(dialled, "hello");
  await settle();
  expect(heard).toEqual(["b: hello"]);
});

test("with a latency nothing arrives early, and nothing overtakes", async () => {
  const { clock, heard, dialled, say } = await wire({ min: 5, max: 50 });
  for (let n = 0; n < 20; n++) say(dialled, String(n));
  await clock.advanceAsync(4);
  expect(heard).toEqual([]);
  await clock.advanceAsync(50);
  expect(heard).toEqual([...Array(20).keys()].map((n) => `b: ${n}`));
});

test("a socket that does not prove itself is closed after five seconds", async () => {
  const { clock, heard } = await wire();
  await clock.advanceAsync(4999);
  expect(heard).toEqual([]);
  await clock.advanceAsync(1);
  expect(heard.sort()).toEqual(["a: closed", "b: closed"]);
});

test("an admitted socket may be quiet for as long as it likes", async () => {
  const { clock, heard, accepted } = await wire();
  accepted?.admit();
  await clock.advanceAsync(60_000);
  expect(heard).toEqual([]);
});

test("everything that a socket is told comes through the loop it was given", async () => {
  const tasks: (() => void)[] = [];
  const soon = (task: () => void) => tasks.push(task);
  const network = memoryNetwork({
    clock: new ManualClock(),
    random: seededRandom(1),
    loop: { soon, later: soon },
  });
  const heard: string[] = [];
  const step = async () => {
    for (const task of tasks.splice(0)) task();
    await settle();
  };
  const server = await network.transport("b").listen({ host: "", port: 0 }, (socket) => {
    socket.open({ message: (bytes) => heard.push(String(bytes.length)), closed: () => {} });
  });
  const dialling = network.transport("a").dial(server.url, new AbortController().signal);
  await step();
  const socket = await dialling;
  socket.send(new Uint8Array(3));
  socket.open({ message: () => {}, closed: () => heard.push("closed") });
  await settle();
  expect(heard).toEqual([]);
  await step();
  expect(heard).toEqual(["3"]);
  socket.terminate();
  await settle();
  expect(heard).toEqual(["3"]);
  await step();
  expect(heard).toEqual(["3", "closed"]);
});
