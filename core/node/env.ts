// What a program on Node is given.

import type { SystemEnv } from "../env.js";
import { systemClock, systemMonoClock } from "../system-clock.js";
import { debug } from "../traceln.js";
import { nodeDescriptors, type Descriptors } from "./descriptors.js";
import { threadManager } from "./domain.js";
import { everything, workingDirectory } from "./fs.js";
import { nodeNet } from "./net.js";
import { nodeProcessManager } from "./process.js";
import { signals } from "./signals.js";
import { standardStreams } from "./standard-streams.js";

/** The capabilities of a program on Node: all it can reach. */
export interface NodeEnv extends SystemEnv {
  /** What is open already, by its number. */
  readonly descriptors: Descriptors;
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
  descriptors: nodeDescriptors,
};
