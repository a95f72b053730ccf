// The record of capabilities that a program is given: what is not in it, and not passed on, the program cannot reach.

import { refuse } from "./engine/describe.js";
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
