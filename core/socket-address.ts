// Addresses of the network: of machines, and of what listens there.

import { refuse } from "./engine/describe.js";
import { InvalidArgument } from "./engine/invalid-argument.js";

/**
 * The address of a machine: 4 bytes (IPv4) or 16 (IPv6).
 *
 * @example
 * String(IpAddress.v6.loopback); // => "::1"
 * IpAddress.parse("127.0.0.1")?.equals(IpAddress.v4.loopback); // => true
 */
export class IpAddress {
  /** The addresses that mean "all of this machine" and "only from this machine". */
  static readonly v4 = {
    any: /* @__PURE__ */ new IpAddress(new Uint8Array(4)),
    loopback: /* @__PURE__ */ new IpAddress(Uint8Array.of(127, 0, 0, 1)),
  } as const;
  /** The same for IPv6. */
  static readonly v6 = {
    any: /* @__PURE__ */ new IpAddress(new Uint8Array(16)),
    loopback: /* @__PURE__ */ new IpAddress(/* @__PURE__ */ new Uint8Array(16).fill(1, 15)),
  } as const;

  private readonly raw: Uint8Array;

  private constructor(raw: Uint8Array) {
    this.raw = raw;
  }

  /**
   * The address with these bytes; they are copied.
   *
   * @throws InvalidArgument unless there are 4 or 16
   */
  static ofBytes(bytes: Uint8Array): IpAddress {
    if (!(bytes instanceof Uint8Array)) refuse("IpAddress.ofBytes", "bytes", "a Uint8Array", bytes);
    if (bytes.length !== 4 && bytes.length !== 16)
      throw new InvalidArgument(`IpAddress.ofBytes: an address has 4 bytes or 16, not ${bytes.length}`);
    return new IpAddress(bytes.slice());
  }

  /** The address that `text` is, in the usual notations; undefined if it is none. */
  static parse(text: string): IpAddress | undefined {
    if (typeof text !== "string") refuse("IpAddress.parse", "text", "a string", text);
    const bytes = text.includes(":") ? parseV6(text) : parseV4(text);
    return bytes && new IpAddress(Uint8Array.from(bytes));
  }

  /** Its bytes: a copy. */
  get bytes(): Uint8Array {
    return this.raw.slice();
  }

  /** 4 or 6. */
  get version(): 4 | 6 {
    return this.raw.length === 4 ? 4 : 6;
  }

  /** Whether it is the same address. */
  equals(other: IpAddress): boolean {
    if (!(other instanceof IpAddress)) refuse("IpAddress.equals", "other", "an IpAddress", other);
    return this.raw.length === other.raw.length && this.raw.every((byte, i) => byte === other.raw[i]);
  }

  /** With dots for IPv4; for IPv6 with colons, the longest run of zeros left out. */
  toString(): string {
    return this.version === 4 ? this.raw.join(".") : showV6(this.raw);
  }
}

function parseV4(text: string): number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) return undefined;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

function parseV6(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  // An address of version 4 can only be at the very end.
  const [head, tail] = halves.map((half, i) => bytesOfGroups(half, i === halves.length - 1));
  if (!head) return undefined;
  if (halves.length === 1) return head.length === 16 ? head : undefined;
  if (!tail || head.length + tail.length > 14) return undefined;
  return [...head, ...new Array<number>(16 - head.length - tail.length).fill(0), ...tail];
}

function bytesOfGroups(text: string, isEnd: boolean): number[] | undefined {
  const bytes: number[] = [];
  const groups = text === "" ? [] : text.split(":");
  for (const [i, group] of groups.entries()) {
    const v4 = isEnd && i === groups.length - 1 ? parseV4(group) : undefined;
    if (v4) bytes.push(...v4);
    else if (/^[0-9a-f]{1,4}$/i.test(group)) bytes.push(parseInt(group, 16) >> 8, parseInt(group, 16) & 255);
    else return undefined;
  }
  return bytes;
}

function showV6(raw: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => raw[2 * i]! * 256 + raw[2 * i + 1]!);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped) return `::ffff:${raw.subarray(12).join(".")}`;
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (groups[at + length] === 0) length++;
    if (length > best.length) best = { at, length };
    at += length;
  }
  const hex = (some: number[]) => some.map((group) => group.toString(16)).join(":");
  if (best.at < 0) return hex(groups);
  return `${hex(groups.slice(0, best.at))}::${hex(groups.slice(best.at + best.length))}`;
}

/** Where connections are made to: a port of a machine, or a file of this one; `path` may begin with a NUL on Linux, for a name without a file. */
export type StreamAddress =
  | { readonly type: "tcp"; readonly ip: IpAddress; readonly port: number }
  | { readonly type: "unix"; readonly path: string };

/** Where datagrams are sent to. */
export interface DatagramAddress {
  readonly type: "udp";
  readonly ip: IpAddress;
  readonly port: number;
}

/** Any of them. */
export type SocketAddress = StreamAddress | DatagramAddress;

/**
 * An address as text: `tcp:127.0.0.1:80`, `udp:[::1]:53`, `unix:/run/app.sock`.
 *
 * @example
 * showAddress({ type: "tcp", ip: IpAddress.v6.loopback, port: 8080 }); // => "tcp:[::1]:8080"
 */
export function showAddress(address: SocketAddress): string {
  expectAddress("showAddress", ["tcp", "udp", "unix"], address, "address", true);
  if (address.type === "unix") return `unix:${address.path}`;
  const host = address.ip.version === 4 ? String(address.ip) : `[${String(address.ip)}]`;
  return `${address.type}:${host}:${address.port}`;
}

/**
 * @internal Checks an address: all of it, and each part by its name.
 *
 * @param mayBeNameless  whether a Unix socket may be without a path: those of clients are
 */
export function expectAddress(
  where: string,
  types: readonly SocketAddress["type"][],
  received: unknown,
  argument = "address",
  mayBeNameless = false,
): void {
  const address = (received ?? {}) as { type?: unknown; ip?: unknown; port?: unknown; path?: unknown };
  const { type, ip, port, path } = address;
  if (!types.includes(type as never)) refuse(where, argument, `an address (${types.join(" or ")})`, received);
  if (type !== "unix") {
    if (!(ip instanceof IpAddress)) refuse(where, `${argument}.ip`, "an IpAddress", ip);
    if (!isPort(port)) refuse(where, `${argument}.port`, "a whole number from 0 to 65535", port);
    return;
  }
  if (typeof path !== "string" || (path === "" && !mayBeNameless))
    refuse(where, `${argument}.path`, "a path, which is not empty", path);
  // The system would take what is before it for the name; only the first one is special, on Linux.
  if (path.includes("\0", 1))
    throw new InvalidArgument(`${where}: "${argument}.path" must have no NUL inside, got ${JSON.stringify(path)}`);
}

function isPort(port: unknown): boolean {
  return Number.isInteger(port) && (port as number) >= 0 && (port as number) <= 65535;
}
