/** The broker that moleculer's side calls. Its arguments are the two ports. */
import { startBroker } from "./moleculer-broker.ts";
import { serveSide } from "./server-process.ts";

const [server = 0, client = 0] = process.argv.slice(2).map(Number);
let sum = 0;
await startBroker("server", { server, client }, [
  {
    name: "counter",
    actions: {
      add: ({ params }: { params: { n: number } }) => (sum += params.n),
      echo: ({ params }: { params: { payload: string } }) => params.payload,
    },
  },
]);
serveSide("");
