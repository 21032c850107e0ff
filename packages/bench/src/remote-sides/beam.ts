/**
 * A side that runs on Erlang's machine: starts its port mapper on loopback, and the Elixir program
 * that is the side. A mapper that runs already is used and left alone; one of ours ends with the
 * side.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const env = { ...process.env, ERL_EPMD_ADDRESS: "127.0.0.1" };

/** Runs a script of the folder `peers` as a node of that name, and calls back when it has ended. */
export function runBeam(
  name: string,
  script: string,
  args: readonly string[] = [],
  ended: () => void = () => {},
): void {
  const path = fileURLToPath(new URL(`../../peers/${script}`, import.meta.url));
  const epmd = spawn("epmd", ["-relaxed_command_check"], { env, stdio: "ignore" });
  // Without it there is no Elixir either, which its own start tells.
  epmd.on("error", () => {});
  const options = ["--name", `${name}@127.0.0.1`, "--cookie", "bench"];
  const elixir = spawn("elixir", [...options, path, ...args], { env, stdio: "inherit" });
  endWith(elixir, (code) => {
    epmd.kill();
    ended();
    process.exitCode = code;
  });
}

function endWith(child: ChildProcess, ended: (code: number) => void): void {
  child.on("error", (error) => {
    process.stderr.write(`${error.message}\n`);
    ended(1);
  });
  child.on("exit", (code) => ended(code ?? 1));
}
