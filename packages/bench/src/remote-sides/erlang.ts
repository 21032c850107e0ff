/**
 * Erlang's distribution: starts its port mapper on loopback, and the Elixir program that is the
 * side. A mapper that runs already is used and left alone; one of ours ends with the side.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const env = { ...process.env, ERL_EPMD_ADDRESS: "127.0.0.1" };
const script = fileURLToPath(new URL("../../peers/distribution.exs", import.meta.url));

const epmd = spawn("epmd", ["-relaxed_command_check"], { env, stdio: "ignore" });
const elixir = spawn("elixir", ["--name", "client@127.0.0.1", "--cookie", "bench", script], {
  env,
  stdio: ["inherit", "inherit", "inherit"],
});
endWith(elixir, (code) => {
  epmd.kill();
  process.exitCode = code;
});
// Without it there is no Elixir either, which its own start tells.
epmd.on("error", () => {});

function endWith(child: ChildProcess, ended: (code: number) => void): void {
  child.on("error", (error) => {
    process.stderr.write(`${error.message}\n`);
    ended(1);
  });
  child.on("exit", (code) => ended(code ?? 1));
}
