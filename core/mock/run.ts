// A scheduler with nothing outside: the whole program runs before `run` returns, time moves when all sleep, and a dead-lock is an
// error. Read this first to see how a scheduler is put together.

import { debugAsked, type DebugOptions } from "../debug/index.js";
import { giveUp } from "../engine/deadlock.js";
import { expectBody, expectFunction, expectOptions } from "../engine/describe.js";
import { expectNoFiber } from "../engine/nested-run.js";
import type { Op, Result } from "../engine/op.js";
import { probe } from "../engine/probe.js";
import { startOn } from "../engine/root.js";
import { Scheduler } from "../engine/scheduler.js";
import { withBinding } from "../local.js";
import { debug, type TracelnFn } from "../traceln.js";
import { MockClock } from "./clock.js";
import { expectEnvOptions, mockEnv, type MockEnv, type MockEnvOptions } from "./env.js";

class MockLoop extends Scheduler {
  readonly siteAllowance = { sites: 2_000 };
  readonly clock = new MockClock();
  readonly now = () => this.clock.now();

  drain(): void {
    while (this.size > 0) this.runNext();
  }

  /** Nothing can run: time goes on to the next deadline. False when there is none. */
  sleepUntilDue(): boolean {
    probe?.loopSuspended(this);
    const due = this.clock.tryAdvance();
    probe?.loopResumed(this);
    return due;
  }
}

/** The options of {@link run}. */
export interface MockRunOptions extends MockEnvOptions {
  /** Is given the lines of `traceln` in place of the standard error output: the same as binding `env.debug.traceln`. */
  traceln?: TracelnFn;
  /** Switches debug mode on or off, from here on and for all fibers of the process; see `setDebug`. */
  debug?: boolean | DebugOptions;
}

/**
 * Runs `body` and all it forks, at once and to the end, and returns its value. There is no event loop and no I/O, so a test of fibers
 * is a plain function; `env.clock` begins at 0 and jumps to the next deadline whenever all fibers sleep. Files, processes and all else
 * that a program is given are stand-ins; see {@link MockEnv}.
 *
 * @example
 * const log: string[] = [];
 * mock.run(function* ({ clock }) {
 *   yield* clock.sleep(3600);
 *   log.push(`at ${clock.now()}`);
 * });
 * log; // => ["at 3600"]
 *
 * @throws the error of `body`, unchanged
 * @throws NestedRunError  inside a fiber: `yield*` the body there
 * @throws DeadlockDetected when nothing can run, nobody sleeps, and `body` has not returned; it lists the waiting fibers
 */
export function run<T>(body: (env: MockEnv) => Op<T>, options?: MockRunOptions): T {
  expectBody("mock.run", "body", body);
  expectOptions("mock.run", options);
  const traceln = options?.traceln;
  if (traceln !== undefined) expectFunction("mock.run", "options.traceln", traceln);
  expectEnvOptions("mock.run", options ?? {});
  debugAsked("mock.run", options);
  expectNoFiber("mock.run");
  const loop = new MockLoop();
  probe?.domainSpawned(loop);
  const env = mockEnv({ ...options, clock: loop.clock });
  let outcome: Result<T> | undefined;
  const root = startOn<T>(
    loop,
    traceln ? () => withBinding(debug.traceln, traceln, () => body(env)) : () => body(env),
    {
      name: body.name || "main",
      onDone(result) {
        outcome = result;
      },
    },
  );
  loop.drain();
  while (!outcome && loop.sleepUntilDue()) loop.drain();
  if (!outcome) throw giveUp(root.context);
  if (!outcome.ok) throw outcome.error;
  return outcome.value;
}
