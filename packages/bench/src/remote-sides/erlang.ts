/** Erlang's distribution: GenServer calls between two nodes. */
import { runBeam } from "./beam.ts";

runBeam("client", "distribution.exs");
