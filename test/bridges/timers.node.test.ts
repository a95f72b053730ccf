// Node only: its list of what keeps the process alive, and the promises of node:timers.

import { setTimeout as timeoutPromise } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Cancel, Cancelled, Fiber, type Op } from "trestle";
import { run } from "trestle/node";
import { cancelSignal, fromAsync, fromPromise, toPromise } from "@trestle/bridges";
import { expectNoUnhandledRejections } from "./world.js";

expectNoUnhandledRejections();
afterEach(() => vi.useRealTimers());

const timeouts = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;

describe("the clock of the platform", () => {
  it("BT-01 a cancelled sleep clears its timer in the same turn, and holds the process no longer", async () => {
    await run(function* ({ clock }) {
      yield* Fiber.yield();
      const before = timeouts();
      let context!: Cancel.Context;
      yield* Fiber.both(
        () =>
          Cancel.sub(function* (cc) {
            context = cc;
            try {
              yield* clock.sleep(3600);
            } catch (error) {
              if (!(error instanceof Cancelled)) throw error;
            }
          }),
        function* () {
          expect(timeouts()).toBe(before + 1);
          context.cancel("stop");
          expect(timeouts()).toBe(before);
        },
      );
    });
  });

  it("BT-03 the platform fires at once on overflow; the clock sleeps in pieces, or for ever, or not at all", async () => {
    vi.useFakeTimers();
    const log: string[] = [];
    const sleeper = (seconds: number) =>
      run(function* ({ clock }) {
        yield* clock.sleep(seconds);
        log.push(String(seconds));
      });
    const long = 2 ** 31 / 1000 + 1;
    const done = Promise.all([sleeper(long), sleeper(-1)]);
    await vi.advanceTimersByTimeAsync(2 ** 31 - 1);
    expect(log).toEqual(["-1"]);
    await vi.advanceTimersByTimeAsync(1002);
    await done;
    expect(log).toEqual(["-1", String(long)]);
    vi.useRealTimers();
    // The platform. It warns of the overflow, once.
    const start = performance.now();
    await new Promise<void>((resolve) => void setTimeout(resolve, 2 ** 31));
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  it("BT-05 sleeps on a test's fake timers, installed before the program or while it runs", async () => {
    const sleep = function* (seconds: number): Op<number> {
      const { clock } = yield* fromPromise(environment);
      yield* clock.sleep(seconds);
      return clock.now();
    };
    const environment = run(function* (env) {
      yield* Fiber.yield();
      return env;
    });
    await environment;
    vi.useFakeTimers({ now: 0 });
    const installedAfter = toPromise(() => sleep(3600));
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(await installedAfter).toBe(3600);
    vi.useRealTimers();
    vi.useFakeTimers({ now: 0 });
    const installedBefore = run(function* ({ clock }) {
      yield* clock.sleep(60);
      return clock.now();
    });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await installedBefore).toBe(60);
  });

  it("BT-06 the promises of node:timers take the signal, and end as a plain cancellation", async () => {
    const reason = new Error("why");
    const bodies: (() => Op<unknown>)[] = [
      () => fromAsync((signal) => timeoutPromise(3_600_000, "late", { signal })),
      function* () {
        const signal = yield* cancelSignal();
        return yield* fromPromise(timeoutPromise(3_600_000, "late", { signal }));
      },
    ];
    for (const body of bodies) {
      let context!: Cancel.Context;
      const ended = toPromise(() =>
        Cancel.sub(function* (cc) {
          context = cc;
          try {
            return yield* body();
          } catch (error) {
            return error;
          }
        }),
      );
      context.cancel(reason);
      const error = await ended;
      expect(error).toBeInstanceOf(Cancelled);
      expect((error as Cancelled).reason).toBe(reason);
    }
    // The platform.
    const controller = new AbortController();
    const rejected = timeoutPromise(3_600_000, undefined, { signal: controller.signal });
    controller.abort(reason);
    await expect(rejected).rejects.toMatchObject({ name: "AbortError", code: "ABORT_ERR", cause: reason });
  });
});
