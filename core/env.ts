// The record of capabilities that a program is given: what is not in it, and not passed on, the program cannot reach.

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
