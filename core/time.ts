// Time as a capability: clocks, sleeping, and limits on how long something may take. Times are in seconds.

import { expectBody, refuse } from "./engine/describe.js";
import { returning, type FiberCore, type Step } from "./engine/fiber-core.js";
import type { Body, Op, Result } from "./engine/op.js";
import { WaitingPrimitive } from "./engine/primitive.js";
import { siteOf } from "./fork.js";
import { race } from "./race.js";

/**
 * Something took longer than it was allowed to.
 *
 * @example
 * try {
 *   return yield* clock.withTimeoutExn(2, () => download(url));
 * } catch (error) {
 *   if (error instanceof Timeout) return undefined;
 *   throw error;
 * }
 */
export class Timeout extends Error {
  override readonly name = "Timeout";
  readonly code = "TIMEOUT";
  /** The limit that was exceeded, in seconds. */
  readonly seconds: number;

  constructor(seconds: number) {
    super(`timed out after ${formatSeconds(seconds)}`);
    this.seconds = seconds;
  }
}

/** Undoes the registration of a timer. */
export type StopTimer = () => void;

/** What limits on time are built on: a clock, in its own unit. */
abstract class Sleeping {
  /** @internal Calls `wake` once, after `seconds`. Not called with a delay that is not positive. */
  abstract startDelay(seconds: number, wake: () => void): StopTimer;

  /**
   * Suspends the fiber for at least `seconds`. A cancellation point; the timer is gone when it is cancelled. Zero and less still let
   * the other fibers that can run have a turn; `Infinity` means until cancelled.
   *
   * @example
   * yield* env.clock.sleep(0.25);
   */
  sleep(seconds: number): Op<void> {
    expectSeconds("Clock.sleep", "seconds", seconds);
    return new Sleep(this, seconds);
  }

  /**
   * Runs `body`, and cancels it when it takes longer than `seconds`. A body that returns without suspending always wins, even with
   * a limit of 0. The body is waited for in any case, its clean-up included.
   *
   * @example
   * const page = yield* env.clock.withTimeoutExn(2, () => download(url));
   *
   * @param seconds  the limit; `Infinity` is none
   * @throws Timeout when the time is up
   * @throws the failure of `body`, unchanged
   */
  withTimeoutExn<T>(seconds: number, body: Body<T>): Op<T> {
    expectSeconds("Clock.withTimeoutExn", "seconds", seconds);
    expectBody("Clock.withTimeoutExn", "body", body);
    // eslint-disable-next-line @typescript-eslint/unbound-method -- not called: it marks where our part of the stack begins
    const site = siteOf(this.withTimeoutExn);
    return race<T>("Clock.withTimeoutExn", [() => expire(this, seconds), body], site);
  }

  /**
   * {@link withTimeoutExn} for a body that gives a `Result`: gives that, or the error `"timeout"` as a value.
   *
   * @example
   * const result = yield* env.clock.withTimeout(2, () => tryDownload(url));
   * if (!result.ok && result.error === "timeout") log("later, perhaps");
   */
  withTimeout<T, E>(seconds: number, body: Body<Result<T, E>>): Op<Result<T, E | "timeout">> {
    expectSeconds("Clock.withTimeout", "seconds", seconds);
    expectBody("Clock.withTimeout", "body", body);
    // eslint-disable-next-line @typescript-eslint/unbound-method -- not called: it marks where our part of the stack begins
    const site = siteOf(this.withTimeout);
    return race<Result<T, E | "timeout">>("Clock.withTimeout", [() => timeoutResult(this, seconds), body], site);
  }
}

function* expire(clock: Sleeping, seconds: number): Op<never> {
  yield* clock.sleep(seconds);
  throw new Timeout(seconds);
}

function* timeoutResult(clock: Sleeping, seconds: number): Op<Result<never, "timeout">> {
  yield* clock.sleep(seconds);
  return { ok: false, error: "timeout" };
}

/**
 * The time of day, and waiting for it. Programs get one as a capability (`env.clock`), so that tests can give them another.
 *
 * An implementation says what time it is and how to wait for one; see the mock clock for an example.
 */
export abstract class Clock extends Sleeping {
  /** Seconds since 1970. */
  abstract now(): number;

  /** @internal Calls `wake` once, when the clock shows `time`, which is later than now. */
  abstract startTimer(time: number, wake: () => void): StopTimer;

  override startDelay(seconds: number, wake: () => void): StopTimer {
    return this.startTimer(this.now() + seconds, wake);
  }

  /**
   * Suspends the fiber until the clock shows `time`, in seconds since 1970. Otherwise as {@link sleep}.
   *
   * @example
   * yield* env.clock.sleepUntil(env.clock.now() + 60);
   */
  sleepUntil(time: number): Op<void> {
    expectSeconds("Clock.sleepUntil", "time", time);
    return new SleepUntil(this, time);
  }
}

/**
 * Time that only goes forward: for measuring, and for limits. Its zero is arbitrary.
 *
 * @example
 * const start = env.monoClock.now();
 * yield* work();
 * report(env.monoClock.now() - start); // nanoseconds
 */
export class MonoClock extends Sleeping {
  private readonly seconds: Clock;

  /** @internal @param seconds  a clock that is never set back */
  constructor(seconds: Clock) {
    super();
    this.seconds = seconds;
  }

  /** Nanoseconds. */
  now(): bigint {
    return BigInt(Math.round(this.seconds.now() * 1e9));
  }

  override startDelay(seconds: number, wake: () => void): StopTimer {
    return this.seconds.startDelay(seconds, wake);
  }

  /** Suspends the fiber until the clock shows `time`, in nanoseconds. Otherwise as {@link sleep}. */
  sleepUntil(time: bigint): Op<void> {
    if (typeof time !== "bigint") refuse("MonoClock.sleepUntil", "time", "a bigint of nanoseconds", time);
    return new SleepUntil(this.seconds, Number(time) / 1e9);
  }

  /** {@link sleep}, in nanoseconds. */
  sleepSpan(nanoseconds: bigint): Op<void> {
    if (typeof nanoseconds !== "bigint") refuse("MonoClock.sleepSpan", "nanoseconds", "a bigint", nanoseconds);
    return this.sleep(Number(nanoseconds) / 1e9);
  }
}

function expectSeconds(where: string, argument: string, received: unknown): void {
  if (typeof received !== "number") refuse(where, argument, "a number of seconds", received);
}

abstract class Waking extends WaitingPrimitive<void> {
  private stop: StopTimer | undefined = undefined;

  /** Starts the timer; undefined when the time has come already. */
  protected abstract start(wake: () => void): StopTimer | undefined;

  protected enter(): void {
    this.stop = this.start(() => this.wake(undefined));
    if (this.stop) return;
    // Like a yield: the others have their turn.
    const fiber: FiberCore = this.fiber!;
    fiber.queue.noteYield();
    this.wake(undefined);
  }

  protected leave(): void {
    this.stop?.();
  }

  // A time that has come already is a yield, which checks again: a body with no time at all can still win.
  protected override deliver(): Step {
    const { interruption } = this.fiber!.context;
    if (!this.stop && interruption) throw interruption;
    return returning(undefined);
  }
}

class Sleep extends Waking {
  private readonly clock: Sleeping;
  private readonly seconds: number;

  constructor(clock: Sleeping, seconds: number) {
    super();
    this.clock = clock;
    this.seconds = seconds;
  }

  protected get called(): string {
    return "Clock.sleep";
  }

  protected again(): Sleep {
    return new Sleep(this.clock, this.seconds);
  }

  protected start(wake: () => void): StopTimer | undefined {
    return this.seconds > 0 ? this.clock.startDelay(this.seconds, wake) : undefined;
  }

  override describeWait(): string {
    return `Clock.sleep(${this.seconds})`;
  }
}

class SleepUntil extends Waking {
  private readonly clock: Clock;
  private readonly time: number;

  constructor(clock: Clock, time: number) {
    super();
    this.clock = clock;
    this.time = time;
  }

  protected get called(): string {
    return "Clock.sleepUntil";
  }

  protected again(): SleepUntil {
    return new SleepUntil(this.clock, this.time);
  }

  protected start(wake: () => void): StopTimer | undefined {
    return this.time > this.clock.now() ? this.clock.startTimer(this.time, wake) : undefined;
  }

  override describeWait(): string {
    return `Clock.sleepUntil(${this.time})`;
  }
}

/** A span of time for people: two significant digits, in milliseconds, seconds or minutes. */
export function formatSeconds(seconds: number): string {
  if (seconds >= 0.001 && seconds < 0.1) return `${significant(seconds * 1000)}ms`;
  if (seconds < 120) return `${significant(seconds)}s`;
  return `${significant(seconds / 60)}m`;
}

function significant(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? "∞" : String(value);
  // "1e-9" is padded to the two digits of exponent that C prints.
  return String(Number(value.toPrecision(2))).replace(/e([+-])(\d)$/, "e$10$2");
}
