// What a program on Node is given.

import type { DomainManager } from "../domain.js";
import type { Env } from "../env.js";
import type { Net } from "../net.js";
import type { Sink, Source } from "../flow.js";
import type { Path } from "../path.js";
import type { ProcessManager } from "../process.js";
import { systemClock, systemMonoClock } from "../system-clock.js";
import { debug } from "../traceln.js";
import { threadManager } from "./domain.js";
import { everything, workingDirectory } from "./fs.js";
import { nodeNet } from "./net.js";
import { nodeProcessManager } from "./process.js";
import { signals, type Signals } from "./signals.js";
import { standardStreams } from "./standard-streams.js";

/** The capabilities of a program on Node: all it can reach. */
export interface NodeEnv extends Env {
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

/** The real ones. */
export const nodeEnv: NodeEnv = {
  clock: systemClock,
  monoClock: systemMonoClock,
  debug,
  backendId: "node",
  ...standardStreams,
  net: nodeNet,
  cwd: workingDirectory,
  fs: everything,
  processMgr: nodeProcessManager,
  domainMgr: threadManager,
  args: process.argv.slice(2),
  vars: process.env,
  signals,
};
