// Numbers for fibers, switches, contexts and cells, so that reports can tell them apart.
// Each scheduler counts from 1: a program under the mock prints the same numbers on every run.

import { runningFiber } from "./drive.js";

let outside = 1;

/** A number for an object made now: that of the running fiber's scheduler. */
export function mintId(): number {
  const fiber = runningFiber();
  return fiber ? fiber.context.home.nextId++ : outside++;
}
