// A limit on time as a value: what functions take that leave it to their caller how long they may take.

import { expectBody, refuse } from "./engine/describe.js";
import type { Body, Op, Result } from "./engine/op.js";
import { awaitCancel } from "./turns.js";
import { Clock, formatSeconds, MonoClock } from "./time.js";

/**
 * How long something may take, on which clock; or {@link TimeLimit.none}.
 *
 * @example
 * function* fetchAll(urls: string[], limit: TimeLimit = TimeLimit.none): Op<Page[]> {
 *   return yield* limit.runExn(() => Fiber.map(urls, (url) => download(url)));
 * }
 */
export class TimeLimit {
  private readonly clock: Clock | MonoClock | undefined;
  private readonly duration: number;

  private constructor(clock: Clock | MonoClock | undefined, duration: number) {
    this.clock = clock;
    this.duration = duration;
  }

  /** No limit: bodies run as they are, in no new context. */
  static readonly none: TimeLimit = /* @__PURE__ */ new TimeLimit(undefined, Infinity);

  /**
   * A limit in seconds; negative ones mean 0.
   *
   * @example
   * const limit = TimeLimit.seconds(env.monoClock, 2);
   */
  static seconds(clock: Clock | MonoClock, seconds: number): TimeLimit {
    if (!(clock instanceof Clock || clock instanceof MonoClock))
      refuse("TimeLimit.seconds", "clock", "a clock, such as env.monoClock", clock);
    if (typeof seconds !== "number") refuse("TimeLimit.seconds", "seconds", "a number", seconds);
    return new TimeLimit(clock, seconds);
  }

  /** Runs `body` with the limit; a body that takes too long is cancelled, and the result is the error `"timeout"`. */
  run<T, E>(body: Body<Result<T, E>>): Op<Result<T, E | "timeout">> {
    expectBody("TimeLimit.run", "body", body);
    return this.clock ? this.clock.withTimeout(this.duration, body) : body();
  }

  /**
   * Runs `body` with the limit.
   *
   * @throws Timeout when it takes too long
   */
  runExn<T>(body: Body<T>): Op<T> {
    expectBody("TimeLimit.runExn", "body", body);
    return this.clock ? this.clock.withTimeoutExn(this.duration, body) : body();
  }

  /** Sleeps for as long as the limit; without one, until cancelled. */
  sleep(): Op<void> {
    return this.clock ? this.clock.sleep(this.duration) : awaitCancel();
  }

  /** "10ms", "2s", "30m", or "(no timeout)". */
  toString(): string {
    return this.clock ? formatSeconds(this.duration) : "(no timeout)";
  }
}
