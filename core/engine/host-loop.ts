// The scheduler of the process: it shares the JavaScript event loop with promises, timers and I/O.
//
// Wake-ups are drained in one microtask. A pass in which a fiber yielded is followed by a turn of other microtasks; and when fibers
// have kept the thread for long, a macrotask goes in between, so that timers and I/O proceed.

import { runningFiber } from "./drive.js";
import type { FiberCore, Waiting } from "./fiber-core.js";
import { countOutsideOn } from "./ids.js";
import { later, now } from "./platform.js";
import { probe } from "./probe.js";
import { Scheduler } from "./scheduler.js";

const settled = Promise.resolve();

/** How long fibers may keep the thread before the host gets a macrotask. */
const BUDGET_MS = 8;
/** The clock is read once in so many steps. */
const STEPS_PER_LOOK = 64;
/** Passes in which nobody yielded that run in one go; then other microtasks get a turn. */
const PASSES_PER_TURN = 64;

const IDLE = 0;
const MICROTASK = 1;
const MACROTASK = 2;

class HostLoop extends Scheduler {
  readonly siteAllowance = undefined;
  protected override idle = true;
  private scheduled = IDLE;
  private draining = false;
  /** When the fibers got the thread; undefined when they do not have it. */
  private since: number | undefined;
  private steps = 0;
  private readonly nextMacrotask = macrotaskSource(() => {
    this.since = undefined;
    this.scheduled = IDLE;
    this.drain();
  });
  /** Microtasks under way that a later one has replaced; they come first, as microtasks keep their order. */
  private stale = 0;
  private readonly onMicrotask = () => {
    if (this.stale > 0) {
      this.stale--;
      return;
    }
    if (this.scheduled !== MICROTASK) return;
    this.scheduled = IDLE;
    this.drain();
  };

  protected override wakeUp(): void {
    this.schedule(MICROTASK);
  }

  private schedule(turn: typeof MICROTASK | typeof MACROTASK): void {
    this.idle = false;
    this.scheduled = turn;
    if (turn === MICROTASK) void settled.then(this.onMicrotask);
    else this.nextMacrotask();
  }

  /** Settles a wait and drains, without asking for a microtask first. */
  resume(fiber: FiberCore, waiting: Waiting, failed: boolean, value: unknown): void {
    if (runningFiber() || this.draining) {
      fiber.settle(waiting, failed, value);
      return;
    }
    // The queue is looked at right below; and if it is the turn of a macrotask, nobody was idle.
    this.idle = false;
    fiber.settle(waiting, failed, value);
    this.drain();
  }

  /** Calls `event`, which wakes fibers, and drains, without asking for a microtask first. */
  runAfter(event: () => void): void {
    if (runningFiber() || this.draining) return event();
    this.idle = false;
    event();
    this.drain();
  }

  /** Runs what is queued, until it is the turn of others. */
  drain(): void {
    if (this.draining || this.scheduled === MACROTASK) return;
    this.draining = true;
    this.idle = false;
    probe?.loopResumed(this);
    let passes = 0;
    let exhausted = false;
    do {
      this.yielded = false;
      for (let left = this.size; left > 0 && this.size > 0; left--) {
        this.runNext();
        if (++this.steps % STEPS_PER_LOOK === 0 && this.overBudget()) {
          exhausted = true;
          break;
        }
      }
    } while (this.size > 0 && !this.yielded && !exhausted && ++passes < PASSES_PER_TURN);
    this.draining = false;
    probe?.loopSuspended(this);
    this.rest(exhausted);
  }

  /** Sees to it that what is left in the queue gets its turn. */
  private rest(exhausted: boolean): void {
    if (this.size === 0) {
      this.since = undefined;
      this.shrink();
      this.idle = this.scheduled === IDLE;
    } else if (exhausted) this.schedule(MACROTASK);
    else if (this.scheduled === IDLE) this.schedule(MICROTASK);
    else if (this.yielded && this.scheduled === MICROTASK) {
      // The microtask under way was asked for before the fiber yielded: others that were asked for since have their turn first.
      this.stale++;
      this.schedule(MICROTASK);
    }
  }

  private overBudget(): boolean {
    const time = now();
    this.since ??= time;
    return time - this.since > BUDGET_MS;
  }

  /** Runs everything until only suspended fibers are left. */
  drainAll(): void {
    if (this.draining) return;
    this.draining = true;
    this.idle = false;
    probe?.loopResumed(this);
    while (this.size > 0) this.runNext();
    this.draining = false;
    probe?.loopSuspended(this);
    this.rest(false);
  }
}

/** A function that has `callback` called in a macrotask of its own, soon. */
function macrotaskSource(callback: () => void): () => void {
  if (typeof setImmediate === "function") {
    const immediate = setImmediate;
    return () => void immediate(callback);
  }
  if (typeof MessageChannel === "function") {
    // Timers are throttled to four milliseconds in pages; messages are not.
    const { port1, port2 } = new MessageChannel() as unknown as { port1: Port; port2: Port };
    // An imitation of a page on Node may have Node's own ports, but not `setImmediate`. Those deliver up to a thousand messages, each
    // sent by the one before, until anything else has its turn; a page's ports have no `unref`.
    if (!("unref" in port1)) {
      port1.onmessage = callback;
      return () => port2.postMessage(0);
    }
  }
  return () => later(callback);
}

/** The part of a message port that is used. */
interface Port {
  onmessage: (() => void) | null;
  postMessage(message: unknown): void;
}

/** The one scheduler of the process that runs on the event loop. */
export const hostLoop = new HostLoop();
countOutsideOn(hostLoop);

/**
 * Runs all fibers that can run, now, and returns when only suspended ones are left. For tests and for code that must see the effect
 * of a wake-up at once. A fiber that yields for ever keeps it from returning.
 *
 * @example
 * const [answer, resolver] = Deferred.create<number>();
 * let seen = 0;
 * const ended = run(function* () {
 *   seen = yield* answer.await();
 * });
 * resolver.resolve(42); // as from a plain callback
 * seen; // => 0
 * flush();
 * seen; // => 42
 * await ended;
 *
 * @throws Error when called inside a fiber
 */
export function flush(): void {
  if (runningFiber())
    throw new Error("flush: called inside a fiber; other fibers run when this one suspends (yield* Fiber.yield())");
  hostLoop.drainAll();
}

/**
 * Runs the queue as the next microtask would, but now. For bridges: called at the end of a promise reaction that woke a fiber, it
 * lets the fiber resume in the same microtask. It keeps the fairness rules, so it may leave fibers queued; inside a fiber, or while
 * the queue is being drained, it does nothing.
 */
export function runReady(): void {
  if (!runningFiber()) hostLoop.drain();
}
