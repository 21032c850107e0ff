/**
 * The chat without people: three processes, what is typed in each, and what each must print.
 *
 * Nothing is timed. A step is over when every node has printed what it should, and a line that
 * nobody has expected ends the rehearsal. So the output is the same in every run.
 */
import { type NodeName, nodeNames } from "./options.ts";
import { freeBasePort } from "./ports.ts";
import { RehearsalError, Terminal } from "./terminal.ts";

type Expected = Partial<Record<NodeName, readonly string[]>>;

/** Plays it from the first line to the last. Rejects with `RehearsalError`; no process is left. */
export async function rehearse(): Promise<void> {
  const basePort = await freeBasePort(nodeNames.length);
  const terminals = new Map<NodeName, Terminal>();
  const at = (name: NodeName) => terminals.get(name) as Terminal;

  /** What is done, and what is to be seen of it, node by node. */
  async function step(what: string, expected: Expected): Promise<void> {
    console.log(what);
    for (const name of nodeNames) {
      const lines = expected[name] ?? [];
      await terminals.get(name)?.expect(lines);
      for (const line of lines) console.log(`    ${name}: ${line}`);
    }
    for (const terminal of terminals.values()) terminal.expectNothing();
  }

  function start(name: NodeName, expected: Expected): Promise<void> {
    terminals.set(name, new Terminal(name, basePort));
    return step(`start ${name}`, expected);
  }

  function type(name: NodeName, line: string, expected: Expected): Promise<void> {
    at(name).type(line);
    return step(`${name}> ${line}`, expected);
  }

  async function kill(name: NodeName, expected: Expected): Promise<void> {
    await at(name).kill();
    terminals.delete(name);
    return step(`kill -9 ${name}`, expected);
  }

  async function quit(name: NodeName, expected: Expected): Promise<void> {
    const terminal = at(name);
    terminals.delete(name);
    terminal.type("/quit");
    const end = await terminal.ended;
    if (end !== "exit code 0") throw new RehearsalError(`${name} ended with ${end}`);
    return step(`${name}> /quit`, expected);
  }

  try {
    await start("a", { a: ["you are alice in #lobby"] });
    await start("b", {
      a: ["bob is in #lobby"],
      b: ["you are bob in #lobby", "alice is in #lobby"],
    });
    await start("c", {
      a: ["carol is in #lobby"],
      b: ["carol is in #lobby"],
      c: ["you are carol in #lobby", "alice is in #lobby", "bob is in #lobby"],
    });
    await type("a", "good morning", { b: ["alice: good morning"], c: ["alice: good morning"] });
    await type("b", "/join #tea", {
      a: ["bob has left #lobby"],
      b: ["you are bob in #tea"],
      c: ["bob has left #lobby"],
    });
    await type("c", "/join #tea", {
      a: ["carol has left #lobby"],
      b: ["carol is in #tea"],
      c: ["you are carol in #tea", "bob is in #tea"],
    });
    await type("b", "milk?", { c: ["bob: milk?"] });
    await type("a", "/rooms", { a: ["#lobby 1", "#tea 2"] });
    await kill("c", { b: ["carol has left #tea"] });
    await type("b", "/who", { b: ["in #tea: bob"] });
    await start("c", {
      a: ["carol is in #lobby"],
      c: ["you are carol in #lobby", "alice is in #lobby"],
    });
    await type("c", "back again", { a: ["carol: back again"] });
    await kill("a", { c: ["alice has left #lobby"] });
    await kill("b", {});
    await start("b", {
      b: ["you are bob in #lobby", "carol is in #lobby"],
      c: ["bob is in #lobby"],
    });
    await start("a", {
      a: ["you are alice in #lobby", "bob is in #lobby", "carol is in #lobby"],
      b: ["alice is in #lobby"],
      c: ["alice is in #lobby"],
    });
    await type("a", "/who", { a: ["in #lobby: alice, bob, carol"] });
    await quit("c", { a: ["carol has left #lobby"], b: ["carol has left #lobby"] });
    await quit("a", { b: ["alice has left #lobby"] });
    await quit("b", {});
  } finally {
    await Promise.all([...terminals.values()].map((terminal) => terminal.kill()));
  }
}
