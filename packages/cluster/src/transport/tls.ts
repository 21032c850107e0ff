/**
 * TLS between nodes: from options to what Node's servers and clients want, and from a connection
 * to what the handshake wants to know of it. It opens nothing.
 */
import { createSecureContext, type SecureContextOptions, type TLSSocket } from "node:tls";
import { OptionError } from "@troupe/actor";
import { booleanOption, nameOption, objectOption, oneOfOption } from "@troupe/actor/runtime";

/** Encryption of links, and certificates as identity. PEM text or bytes throughout. */
export interface TlsOptions {
  /** The certificate of this node, with its chain. */
  readonly cert: string | Uint8Array;
  /** The private key of the certificate. */
  readonly key: string | Uint8Array;
  /** Who signs the certificates of the cluster. @default those that Node.js trusts */
  readonly ca?: string | Uint8Array;
  /** Opens the key. */
  readonly passphrase?: string;
  /**
   * Both sides show a certificate, and a node is only who its certificate says: one of its
   * alternative names is the node's name (`DNS:a`) or `URI:troupe://CLUSTER/a`.
   * @default true when `ca` is given
   */
  readonly mutual?: boolean;
  /**
   * The host that a dialled node's certificate has to name, when that is not the one in its
   * address. Not asked for when `mutual`, where the certificate has to name the node.
   */
  readonly servername?: string;
  /** @default "TLSv1.3" */
  readonly minVersion?: "TLSv1.2" | "TLSv1.3";
}

export const tlsDefaults = { minVersion: "TLSv1.3" } as const satisfies Partial<TlsOptions>;

/** {@link TlsOptions}, checked. */
export interface ResolvedTls {
  readonly context: SecureContextOptions;
  readonly mutual: boolean;
  readonly servername: string | undefined;
}

/** Checks the options, the certificate and the key; throws OptionError. */
export function resolveTls(options: TlsOptions | undefined): ResolvedTls | undefined {
  if (options === undefined) return undefined;
  objectOption("tls", options);
  const { passphrase, ca, mutual = ca !== undefined, servername } = options;
  const { minVersion = tlsDefaults.minVersion } = options;
  oneOfOption("tls.minVersion", minVersion, ["TLSv1.2", "TLSv1.3"]);
  if (booleanOption("tls.mutual", mutual) && ca === undefined) {
    throw new OptionError("tls.ca", "the certificate of who signs, as tls.mutual is on", ca);
  }
  const context: SecureContextOptions = {
    cert: pem("tls.cert", options.cert),
    key: pem("tls.key", options.key),
    minVersion,
    ...(ca !== undefined && { ca: pem("tls.ca", ca) }),
    ...(passphrase !== undefined && { passphrase: nameOption("tls.passphrase", passphrase) }),
  };
  try {
    createSecureContext(context);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    // Neither the key nor the certificate is shown: errors end in logs.
    throw new OptionError("tls", "a certificate and its key", why);
  }
  return {
    context,
    mutual,
    servername: servername === undefined ? undefined : nameOption("tls.servername", servername),
  };
}

function pem(option: string, value: unknown): string | Buffer {
  if (typeof value === "string" && value !== "") return value;
  if (value instanceof Uint8Array && value.length > 0) return Buffer.from(value);
  throw new OptionError(option, "PEM text or bytes", typeof value);
}

/** How many bytes of a TLS session are mixed into the proofs of a handshake. */
const BINDING_BYTES = 32;

/**
 * Bytes that only the two ends of this TLS session know: mixed into the proofs, they keep somebody
 * in the middle from passing the handshake on. RFC 5705, RFC 9266.
 */
export function bindingOf(socket: TLSSocket): Uint8Array {
  return socket.exportKeyingMaterial(BINDING_BYTES, "EXPORTER-troupe-link", Buffer.alloc(0));
}

/** The names in the other side's certificate; none when it showed none. */
export function namesOf(socket: TLSSocket): readonly string[] {
  const alternatives = socket.getPeerX509Certificate()?.subjectAltName ?? "";
  // A name with a comma or a quote in it stands in quotes, and is no name of a node.
  return alternatives
    .split(", ")
    .filter((name) => /^(DNS|URI):[^"]+$/.test(name))
    .map((name) => name.slice(4));
}
