// Reads the demo's JSON summary as a stranger would: every promise of the README, one by one.
const summary = JSON.parse(process.argv[2] ?? "null");
const keys =
  "replicas rows rejectedRows acknowledged refused lost duplicated failovers failoverMs " +
  "opsPerSecond balanced digestsEqual";
const problems = [];
const expect = (holds, what) => holds || problems.push(what);
expect(summary !== null, "no summary");
expect(Object.keys(summary ?? {}).join(" ") === keys, `keys other than ${keys}`);
expect(summary?.rows >= 20_000, "fewer than 20,000 rows");
expect(summary?.acknowledged > 0, "nothing acknowledged");
expect(summary?.lost === 0, "acknowledged transfers were lost");
expect(summary?.duplicated === 0, "transfers were applied twice");
expect(summary?.failovers >= 3, "fewer than three failovers");
expect(summary?.balanced === true, "the balances are wrong");
expect(summary?.digestsEqual === true, "the replicas differ");
for (const problem of problems) console.error(`demo: ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;
