/** A moleculer broker on its TCP transporter, kept on loopback. */
import net from "node:net";
import os from "node:os";
import { ServiceBroker, type ServiceSchema } from "moleculer";

// Its transporter listens on every interface and tells others this machine's name.
os.hostname = () => "127.0.0.1";
const { listen } = net.Server.prototype;
net.Server.prototype.listen = function loopback(this: net.Server, port: unknown, ...rest: never[]) {
  return typeof port === "number"
    ? listen.call(this, { port, host: "127.0.0.1" }, ...rest)
    : listen.call(this, port as never, ...rest);
} as typeof listen;

/** Starts a broker; each of `ports` is where the node of that name listens. */
export async function startBroker(
  nodeID: string,
  ports: Readonly<Record<string, number>>,
  services: readonly ServiceSchema[],
): Promise<ServiceBroker> {
  const urls = Object.entries(ports).map(([name, port]) => `tcp://127.0.0.1:${port}/${name}`);
  const broker = new ServiceBroker({
    nodeID,
    logger: false,
    requestTimeout: 5000,
    transporter: {
      type: "TCP",
      options: { udpDiscovery: false, urls, port: ports[nodeID], maxPacketSize: 4 * 1024 * 1024 },
    },
  });
  for (const service of services) broker.createService(service);
  await broker.start();
  return broker;
}
