/** A TCP proxy on loopback that counts what passes, both ways. It does not look at it. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Stands between a client and the server at an address. */
export class CountingProxy {
  readonly url: string;
  #bytes = 0;

  private constructor(port: number) {
    this.url = `ws://127.0.0.1:${port}`;
  }

  static async start(target: URL): Promise<CountingProxy> {
    const server = createServer((client) => {
      const upstream = connect(Number(target.port), target.hostname);
      proxy.#pass(client, upstream);
      proxy.#pass(upstream, client);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const proxy = new CountingProxy((server.address() as AddressInfo).port);
    return proxy;
  }

  /** Waits that long and resolves with what has passed meanwhile. */
  async bytesPerSecond(seconds: number): Promise<number> {
    const [before, began] = [this.#bytes, performance.now()];
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    return ((this.#bytes - before) * 1000) / (performance.now() - began);
  }

  #pass(from: Socket, to: Socket): void {
    from.setNoDelay(true);
    from.on("data", (chunk) => {
      this.#bytes += chunk.length;
      to.write(chunk);
    });
    from.on("close", () => to.destroy());
    from.on("error", () => to.destroy());
  }
}
