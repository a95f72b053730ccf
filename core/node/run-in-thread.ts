// Plain functions in threads that are kept for the next one: for what would hold the event loop up.

import type { Op, Result } from "../engine/op.js";
import { suspend } from "../engine/suspend.js";
import { expectModuleJob, type Job, type ModuleJob } from "../job.js";
import { systemClock } from "../system-clock.js";
import { RUN_RAW } from "../job-thread.js";
import { Thread } from "./thread.js";

/** Threads that do nothing. The last one is taken first, so that those that are not needed grow old. */
let idle: Thread[] = [];

/**
 * Runs a plain function that a module exports, in a thread: an idle one, or a new one if all are busy. It gets copies of its arguments, and nothing
 * else. Other fibers run meanwhile. The threads end when the last `run` of the process has; idle ones keep no process alive.
 *
 * In a cancelled context it does not start. Once started it cannot be cancelled: the caller waits, gets the result, and meets the
 * cancellation later.
 *
 * @example
 * yield* runInThread<number>({ module: digests, name: "digestNow", args: ["tea"] }); // => 3
 *
 * @throws what the function throws, a copy with its class, code and stack
 * @throws as `DomainManager.run`: for closures, and for what cannot be copied
 */
export function* runInThread<T>(job: Job<T>): Op<T> {
  expectModuleJob("runInThread", job);
  return yield* inThread(job);
}

/** Checks for a cancellation when it begins; without a cancel function nothing interrupts it then. */
function inThread<T>(job: ModuleJob<T>): Op<T> {
  return suspend<T>(`runInThread (${job.name})`, (_ctx, enqueue) => {
    const thread = take();
    const done = (outcome: Result<unknown>) => {
      if (thread.works) idle.push(thread);
      enqueue(outcome as Result<T>);
    };
    try {
      thread.begin("runInThread", RUN_RAW, job, done);
    } catch (error) {
      idle.push(thread);
      throw error;
    }
  });
}

function take(): Thread {
  for (let thread = idle.pop(); thread; thread = idle.pop()) if (thread.works) return thread;
  return new Thread({ name: "runInThread" });
}

/** Ends the threads that do nothing. */
export function endIdleThreads(): void {
  const ending = idle;
  idle = [];
  for (const thread of ending) thread.terminate();
}

/**
 * Waits for some seconds, for those who have no clock at hand. Others use `env.clock`, which a test can replace. Other fibers run meanwhile. A
 * cancellation point.
 *
 * @example
 * yield* sleep(0.01);
 *
 * @param seconds  not positive: lets the other fibers have a turn
 */
export function sleep(seconds: number): Op<void> {
  return systemClock.sleep(seconds);
}
