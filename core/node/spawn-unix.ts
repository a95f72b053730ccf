// Processes with descriptors, a user and a group of their own.

import { expectOptions, refuse } from "../engine/describe.js";
import { InvalidArgument } from "../engine/invalid-argument.js";
import type { Op } from "../engine/op.js";
import type { Source } from "../flow.js";
import { IoError } from "../io-error.js";
import { ProcessManager, showArgs, type Child, type SpawnOptions } from "../process.js";
import { NodeProcessManager, UNIX } from "./process.js";

/** The options of {@link spawnUnix}. */
export interface SpawnUnixOptions extends SpawnOptions {
  /**
   * The descriptors of the process, by their numbers there, and what is behind them: files, sockets, listening sockets, whatever
   * `fdOf` gives a number for. In any order, also those whose numbers are exchanged. All others of ours are closed there.
   */
  fds?: readonly (readonly [fd: number, resource: object])[];
  /** The user that it runs as: of those who may do that, such as root. */
  uid?: number;
  /** The group that it runs as. */
  gid?: number;
  /** The process group. Only 0 can be had: one of its own, in a session of its own. */
  pgid?: number;
  /** The controlling terminal. Cannot be had. */
  loginTty?: Source;
}

/** One more than the largest number that a descriptor can have in a process, unless somebody has raised the limit. */
const MOST_FDS = 1024;
/** The largest number of a user that Node takes. */
const LARGEST_ID = 2 ** 31 - 1;

/**
 * Like `processMgr.spawn`, with descriptors, a user and groups of its own for the process. What it is given stays open here as well;
 * of a connection, what has been received already is not given. The standard streams of a process wait: so do ours, when they are handed
 * the same. Close them here, therefore, if they are sockets. Not on Windows. A cancellation point.
 *
 * @example
 * // Others do the work: they accept from the socket that we have opened.
 * const server = yield* env.net.listen({ type: "tcp", ip: IpAddress.v4.loopback, port: 0 }, { sw });
 * const worker = yield* spawnUnix(env.processMgr, ["sh", "-c", "test -S /dev/fd/3"], { sw, fds: [[3, server]] });
 * yield* server.close();
 * yield* worker.await(); // => { exited: 0 }
 *
 * @throws InvalidArgument  for a number that is assigned twice, also by `stdin`, `stdout` or `stderr`; for what has no descriptor; for a
 *   user or a group that there cannot be
 * @throws IoError  with the step `starting command: <args>`, as `spawn`; `Io Not_available` for a terminal, for another process group, on
 *   Windows, and by other process managers than that of Node
 */
export function* spawnUnix(processMgr: ProcessManager, args: readonly string[], options: SpawnUnixOptions): Op<Child> {
  if (!(processMgr instanceof ProcessManager)) refuse("spawnUnix", "processMgr", "a ProcessManager", processMgr);
  expectOptions("spawnUnix", options);
  const { fds = [], uid, gid, pgid, loginTty, ...others } = options;
  expectFds(fds, others);
  expectId("uid", uid);
  expectId("gid", gid);
  const canDo = processMgr instanceof NodeProcessManager && process.platform !== "win32";
  if (!canDo || (pgid !== undefined && pgid !== 0) || loginTty !== undefined)
    throw new IoError({ area: "Io", kind: "Not_available" }, [`starting command: ${showArgs(args)}`]);
  const unix = {
    fds,
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
    ...(pgid === 0 && { detached: true }),
  };
  return yield* processMgr.spawn(args, { ...others, [UNIX]: unix } as SpawnOptions);
}

function expectFds(fds: NonNullable<SpawnUnixOptions["fds"]>, streams: SpawnOptions): void {
  const isArray: boolean = Array.isArray(fds) && fds.every((pair) => Array.isArray(pair));
  if (!isArray) refuse("spawnUnix", "options.fds", "an array of pairs of a number and what is behind it", fds);
  const assigned = new Set((["stdin", "stdout", "stderr"] as const).flatMap((name, i) => (streams[name] ? [i] : [])));
  for (const [fd, resource] of fds) {
    if (typeof fd !== "number") refuse("spawnUnix", "options.fds", "pairs that begin with a number", fd);
    if (!Number.isInteger(fd) || fd < 0 || fd >= MOST_FDS)
      throw new RangeError(`spawnUnix: the numbers of descriptors are between 0 and ${MOST_FDS - 1}, not ${fd}`);
    if (typeof resource !== "object" || (resource as unknown) === null)
      refuse("spawnUnix", "options.fds", "files, flows or sockets behind the numbers", resource);
    if (assigned.has(fd)) throw new InvalidArgument(`FD ${fd} assigned twice!`);
    assigned.add(fd);
  }
}

function expectId(which: "uid" | "gid", id: number | undefined): void {
  if (id === undefined) return;
  if (typeof id !== "number") refuse("spawnUnix", `options.${which}`, "a number", id);
  if (!Number.isInteger(id) || id < 0 || id > LARGEST_ID)
    throw new InvalidArgument(`spawnUnix: ${which} ${id} is out of range`);
}
