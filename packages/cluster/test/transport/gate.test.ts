/** The gate by itself: sockets are stand-ins that only have an address and an end. */
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { ManualClock } from "@troupe/actor/testing";
import { expect, test } from "vitest";
import { addressGroup, Gate } from "../../src/transport/gate.ts";

let ports = 0;

class Visitor extends EventEmitter {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort = 1;
  destroyed = false;

  constructor(address: string, port = (ports += 1), localAddress = "10.0.0.9") {
    super();
    this.remoteAddress = address;
    this.remotePort = port;
    this.localAddress = localAddress;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit("close");
  }
}

function bench(limits: { all: number; perAddress: number }) {
  const clock = new ManualClock();
  const gate = new Gate({
    clock,
    maxUnauthenticated: limits.all,
    maxUnauthenticatedPerAddress: limits.perAddress,
    deadlineMs: 1000,
  });
  const enter = (address: string, port?: number, localAddress?: string) => {
    const visitor = new Visitor(address, port, localAddress);
    gate.enter(visitor as unknown as Socket);
    return visitor;
  };
  const admit = (visitor: Visitor) => gate.admit(visitor as unknown as Socket);
  return { clock, gate, enter, admit };
}

test("who does not prove himself in time is shown out, and who does stays", () => {
  const { clock, gate, enter, admit } = bench({ all: 10, perAddress: 10 });
  const [proven, stranger] = [enter("10.0.0.1"), enter("10.0.0.2")];
  admit(proven);
  clock.advance(999);
  expect([proven.destroyed, stranger.destroyed]).toEqual([false, false]);
  clock.advance(1);
  expect([proven.destroyed, stranger.destroyed]).toEqual([false, true]);
  expect(gate.size).toBe(0);
  expect(proven.listenerCount("close")).toBe(0);
});

test("of one address the oldest makes room for the newest", () => {
  const { enter } = bench({ all: 10, perAddress: 2 });
  const [one, two, other] = [enter("10.0.0.1"), enter("10.0.0.1"), enter("10.0.0.2")];
  const three = enter("10.0.0.1");
  expect([one, two, three, other].map(({ destroyed }) => destroyed)).toEqual([
    true,
    false,
    false,
    false,
  ]);
});

test("a flood from one address never pushes out somebody from another", () => {
  const { gate, enter } = bench({ all: 8, perAddress: 8 });
  const guest = enter("10.0.0.2");
  for (let i = 0; i < 1000; i += 1) enter("10.0.0.1");
  expect(guest.destroyed).toBe(false);
  const late = enter("10.0.0.3");
  for (let i = 0; i < 1000; i += 1) enter("10.0.0.1");
  expect([guest.destroyed, late.destroyed]).toEqual([false, false]);
  expect(gate.size).toBe(8);
});

test.each([
  ["10.0.0.1", "10.0.0.1"],
  ["::ffff:10.0.0.1", "10.0.0.1"],
  ["::1", "0:0:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:DB8:1:2::6", "2001:db8:1:2::/64"],
  ["2001:db8::2:3:4:5:6", "2001:db8:0:2::/64"],
  ["2001:db8:1::", "2001:db8:1:0::/64"],
])("%s counts as %s", (address, group) => {
  expect(addressGroup(address)).toBe(group);
});

test("a machine with a whole prefix is one address", () => {
  const { enter } = bench({ all: 10, perAddress: 2 });
  const guest = enter("2001:db8:1:3::1");
  const [one] = [enter("2001:db8:1:2::1"), enter("2001:db8:1:2::2"), enter("2001:db8:1:2::3")];
  expect([one?.destroyed, guest.destroyed]).toEqual([true, false]);
});

test("whoever leaves by himself is forgotten, with his deadline", () => {
  const { clock, gate, enter } = bench({ all: 2, perAddress: 2 });
  enter("10.0.0.1").destroy();
  expect(gate.size).toBe(0);
  expect(clock.pending).toBe(0);
});

test("closing shows everybody out who is on probation", () => {
  const { gate, enter, admit } = bench({ all: 9, perAddress: 9 });
  const [proven, stranger] = [enter("10.0.0.1"), enter("10.0.0.1")];
  admit(proven);
  gate.close();
  expect([proven.destroyed, stranger.destroyed]).toEqual([false, true]);
});

test("an end that is told late takes nobody along who has the same address and port by now", () => {
  const { clock, gate, enter } = bench({ all: 9, perAddress: 9 });
  const older = enter("10.0.0.1", 5000);
  const newer = enter("10.0.0.1", 5000);
  expect([older.destroyed, newer.destroyed]).toEqual([true, false]);
  older.emit("close");
  expect(gate.size).toBe(1);
  clock.advance(1000);
  expect([newer.destroyed, gate.size, clock.pending]).toEqual([true, 0, 0]);
});

test("one port of one machine may be connected to two addresses of ours", () => {
  const { gate, enter, admit } = bench({ all: 9, perAddress: 9 });
  const [one, two] = [enter("10.0.0.1", 5000, "10.0.0.8"), enter("10.0.0.1", 5000, "10.0.0.9")];
  expect([one.destroyed, two.destroyed, gate.size]).toEqual([false, false, 2]);
  admit(one);
  gate.close();
  expect([one.destroyed, two.destroyed]).toEqual([false, true]);
});
