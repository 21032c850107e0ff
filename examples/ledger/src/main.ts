/**
 * The demo: a ledger on several processes, thousands of transfers, and a primary that is killed
 * again and again. Read `main` from top to bottom; it is the whole story.
 */
import { replicasAgree } from "./await-group.ts";
import { connect, createAccounts, type LedgerClient, readLedger } from "./client.ts";
import { readTransfers } from "./csv.ts";
import { Display } from "./display.ts";
import { describeFailure } from "./errors.ts";
import { type FailoverTarget, firstGate, runFailovers } from "./failover.ts";
import { follow } from "./follow.ts";
import { parseOptions, usage } from "./options.ts";
import { ReplicaSet } from "./replica-set.ts";
import { checks, jsonReport, type Run, rejectedLines, summary } from "./report.ts";
import { insist } from "./retry.ts";
import { verify } from "./verify.ts";
import { Workload } from "./workload.ts";

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) return print(usage, 0);
  const { replicas, kills, killAll: all, callers } = options;
  const display = new Display(options.json ? process.stderr : process.stdout);
  const note = (line: string) => display.note(line);

  const { transfers, rejected } = await readTransfers(options.input);
  rejectedLines(options.input, rejected).forEach(note);

  await using group = await ReplicaSet.start({ ...options, onUnexpectedExit: note });
  const pids = group.processes.map(({ pid }) => pid).join(", ");
  note(`${replicas} replica processes with pid ${pids}, journals in ${group.directory}`);
  await using client = await connect(group);
  const accounts = await createAccounts(client.ledger, transfers, callers);

  const workload = new Workload(client.ledger, transfers, { callers });
  workload.gateAt(firstGate(kills, transfers.length));
  const following = follow(workload, client, display);
  const [failovers] = await Promise.all([
    runFailovers(workload, failoverTarget(group, client), { kills, all, note }),
    workload.run(),
  ]);
  await following[Symbol.asyncDispose]();

  note("reading the ledger back");
  const verdict = verify(workload.claim(), await readLedger(client.ledger));
  const digestsEqual = await replicasAgree(client, replicas);

  const rejectedRows = rejected.length;
  const run: Run = {
    ...{ replicas, kills, accounts, rejectedRows, workload, failovers, verdict, digestsEqual },
  };
  note(summary(run));
  if (options.keepData) note(`the replicas' directories are kept in ${group.directory}`);
  const exitCode = checks(run).every(({ holds }) => holds) ? 0 : 1;
  return options.json ? print(`${JSON.stringify(jsonReport(run))}\n`, exitCode) : exitCode;
}

function failoverTarget(group: ReplicaSet, client: LedgerClient): FailoverTarget {
  return {
    replicas: group.processes.map(({ name }) => name),
    status: () => client.status(),
    kill: (name) => group.process(name).kill(),
    restart: (name) => group.process(name).start(),
    probe: () => insist(() => client.ledger.query("total")),
  };
}

function print(text: string, exitCode: number): Promise<number> {
  return new Promise((done) => process.stdout.write(text, () => done(exitCode)));
}

// The replica set ends its processes and removes its directory when this process exits.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => process.exit(130));
}
main().then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => process.exit(describeFailure(error, (line) => console.error(line))),
);
