/** The bare side of the rows of `vsr`: what the core alone has not is sockets. */
import { serve } from "../sides/serve.ts";
import { SocketTrio } from "./socket-trio.ts";
import { vsrRows } from "./vsr-loads.ts";

await serve({ trio: () => SocketTrio.start() }, vsrRows);
