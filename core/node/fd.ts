// Numbers of descriptors: what the system calls what it has lent us.

import { refuse } from "../engine/describe.js";

/** Of what has a descriptor that is not to be handed to processes unless they are asked for by number. */
export const SYSTEM_FD = Symbol("trestle.fd");

/** What has {@link SYSTEM_FD}. */
export interface WithSystemFd {
  readonly [SYSTEM_FD]: number | undefined;
}

/**
 * The number of the descriptor behind a file, a standard stream or a socket; undefined for what has none: flows in memory, mocks, what is
 * closed, and on Windows all sockets. It stays theirs: do not close it, nor keep it longer than they are open.
 *
 * @example
 * const server = yield* env.net.listen({ type: "tcp", ip: IpAddress.v4.loopback, port: 0 }, { sw });
 * fdOf(env.stdout); // => 1
 * fdOf(Flow.stringSource("hello")); // => undefined
 * typeof fdOf(server); // => "number"
 *
 * @throws TypeError  for what is no object
 */
export function fdOf(resource: object): number | undefined {
  if (typeof resource !== "object" || (resource as unknown) === null)
    refuse("fdOf", "resource", "a flow, a file or a socket", resource);
  if (SYSTEM_FD in resource) return (resource as WithSystemFd)[SYSTEM_FD];
  const { fd } = resource as { fd?: unknown };
  return typeof fd === "number" ? fd : undefined;
}

/** What Node knows of its own sockets and servers, and does not tell. */
interface Handle {
  readonly fd?: unknown;
}

/** The descriptor of a handle of Node. */
export function fdOfHandle(handle: unknown): number | undefined {
  const fd = (handle as Handle | null | undefined)?.fd;
  return typeof fd === "number" && fd >= 0 ? fd : undefined;
}
