// The timers of the platform, on a clock of fibers: for foreign code that takes its timers from outside, and for tests that put others
// in place of the global ones.
//
// |             | `toTimers`                                                                                           |
// |-------------|------------------------------------------------------------------------------------------------------|
// | cancel      | `clearTimeout` and its like; all at once by `clear`, or at the end of an `await using` block          |
// | owner       | whoever asked for the timers: no switch waits for them, and no fiber runs their callbacks            |
// | error       | what a callback throws is reported as unhandled; other timers go on                                  |
// | turns       | a callback runs when the clock says so, inside the call that moves a mock clock                      |

import { asyncDispose, Clock, reportUnhandled, type StopTimer } from "trestle";
import type { AsyncDisposableLike } from "./crossing/platform.js";
import { expectFunction, refuse } from "./crossing/refuse.js";

/** A timer, as Node's `Timeout` and `Immediate` are; where a number is wanted, it is its number. */
export interface TimerHandle {
  ref(): TimerHandle;
  unref(): TimerHandle;
  hasRef(): boolean;
  /** Starts the delay anew. */
  refresh(): TimerHandle;
  /** Clears the timer. */
  close(): TimerHandle;
  [Symbol.toPrimitive](): number;
}

type Callback<A extends unknown[]> = (...args: A) => void;

/** What the functions that clear a timer take; what is no timer of ours is left alone. */
export type ClearableTimer = TimerHandle | number | string | null | undefined;

/** The timer functions and the date of a clock, see {@link toTimers}. They need no `this`. */
export interface ClockTimers extends AsyncDisposableLike {
  setTimeout<A extends unknown[]>(this: void, callback: Callback<A>, ms?: number, ...args: A): TimerHandle;
  clearTimeout(this: void, timer: ClearableTimer): void;
  setInterval<A extends unknown[]>(this: void, callback: Callback<A>, ms?: number, ...args: A): TimerHandle;
  clearInterval(this: void, timer: ClearableTimer): void;
  setImmediate<A extends unknown[]>(this: void, callback: Callback<A>, ...args: A): TimerHandle;
  clearImmediate(this: void, timer: ClearableTimer): void;
  /** `Date`, except that now is what the clock shows. */
  readonly Date: DateConstructor;
  /** How many timers are under way. */
  readonly pending: number;
  /** Clears all timers. */
  clear(): void;
}

let nextNumber = 1;

class Timer implements TimerHandle {
  readonly id = nextNumber++;
  private readonly clock: Clock;
  private readonly live: Map<number, Timer>;
  private readonly call: () => void;
  private readonly seconds: number;
  private readonly repeats: boolean;
  private stop: StopTimer | undefined = undefined;
  private referenced = true;

  constructor(clock: Clock, live: Map<number, Timer>, call: () => void, seconds: number, repeats: boolean) {
    this.clock = clock;
    this.live = live;
    this.call = call;
    this.seconds = seconds;
    this.repeats = repeats;
    this.start();
  }

  private start(): void {
    this.live.set(this.id, this);
    this.stop = this.clock.startDelay(this.seconds, () => this.fire());
  }

  private fire(): void {
    // As the platform does: an interval is under way while its callback runs, and counts on from when that began.
    if (this.repeats) this.start();
    else this.forget();
    try {
      this.call();
    } catch (error) {
      reportUnhandled(error);
    }
  }

  private forget(): void {
    this.live.delete(this.id);
    this.stop = undefined;
  }

  close(): this {
    this.stop?.();
    this.forget();
    return this;
  }

  refresh(): this {
    this.stop?.();
    this.start();
    return this;
  }

  ref(): this {
    this.referenced = true;
    return this;
  }

  unref(): this {
    this.referenced = false;
    return this;
  }

  hasRef(): boolean {
    return this.referenced;
  }

  [Symbol.toPrimitive](): number {
    return this.id;
  }
}

/** In seconds. The platform takes a millisecond for what is less, or is no number. */
function delayOf(ms: unknown): number {
  const given = Number(ms);
  return (given >= 1 ? given : 1) / 1000;
}

function dateOf(clock: Clock): DateConstructor {
  const now = () => Math.floor(clock.now() * 1000);
  return new Proxy(Date, {
    construct: (target, args: [], newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as object,
    apply: () => new Date(now()).toString(),
    get: (target, name, receiver): unknown => (name === "now" ? now : Reflect.get(target, name, receiver)),
  });
}

/**
 * The timer functions of the platform, and `Date`, driven by a clock: hand them to foreign code that takes its timers from outside, or
 * put them in place of the global ones in a test, and a mock clock drives foreign code and fibers together.
 *
 * They are called and behave as the platform's: a delay is in milliseconds and at least one, an interval goes on until it is cleared,
 * `setImmediate` comes next, without a delay. Unlike there a delay of more than 24 days is kept, and `Infinity` never comes. `unref`
 * is remembered and does nothing: whether the process may exit is up to the clock.
 *
 * @example
 * const clock = new MockClock();
 * const timers = toTimers(clock);
 * timers.setTimeout(() => log(timers.Date.now()), 1500);
 * clock.advance();
 * timers.Date.now(); // => 1500
 *
 * @param clock  `env.clock`, or a mock clock
 */
export function toTimers(clock: Clock): ClockTimers {
  const { now, startDelay } = (clock ?? {}) as Partial<Clock>;
  if (typeof now !== "function" || typeof startDelay !== "function") refuse("toTimers", "clock", "a Clock", clock);
  const live = new Map<number, Timer>();
  const start = (where: string, callback: unknown, seconds: number, args: unknown[], repeats = false): TimerHandle => {
    expectFunction(where, "callback", callback);
    return new Timer(clock, live, () => void (callback as Callback<unknown[]>)(...args), seconds, repeats);
  };
  const clearOne = (timer: ClearableTimer) => {
    if (timer instanceof Timer) timer.close();
    else if (typeof timer === "number" || typeof timer === "string") live.get(Number(timer))?.close();
  };
  const clear = () => {
    for (const timer of live.values()) timer.close();
  };
  return {
    setTimeout: (callback, ms, ...args) => start("setTimeout", callback, delayOf(ms), args),
    setInterval: (callback, ms, ...args) => start("setInterval", callback, delayOf(ms), args, true),
    setImmediate: (callback, ...args) => start("setImmediate", callback, 0, args),
    clearTimeout: clearOne,
    clearInterval: clearOne,
    clearImmediate: clearOne,
    Date: dateOf(clock),
    get pending() {
      return live.size;
    },
    clear,
    [asyncDispose]() {
      clear();
      return Promise.resolve();
    },
  };
}
