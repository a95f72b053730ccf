// Time that moves when it is told to, or, under the mock's `run`, when everybody sleeps.

import { expectFunction, refuse } from "../engine/describe.js";
import { InvalidArgument } from "../engine/invalid-argument.js";
import { Timers } from "../engine/timers.js";
import { Clock, type StopTimer } from "../time.js";

/** The options of {@link MockClock}. */
export interface MockClockOptions {
  /** Is given the line `mock time is now T` at each change; by default nobody is. */
  trace?: (line: string) => void;
}

/**
 * A clock that a test moves by hand. It begins at 0.
 *
 * @example
 * const clock = new MockClock();
 * yield* Fiber.both(
 *   () => clock.sleep(10),
 *   function* () {
 *     clock.advance(); // the sleeper runs next
 *   },
 * );
 */
export class MockClock extends Clock {
  private readonly timers = new Timers();
  private readonly trace: ((line: string) => void) | undefined;
  private time = 0;

  constructor(options?: MockClockOptions) {
    super();
    if (options?.trace !== undefined) expectFunction("new MockClock", "options.trace", options.trace);
    this.trace = options?.trace;
  }

  now(): number {
    return this.time;
  }

  startTimer(time: number, wake: () => void): StopTimer {
    if (time === Infinity) return () => {};
    const timer = this.timers.add(time, wake);
    return () => this.timers.remove(timer);
  }

  /** Moves to `time`, in seconds, waking everybody whose deadline has come, earliest first. Moving back wakes nobody. */
  setTime(time: number): void {
    if (typeof time !== "number" || Number.isNaN(time))
      refuse("MockClock.setTime", "time", "a number of seconds", time);
    this.time = time;
    this.timers.fireDue(time);
    this.trace?.(`mock time is now ${time}`);
  }

  /**
   * Moves to the next deadline.
   *
   * @throws InvalidArgument when nobody sleeps
   */
  advance(): void {
    if (!this.tryAdvance()) throw new InvalidArgument("No further events scheduled on mock clock");
  }

  /** {@link advance} that says whether somebody was asleep instead of throwing. */
  tryAdvance(): boolean {
    const { next } = this.timers;
    if (next === undefined) return false;
    this.setTime(next);
    return true;
  }
}
