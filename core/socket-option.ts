// Options of sockets: their names, and what they may be set to.

import { InvalidArgument } from "./engine/invalid-argument.js";
import { show } from "./engine/describe.js";
import { addContext, IoError } from "./io-error.js";

/** The options that can be set, and what they are set to. */
export interface SocketOptions {
  /** Small writes go out at once. */
  TCP_NODELAY: boolean;
  /** Idle connections are checked. */
  SO_KEEPALIVE: boolean;
  /** After how many idle seconds they are. */
  TCP_KEEPIDLE: number;
  /** An address that was just in use can be listened on. */
  SO_REUSEADDR: boolean;
  /** Several may listen on one address. */
  SO_REUSEPORT: boolean;
  /** Datagrams may go to all of a network. */
  SO_BROADCAST: boolean;
  /** The bytes of datagrams that wait to be sent. */
  SO_SNDBUF: number;
  /** The bytes of datagrams that wait to be received. */
  SO_RCVBUF: number;
  /** How many machines a datagram may pass. */
  IP_TTL: number;
}

/** The name of an option. */
export type SocketOptionName = keyof SocketOptions;

/** An option and its value. */
export type SocketOption = { [N in SocketOptionName]: readonly [name: N, value: SocketOptions[N]] }[SocketOptionName];

/** Sizes of buffers are 32-bit numbers of the system, with a sign. */
const MOST_BUFFER = 2 ** 31 - 1;

const ranges: { readonly [N in SocketOptionName]?: readonly [least: number, most: number] } = {
  // What is more the system refuses, and Node does not say so.
  TCP_KEEPIDLE: [0, 32767],
  SO_SNDBUF: [1, MOST_BUFFER],
  SO_RCVBUF: [1, MOST_BUFFER],
  IP_TTL: [1, 255],
};

/**
 * An option as text: `TCP_NODELAY = true`, or `<none>` for a value that is not set, or `UNKNOWN` for a name that none has.
 *
 * @example
 * showOption("IP_TTL", 64); // => "IP_TTL = 64"
 */
export function showOption(name: string, value: unknown): string {
  return `${isKnown(name) ? name : "UNKNOWN"} = ${value === undefined ? "<none>" : show(value)}`;
}

const known: Record<SocketOptionName, "boolean" | "number"> = {
  TCP_NODELAY: "boolean",
  SO_KEEPALIVE: "boolean",
  TCP_KEEPIDLE: "number",
  SO_REUSEADDR: "boolean",
  SO_REUSEPORT: "boolean",
  SO_BROADCAST: "boolean",
  SO_SNDBUF: "number",
  SO_RCVBUF: "number",
  IP_TTL: "number",
};

function isKnown(name: string): name is SocketOptionName {
  return Object.hasOwn(known, name);
}

/** @internal Refuses a value that an option cannot have, before the system is asked. */
export function expectOption(name: string, value: unknown): void {
  if (!isKnown(name)) throw unsupported("setting", showOption(name, value));
  if (typeof value !== known[name]) throw new InvalidArgument(`${name} must be a ${known[name]}, not ${show(value)}`);
  const [least, most] = ranges[name] ?? [-Infinity, Infinity];
  if (typeof value === "number" && !(Number.isInteger(value) && value >= least && value <= most)) {
    throw new InvalidArgument(`${name} must be a whole number of ${least} to ${most}, not ${value}`);
  }
}

/** @internal The error for an option that this socket, or this system, does not have. */
export function unsupported(doing: "getting" | "setting", what: string): IoError {
  return addContext(new IoError({ area: "Net", kind: "Invalid_option" }), `${doing} socket option ${what}`);
}
