/**
 * `npm run sim -- …` is the simulator of the replication protocol, `npm run sim -- cluster …` that
 * of the cluster. Each reads its own arguments.
 */
const isCluster = process.argv[2] === "cluster";
if (isCluster) process.argv.splice(2, 1);
await import(`./packages/${isCluster ? "cluster" : "replication"}/sim/dist/main.js`);
