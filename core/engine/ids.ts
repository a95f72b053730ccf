// Numbers for fibers, switches, contexts and cells, so that reports can tell them apart.
// Each scheduler counts from 1: a program under the mock prints the same numbers on every run.

import type { Home } from "./context.js";
import { runningFiber } from "./drive.js";

let outside: Home = { nextId: 1 };

/** Objects made outside of fibers are counted along with those of `home`: the event loop, where there is one. */
export function countOutsideOn(home: Home): void {
  outside = home;
}

/** A number for an object made now: that of the running fiber's scheduler; outside of fibers, that of the event loop. */
export function mintId(): number {
  const home = runningFiber()?.context.home ?? outside;
  return home.nextId++;
}
