/** How a group with a size comes to know its replicas, and that it does so once. */
import { seededRandom } from "@troupe/actor/testing";
import { describe, expect, test } from "vitest";
import { GroupConfigMismatchError, GroupSplitError, GroupUnfoundedError } from "../src/errors.ts";
import { type Answer, FoundingBench, foundingOptions } from "./support/founding-bench.ts";

const abc = ["a", "b", "c"];
const abcd = [...abc, "d"];

function started(names: readonly string[]): FoundingBench {
  const bench = new FoundingBench();
  for (const name of names) bench.start(name);
  return bench;
}

const replicasOf = (answers: readonly Answer[]) =>
  answers.map((answer) => (answer && "replicas" in answer ? answer.replicas.join(" ") : answer));

const idOf = (answer: Answer) => (answer && "id" in answer ? answer.id : answer);

const idsOf = (answers: readonly Answer[]) => new Set(answers.map(idOf));

describe("the founder", () => {
  test("chooses itself and the first of the others by name, once, and all are told", async () => {
    const bench = started(["d", "c", "b", "a"]);
    const answers = await bench.wait(["d", "c", "b", "a"], 2000);
    expect(replicasOf(answers)).toEqual(["a b c", "a b c", "a b c", "a b c"]);
    expect(idsOf(answers).size).toBe(1);
    expect([...bench.disks.keys()].sort()).toEqual(abc);
  });

  test("chooses nobody before so many are there, and tells after a while what is missing", async () => {
    const bench = started(["a", "b"]);
    expect(await bench.wait(["a", "b"], 10_000)).toEqual([undefined, undefined]);
    const [warning] = bench.seekers.get("a")?.warnings ?? [];
    expect(warning).toBe('group "g": its founder a knows of 1 of the 2 other nodes that it needs');
    bench.start("c");
    expect(replicasOf(await bench.wait(abc, 2000))).toEqual(["a b c", "a b c", "a b c"]);
  });

  test("chooses nobody who would not hold a replica", async () => {
    const bench = started(abcd);
    void bench.wait(["b"], 0, false);
    expect(replicasOf(await bench.wait(["a", "c", "d"], 2000))).toEqual([
      "a c d",
      "a c d",
      "a c d",
    ]);
  });

  test("tells nobody before what it chose is durable", async () => {
    const bench = started(abc);
    let go: () => void = () => undefined;
    bench.keeping = () =>
      new Promise((resolve) => {
        go = resolve;
      });
    expect(await bench.wait(abc, 5000)).toEqual([undefined, undefined, undefined]);
    expect(bench.sent.filter(({ message }) => message.type === "roster")).toEqual([]);
    bench.keeping = async () => undefined;
    go();
    expect(replicasOf(await bench.wait(abc, 2000))).toEqual(["a b c", "a b c", "a b c"]);
  });

  test("whose disk fails rejects, has told nobody, and can be asked again", async () => {
    const bench = started(abc);
    bench.keeping = () => Promise.reject(new RangeError("no space left"));
    const [failed, ...others] = await bench.wait(abc, 5000);
    expect(failed).toEqual(new RangeError("no space left"));
    expect(others).toEqual([undefined, undefined]);
    bench.keeping = async () => undefined;
    expect(replicasOf(await bench.wait(abc, 2000))).toEqual(["a b c", "a b c", "a b c"]);
  });

  test("that has forgotten everything is told by who holds a replica, and chooses no more", async () => {
    const bench = started(abcd);
    const [first] = await bench.wait(abcd, 2000);
    bench.stop("a");
    bench.disks.delete("a");
    bench.start("a");
    const [again] = await bench.wait(["a"], 2000);
    expect(again).toMatchObject({ id: idOf(first) });
  });

  test("is told by one that holds none as well, and begins nothing anew then", async () => {
    const bench = started(abcd);
    const [first] = await bench.wait(abcd, 2000);
    for (const name of abc) bench.stop(name);
    bench.disks.clear();
    for (const name of abc) bench.start(name);
    const answers = await bench.wait(abc, 2000);
    for (const answer of answers) expect(answer).toEqual({ ...first, isNew: false });
  });
});

test("a founder that has forgotten all hears those out who come a little later than the new ones", async () => {
  const bench = started(abcd);
  const [first] = await bench.wait(abcd, 2000);
  for (const name of abc) bench.stop(name);
  bench.disks.clear();
  bench.start("a");
  bench.cut(["a"], ["d"]);
  expect(await bench.wait(["a"], 3000)).toEqual([undefined]);
  bench.start("e");
  bench.start("f");
  // They know nothing, and are cut off from the one who does.
  bench.cut(["e", "f"], ["d"]);
  const waiting = bench.wait(["a", "e", "f"], 2500);
  bench.clock.setTimer(300, () => bench.heal());
  for (const answer of await waiting) expect(answer).toMatchObject({ id: idOf(first) });
});

describe("whether a roster is new", () => {
  test("is told by the founder, after a restart too, until all have held their replica", async () => {
    const bench = started(abc);
    // The third one is cut off before it is told.
    bench.keeping = async () => bench.cut(["a", "b"], ["c"]);
    expect(replicasOf(await bench.wait(abc, 2000))).toEqual(["a b c", "a b c", undefined]);
    bench.keeping = async () => undefined;
    expect(bench.disks.get("a")?.isNew).toBe(true);
    bench.stop("a");
    bench.start("a");
    bench.heal();
    expect(await bench.wait(["c"], 1000)).toMatchObject([{ isNew: true }]);
    expect([...bench.disks.values()].map(({ isNew }) => isNew)).toEqual([false, false, false]);
  });

  test("is denied to one that has held its replica before, by whoever of them is there", async () => {
    const bench = started(abc);
    expect(await bench.wait(abc, 2000)).toMatchObject(abc.map(() => ({ isNew: true })));
    for (const gone of [[], ["a"]]) {
      for (const name of ["c", ...gone]) bench.stop(name);
      bench.disks.delete("c");
      bench.start("c");
      expect(await bench.wait(["c"], 2000)).toMatchObject([{ isNew: false }]);
    }
  });

  test("is the founder's word alone, for which a named node waits a while", async () => {
    const bench = started(abc);
    bench.keeping = async () => bench.cut(["a", "b"], ["c"]);
    await bench.wait(abc, 2000);
    bench.keeping = async () => undefined;
    bench.stop("a");
    bench.heal();
    // It might have held one before: the one that is there cannot know.
    expect(await bench.wait(["c"], 500)).toEqual([undefined]);
    expect(await bench.wait(["c"], 1500)).toMatchObject([{ isNew: false }]);
  });
});

describe("a node that is not the founder", () => {
  test("never chooses: in a cluster that is split only one half has a group", async () => {
    const bench = new FoundingBench();
    const [here, there] = [abc, ["d", "e", "f"]];
    for (const name of [...here, ...there]) bench.start(name);
    bench.cut(here, there);
    const [founded, waiting] = [bench.wait(here, 5000), bench.wait(there, 0)];
    expect(replicasOf(await founded)).toEqual(["a b c", "a b c", "a b c"]);
    expect(await waiting).toEqual([undefined, undefined, undefined]);
    bench.heal();
    expect(replicasOf(await bench.wait(there, 1000))).toEqual(["a b c", "a b c", "a b c"]);
    for (const { splits } of bench.seekers.values()) expect(splits).toEqual([]);
  });

  test("gives up after its time, and says what it has waited for", async () => {
    const bench = new FoundingBench();
    bench.start("b", { foundingTimeoutMs: 3000 });
    const [alone] = await bench.wait(["b"], 3000);
    expect(alone).toBeInstanceOf(GroupUnfoundedError);
    expect(alone).toMatchObject({ code: "ERR_GROUP_UNFOUNDED", outcome: "not_run" });
    expect((alone as Error).message).toBe(
      'group "g" was not found within 3000 ms: ' +
        "nobody tells who holds the replicas, and its founder a is not connected",
    );
    await bench.clock.advanceAsync(1000);
    expect(bench.clock.pending).toBe(0);
  });

  test("comes back to what it has kept, though nobody else is there", async () => {
    const bench = started(abc);
    const [first] = await bench.wait(abc, 2000);
    for (const name of abc) bench.stop(name);
    bench.start("c");
    expect(await bench.wait(["c"], 0)).toEqual([{ ...first, isNew: false }]);
  });

  test("says that a group is new as long as it holds a replica of it, and not otherwise", async () => {
    const bench = started(abcd);
    await bench.wait(abcd, 2000);
    bench.sent.length = 0;
    bench.start("e");
    await bench.wait(["e"], 1000);
    const said = bench.sent.flatMap(({ from, message }) =>
      message.type === "roster" ? [[from, message.isNew]] : [],
    );
    expect(new Map(said as [string, boolean][])).toEqual(
      new Map([
        ["a", true],
        ["b", true],
        ["c", true],
        ["d", false],
      ]),
    );
  });

  test("with other settings is not counted, and is refused by name when the group is there", async () => {
    const bench = started(["a", "b"]);
    bench.start("c", { pipeline: 4 });
    expect(await bench.wait(abc, 3000)).toEqual([undefined, undefined, undefined]);
    bench.start("d");
    const [refused] = await bench.wait(["c", "d"], 3000);
    expect(refused).toBeInstanceOf(GroupConfigMismatchError);
    expect((refused as Error).message).toContain("pipeline: 4 here, 8 there");
  });

  test("that takes itself for the founder is refused when it hears of the group", async () => {
    const bench = started(abc);
    bench.start("d", { founder: "d" });
    const [, , , second] = await bench.wait(abcd, 3000);
    expect(second).toBeInstanceOf(GroupConfigMismatchError);
    expect((second as Error).message).toContain('founder: "d" here, "a" there');
  });
});

describe("two groups of one name", () => {
  test("do not mix in a node that is named by both: what one says of itself is not the other's", async () => {
    const bench = new FoundingBench();
    const { founding } = bench.start("c", { durability: "memory" });
    const settings = JSON.stringify(foundingOptions({ durability: "memory" }).shared);
    const told = { type: "roster", settings } as const;
    const [one, other] = ["1".repeat(32), "2".repeat(32)] as const;
    const waiting = bench.wait(["c"], 2000);
    founding.receive("b", { ...told, id: one, replicas: abc, isNew: false });
    founding.receive("e", { ...told, id: other, replicas: ["d", "e", "c"], isNew: true });
    expect(await waiting).toEqual([{ id: one, replicas: abc, isNew: false }]);
  });

  test("are told to both sides, once, with both of them named", async () => {
    const bench = new FoundingBench();
    const [here, there] = [abc, ["d", "e", "f"]];
    for (const name of here) bench.start(name);
    for (const name of there) bench.start(name, { founder: "d" });
    bench.cut(here, there);
    const [one, other] = [bench.wait(here, 3000), bench.wait(there, 0)];
    await Promise.all([one, other]);
    bench.heal();
    await bench.clock.advanceAsync(2000);
    bench.heal();
    await bench.clock.advanceAsync(2000);
    for (const name of [...here, ...there]) {
      const { splits = [] } = bench.seekers.get(name) ?? {};
      expect(splits).toHaveLength(1);
      expect(splits[0]).toBeInstanceOf(GroupSplitError);
      expect(splits[0]?.message).toContain("on a, b, c");
      expect(splits[0]?.message).toContain("on d, e, f");
    }
  });
});

test("of nodes that come, go, forget links and messages all know one roster, in 300 random runs", async () => {
  let founded = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const { ids, known } = await randomRun(seed);
    expect([seed, ids.size]).toEqual([seed, ids.size > 0 ? 1 : 0]);
    founded += known;
  }
  // A run in which nobody ever knows of a group shows nothing.
  expect(founded).toBeGreaterThan(1000);
});

/** Restarts keep the disk; a node that is not the founder may lose it. */
async function randomRun(seed: number) {
  const random = seededRandom(seed);
  const names = ["a", "b", "c", "d", "e"];
  const bench = new FoundingBench();
  const ids = new Set<string>();
  let known = 0;
  bench.loses = () => random() < 0.2;
  const diskMs = () => Math.floor(random() * 300);
  bench.keeping = () =>
    new Promise((resolve) => {
      bench.clock.setTimer(diskMs(), resolve);
    });
  const draw = () => names[Math.floor(random() * names.length)] ?? "a";
  const begin = (name: string) => {
    bench.start(name);
    bench.seekers
      .get(name)
      ?.founding.wait(true)
      .then(
        ({ id }) => {
          ids.add(id);
          known++;
        },
        () => undefined,
      );
  };
  for (let step = 0; step < 60; step++) {
    const name = draw();
    const chance = random();
    if (!bench.seekers.has(name)) begin(name);
    else if (chance < 0.25) {
      bench.stop(name);
      if (name !== "a" && random() < 0.2) bench.disks.delete(name);
    } else if (chance < 0.4)
      bench.cut(
        [name],
        names.filter((other) => other !== name),
      );
    else if (chance < 0.6) bench.heal();
    await bench.clock.advanceAsync(Math.floor(random() * 400));
  }
  return { ids, known };
}
