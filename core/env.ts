// The record of capabilities that a program is given: what is not in it, and not passed on, the program cannot reach.

import { refuse } from "./engine/describe.js";
import type { DomainManager } from "./domain.js";
import type { Sink, Source } from "./flow.js";
import type { Net } from "./net.js";
import type { Path } from "./path.js";
import type { ProcessManager } from "./process.js";
import type { Signals } from "./signals.js";
import type { Clock, MonoClock } from "./time.js";
import type { Debug } from "./traceln.js";

/** What every entry point gives to its main fiber. */
export interface Env {
  /** The time of day, sleeping, and limits on time. */
  readonly clock: Clock;
  /** Time that only goes forward. */
  readonly monoClock: MonoClock;
  /** Where lines for the programmer go. */
  readonly debug: Debug;
  /** Which entry point this is: `"node"`, `"mock"`, ... */
  readonly backendId: string;
}

/** All that a program on an operating system can reach. A program that is given nothing else runs wherever there is one of these. */
export interface SystemEnv extends Env {
  /** The standard input. */
  readonly stdin: Source;
  /** The standard output. Closing it does nothing: the process goes on using it. */
  readonly stdout: Sink;
  /** The standard error output; the same goes for it. */
  readonly stderr: Sink;
  /** Random bytes without end, fit for keys. */
  readonly secureRandom: Source;
  /** The network. */
  readonly net: Net;
  /** The directory that the process is in, and what is below it: no path from here leads out. */
  readonly cwd: Path;
  /** The whole file system. */
  readonly fs: Path;
  /** Starts child processes. */
  readonly processMgr: ProcessManager;
  /** Runs jobs in other threads. */
  readonly domainMgr: DomainManager;
  /** The arguments of the command line, without the program. */
  readonly args: readonly string[];
  /** The environment variables. */
  readonly vars: Readonly<Record<string, string | undefined>>;
  /** The signals that the process gets. */
  readonly signals: Signals;
}

/**
 * `env` with other values for some of its capabilities, as a new record; `env` stays as it is. With the mock's in them, a part of a
 * program runs in a world of one's own.
 *
 * @example
 * yield* work(overrideEnv(env, { backendId: "another world" }));
 */
export function overrideEnv<E extends object>(env: E, fields: Partial<E>): E {
  for (const [name, value] of [
    ["env", env],
    ["fields", fields],
  ] as const) {
    if (typeof value !== "object" || (value as unknown) === null) refuse("overrideEnv", name, "an object", value);
  }
  return { ...env, ...fields };
}
