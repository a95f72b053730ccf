// Numbers for fibers, switches, contexts and cells, so that reports can tell them apart.
// Each scheduler counts from 1: a program under the mock prints the same numbers on every run.

import { runningFiber } from "./drive.js";
import { hostLoop } from "./host-loop.js";

/** A number for an object made now: that of the running fiber's scheduler; outside of fibers, that of the event loop. */
export function mintId(): number {
  const home = runningFiber()?.context.home ?? hostLoop;
  return home.nextId++;
}
