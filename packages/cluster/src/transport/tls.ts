/**
 * TLS between nodes: from options to what Node's servers and clients want, and from a connection
 * to what the handshake wants to know of it. It opens nothing.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
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
   * alternative names is the node's name (`DNS:a`) or `URI:troupe://CLUSTER/a`. Probes need none.
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
  const cert = pem("tls.cert", options.cert);
  const key = pem("tls.key", options.key);
  const authority = ca === undefined ? undefined : pem("tls.ca", ca);
  if (passphrase !== undefined && typeof passphrase !== "string") {
    throw new OptionError("tls.passphrase", "a string", typeof passphrase);
  }
  const context: SecureContextOptions = {
    cert,
    key,
    minVersion,
    ...(authority !== undefined && { ca: authority }),
    ...(passphrase !== undefined && { passphrase }),
  };
  checkParts({ cert, key, authority, passphrase });
  attempt("tls", "a certificate and a key that can be used", () => createSecureContext(context));
  return {
    context,
    mutual,
    servername: servername === undefined ? undefined : nameOption("tls.servername", servername),
  };
}

interface Parts {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  readonly authority: string | Buffer | undefined;
  readonly passphrase: string | undefined;
}

/** Finds out which part is bad. Of a `ca` that is none OpenSSL would say nothing at all. */
function checkParts({ cert, key, authority, passphrase }: Parts): void {
  const certificate = attempt("tls.cert", "a certificate", () => new X509Certificate(cert));
  if (authority !== undefined) {
    attempt("tls.ca", "a certificate", () => new X509Certificate(authority));
  }
  const expected = passphrase === undefined ? "a private key" : "a key that tls.passphrase opens";
  const opened = attempt("tls.key", expected, () =>
    createPrivateKey({ key, ...(passphrase !== undefined && { passphrase }) }),
  );
  if (!certificate.checkPrivateKey(opened)) {
    throw new OptionError("tls.key", "the private key of tls.cert", "another one");
  }
}

/** Neither the key nor the certificate is shown: errors end in logs. */
function attempt<T>(option: string, expected: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new OptionError(option, expected, code ?? message);
  }
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

/** Whether the other side has shown a certificate that one of our authorities has signed. */
export function hasValidCertificate(socket: TLSSocket): boolean {
  return socket.authorized && socket.getPeerX509Certificate() !== undefined;
}

/** The names in the other side's certificate; none when it showed none. */
export function namesOf(socket: TLSSocket): readonly string[] {
  return namesIn(socket.getPeerX509Certificate()?.subjectAltName);
}

/**
 * The DNS names and URIs in text such as `DNS:a, URI:"troupe://x/a\u002cb"`. What could be taken
 * for a separator is quoted there, as JSON. CVE-2021-44532.
 */
export function namesIn(alternatives: string | undefined): readonly string[] {
  const names: string[] = [];
  for (const [, kind, value = ""] of (alternatives ?? "").matchAll(ALTERNATIVE)) {
    if (kind !== "DNS" && kind !== "URI") continue;
    names.push(value.startsWith('"') ? String(JSON.parse(value)) : value);
  }
  return names;
}

const ALTERNATIVE = /(?:^|, )([^:,"]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?=, |$)/g;

/** Whether it is TLS itself that has failed: a certificate, its names, or no TLS over there. */
export function isDistrust({ code = "" }: NodeJS.ErrnoException): boolean {
  return /CERT|CRL|ISSUER|SIGNATURE|^ERR_(TLS|SSL)_|^EPROTO$/.test(code);
}
