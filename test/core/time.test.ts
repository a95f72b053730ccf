import { describe, expect, it, vi } from "vitest";
import { Cancel, Fiber, TimeLimit, Timeout, currentFiber, type Op, type Result } from "trestle";
import { MockClock, run as runMock } from "trestle/mock";
import { run } from "trestle/node";
import { steps, transcript } from "./transcript.js";

describe("sleeping", () => {
  it("TM-01 sleep lasts at least as long as asked, on real timers", async () => {
    await run(function* ({ clock, monoClock }) {
      for (const seconds of [0.001, 0.0105, 0.02]) {
        const start = monoClock.now();
        yield* clock.sleep(seconds);
        expect(Number(monoClock.now() - start) / 1e9).toBeGreaterThanOrEqual(seconds);
      }
      const at = clock.now() + 0.01;
      yield* clock.sleepUntil(at);
      expect(clock.now()).toBeGreaterThanOrEqual(at - 0.002);
    });
  });

  it("TM-02 TM-08 RB-12 sleep is cancellable at once, and the timer is removed", async () => {
    const armed = new Set<unknown>();
    const { setTimeout, clearTimeout } = globalThis;
    vi.stubGlobal("setTimeout", (callback: () => void, ms: number) => {
      const timer: unknown = setTimeout(() => {
        armed.delete(timer);
        callback();
      }, ms);
      armed.add(timer);
      return timer;
    });
    vi.stubGlobal("clearTimeout", (timer: never) => {
      armed.delete(timer);
      clearTimeout(timer);
    });
    await run(function* ({ clock }) {
      yield* Fiber.first(
        () => clock.sleep(1000),
        () => Fiber.yield(),
      );
      expect(yield* clock.withTimeoutExn(1000, () => clock.sleep(0.001))).toBeUndefined();
    });
    vi.unstubAllGlobals();
    expect(armed.size).toBe(0);
    const log = transcript((note, { clock }) =>
      Cancel.sub(function* (cc) {
        cc.cancel("stop");
        try {
          yield* clock.sleep(0);
        } catch (error) {
          note(String(error));
        }
      }),
    );
    expect(log).toEqual(["Cancelled: stop"]);
  });

  it("TM-03 a zero, negative or past deadline suspends once, then returns", () => {
    for (const wait of [
      (clock: MockClock) => clock.sleep(0),
      (clock: MockClock) => clock.sleep(-5),
      (clock: MockClock) => clock.sleepUntil(-1),
      (clock: MockClock) => clock.sleep(NaN),
    ]) {
      const log = transcript((note, { clock }) =>
        Fiber.both(
          function* () {
            note("before");
            yield* wait(clock);
            note(`after, at ${clock.now()}`);
          },
          () => steps(note, "other", 1),
        ),
      );
      expect(log).toEqual(["before", "other1", "after, at 0"]);
    }
  });

  it("TM-04 the earlier of two timers fires first, whichever was started first", () => {
    const log = transcript((note, { clock }) =>
      Fiber.forEach([1200, 0.1], function* (seconds) {
        yield* clock.sleep(seconds);
        note(`${seconds}`);
      }),
    );
    expect(log).toEqual(["0.1", "1200"]);
  });

  it("TM-14 very long sleeps do not overflow a 32-bit timer, and Infinity means until cancelled", async () => {
    const log: string[] = [];
    await run(function* ({ clock, monoClock }) {
      yield* Fiber.any([
        function* () {
          yield* clock.sleep(2 ** 33);
          log.push("too early");
        },
        function* () {
          yield* monoClock.sleep(Infinity);
          log.push("too early");
        },
        function* () {
          yield* monoClock.sleepUntil(2n ** 80n);
          log.push("too early");
        },
        () => clock.sleep(0.02),
      ]);
    });
    expect(log).toEqual([]);
    await run(function* ({ monoClock }) {
      for (const seconds of [NaN, -1, -Infinity]) yield* monoClock.sleep(seconds);
      yield* monoClock.sleepSpan(1_000_000n);
    });
  });

  it("TM-16 a monotonic clock does not move with corrections of the time of day", async () => {
    await run(function* ({ clock, monoClock }) {
      const start = monoClock.now();
      vi.spyOn(Date, "now").mockReturnValue(0);
      try {
        expect(clock.now()).toBe(0);
        yield* clock.sleep(0.005);
        const passed = Number(monoClock.now() - start) / 1e9;
        expect(passed).toBeGreaterThan(0.004);
        expect(passed).toBeLessThan(10);
      } finally {
        vi.restoreAllMocks();
      }
    });
  });

  it("a program under a test's fake timers sleeps on those", async () => {
    vi.useFakeTimers();
    try {
      let woken = false;
      const done = run(function* ({ clock }) {
        yield* clock.sleep(3600);
        woken = true;
      });
      await vi.advanceTimersByTimeAsync(3_599_000);
      expect(woken).toBe(false);
      await vi.advanceTimersByTimeAsync(1_000);
      await done;
      expect(woken).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("limits", () => {
  it("TM-05 TM-10 withTimeoutExn gives the value, throws Timeout, or the body's own error", () => {
    runMock(function* ({ clock }) {
      const within = function* (seconds: number) {
        yield* clock.sleep(seconds);
        return "value";
      };
      expect(yield* clock.withTimeoutExn(2, () => within(1))).toBe("value");
      const own = new Error("own");
      for (const [body, expected] of [
        [() => within(3), new Timeout(2)],
        [
          function* () {
            yield* clock.sleep(1);
            throw own;
          },
          own,
        ],
      ] as const) {
        let thrown: unknown;
        try {
          yield* clock.withTimeoutExn(2, body as () => Op<void>);
        } catch (error) {
          thrown = error;
        }
        expect(thrown).toEqual(expected);
        if (expected !== own) expect(thrown).toBeInstanceOf(Timeout);
        else expect(thrown).toBe(own);
      }
    });
  });

  it("TM-06 withTimeout gives the body's result, or the error result timeout", () => {
    runMock(function* ({ clock }) {
      const body = function* (seconds: number, result: Result<string, string>) {
        yield* clock.sleep(seconds);
        return result;
      };
      expect(yield* clock.withTimeout(2, () => body(1, { ok: true, value: "v" }))).toEqual({ ok: true, value: "v" });
      expect(yield* clock.withTimeout(2, () => body(1, { ok: false, error: "e" }))).toEqual({ ok: false, error: "e" });
      expect(yield* clock.withTimeout(2, () => body(3, { ok: true, value: "v" }))).toEqual({
        ok: false,
        error: "timeout",
      });
    });
  });

  it("TM-07 a body that completes without suspending wins, even with no time at all", () => {
    runMock(function* ({ clock }) {
      const body = function* () {
        return "value";
      };
      expect(yield* clock.withTimeoutExn(0, body)).toBe("value");
    });
  });

  it("TM-09 the timed-out body is waited for", () => {
    const log = transcript(function* (note, { clock }) {
      try {
        yield* clock.withTimeoutExn(1, function* () {
          try {
            yield* Fiber.awaitCancel();
          } finally {
            yield* Cancel.protect(() => clock.sleep(10));
            note("cleaned");
          }
        });
      } catch (error) {
        note(`${String(error)}, at ${clock.now()}`);
      }
    });
    expect(log).toEqual(["cleaned", "Timeout: timed out after 1s, at 11"]);
  });

  it("TM-11 a body that ignores the cancellation and returns a value has timed out all the same", () => {
    runMock(function* ({ clock }) {
      const stubborn = function* () {
        try {
          yield* Fiber.awaitCancel();
        } catch {
          // swallowed
        }
        return { ok: true as const, value: "late" };
      };
      expect(yield* clock.withTimeout(1, stubborn)).toEqual({ ok: false, error: "timeout" });
      let thrown: unknown;
      try {
        yield* clock.withTimeoutExn(1, stubborn);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(Timeout);
    });
  });

  it("TM-12 TM-13 a limit as a value: none runs the body as it is, and sleeps for ever", () => {
    const log = transcript(function* (note, { clock, monoClock }) {
      const { context } = currentFiber();
      yield* TimeLimit.none.runExn(function* () {
        expect(currentFiber().context).toBe(context);
      });
      const limit = TimeLimit.seconds(monoClock, 2);
      yield* limit.sleep();
      note(`at ${clock.now()}`);
      expect(yield* limit.run(() => failing())).toEqual({ ok: false, error: "timeout" });
      try {
        yield* limit.runExn(() => TimeLimit.none.sleep());
      } catch (error) {
        note(`${String(error)}, at ${clock.now()}`);
      }
    });
    expect(log).toEqual(["at 2", "Timeout: timed out after 2s, at 6"]);
  });

  it("TM-15 limits print in two significant digits", () => {
    const clock = new MockClock();
    const printed = [1e-9, 0.01, 0.1, 2, 60, 61.5, 120, 1800].map((s) => TimeLimit.seconds(clock, s).toString());
    expect(printed).toEqual(["1e-09s", "10ms", "0.1s", "2s", "60s", "62s", "2m", "30m"]);
    expect(TimeLimit.none.toString()).toBe("(no timeout)");
  });
});

function* failing(): Op<Result<string>> {
  return yield* Fiber.awaitCancel();
}
