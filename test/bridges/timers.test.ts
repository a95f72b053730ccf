import { afterEach, describe, expect, it, vi } from "vitest";
import { onUnhandledError, type Clock, type Op } from "trestle";
import { MockClock, run as mockRun } from "trestle/mock";
import { toTimers } from "@trestle/bridges";

describe("toTimers", () => {
  it("BT-04 drives foreign code by the clock, in order, with its arguments", () => {
    const clock = new MockClock();
    const timers = toTimers(clock);
    const log: string[] = [];
    const note = (what: string) => void log.push(`${what} at ${timers.Date.now()}`);
    timers.setTimeout(note, 20, "b");
    timers.setTimeout(note, 10, "a");
    timers.setTimeout(note, undefined, "one");
    timers.setTimeout(note, -5, "one");
    timers.setImmediate(note, "immediate");
    const interval = timers.setInterval(() => {
      note("tick");
      if (timers.Date.now() >= 36) timers.clearInterval(interval);
    }, 12);
    const cleared = [timers.setTimeout(note, 5, "never"), timers.setImmediate(note, "never")];
    timers.clearTimeout(cleared[0]);
    timers.clearImmediate(Number(cleared[1]));
    for (const other of [undefined, null, 12345, "text"]) timers.clearTimeout(other);
    expect(log).toEqual([]);
    while (timers.pending > 0) clock.advance();
    expect(log).toEqual([
      "immediate at 0",
      "one at 1",
      "one at 1",
      "a at 10",
      "tick at 12",
      "b at 20",
      "tick at 24",
      "tick at 36",
    ]);
  });

  it("BT-04 shares one clock with fibers, which wait for what foreign code does on it", () => {
    const log: string[] = [];
    mockRun(function* ({ clock }): Op<void> {
      const { setTimeout, Date } = toTimers(clock);
      setTimeout(() => log.push(`timer at ${Date.now()}`), 1500);
      yield* clock.sleep(1);
      log.push(`fiber at ${Date.now()}`);
      yield* clock.sleep(1);
      log.push(`fiber at ${Date.now()}`);
    });
    expect(log).toEqual(["fiber at 1000", "timer at 1500", "fiber at 2000"]);
  });

  it("BT-04 a date without arguments is now, by the clock; any other is what it always was", () => {
    const clock = new MockClock();
    const { Date: ClockDate } = toTimers(clock);
    clock.setTime(86_400);
    expect(new ClockDate().toISOString()).toBe("1970-01-02T00:00:00.000Z");
    expect(new ClockDate()).toBeInstanceOf(Date);
    expect(new ClockDate(2020, 0).getFullYear()).toBe(2020);
    expect(ClockDate.UTC(1970, 0, 2)).toBe(86_400_000);
    expect(ClockDate()).toBe(new Date(86_400_000).toString());
  });

  it("BT-04 in place of the global timers it drives code that knows nothing of clocks", () => {
    const clock = new MockClock();
    const timers = toTimers(clock);
    const log: string[] = [];
    for (const name of ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] as const)
      vi.stubGlobal(name, timers[name]);
    try {
      const slow = setTimeout(() => log.push("never"), 3000);
      const start = Date.now();
      setTimeout(() => {
        log.push(`after ${Date.now() - start}`);
        clearTimeout(slow);
      }, 2000);
      while (timers.pending > 0) clock.advance();
    } finally {
      vi.unstubAllGlobals();
    }
    expect(log).toEqual(["after 2000"]);
  });

  it("BT-04 a timer can be refreshed, closed and told not to hold the process; all end with clear", async () => {
    const clock = new MockClock();
    const timers = toTimers(clock);
    const log: number[] = [];
    const timer = timers.setTimeout(() => log.push(clock.now()), 1000);
    expect([timer.hasRef(), timer.unref().hasRef(), timer.ref().hasRef()]).toEqual([true, false, true]);
    clock.setTime(0.9);
    timer.refresh();
    clock.setTime(1.8);
    expect(log).toEqual([]);
    clock.setTime(1.95);
    expect(log).toEqual([1.95]);
    timer.refresh();
    timer.close();
    timers.setInterval(() => log.push(-1), 10);
    timers.setTimeout(() => log.push(-1), Infinity);
    expect(timers.pending).toBe(2);
    timers.clear();
    expect(timers.pending).toBe(0);
    timers.setTimeout(() => log.push(-1), 10);
    await timers[Symbol.asyncDispose]();
    clock.setTime(100);
    expect(log).toEqual([1.95]);
  });

  it("BT-03 keeps a delay that the platform would cut to nothing", () => {
    const clock = new MockClock();
    const timers = toTimers(clock);
    let fired = false;
    timers.setTimeout(() => (fired = true), 2 ** 31);
    clock.setTime(2 ** 31 / 1000 - 1);
    expect(fired).toBe(false);
    clock.setTime(2 ** 31 / 1000);
    expect(fired).toBe(true);
  });

  it("what a callback throws is nobody's: other timers and the clock go on", () => {
    const seen: unknown[] = [];
    onUnhandledError((error) => seen.push(error));
    try {
      const clock = new MockClock();
      const timers = toTimers(clock);
      const error = new Error("in a callback");
      timers.setTimeout(() => {
        throw error;
      }, 10);
      let next = false;
      timers.setTimeout(() => (next = true), 10);
      clock.advance();
      expect(seen).toEqual([error]);
      expect(next).toBe(true);
    } finally {
      onUnhandledError(undefined);
    }
  });

  it("refuses what is no clock and no callback", () => {
    expect(() => toTimers({} as Clock)).toThrow('toTimers: "clock" must be a Clock');
    expect(() => toTimers(new MockClock()).setTimeout("text" as never)).toThrow('setTimeout: "callback" must be');
  });
});

afterEach(() => vi.useRealTimers());
