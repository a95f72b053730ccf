import pLimit from "p-limit";
import { describe, expect, it } from "vitest";
import { Cancel, Fiber, Switch, type Op } from "trestle";
import { fromLimit, fromPromise, limited, toPromise, type LimitFunction } from "@trestle/bridges";
import { Cell, expectNoUnhandledRejections, macrotask, outcome, ticks } from "./world.js";

expectNoUnhandledRejections();

/** Counts who is inside. */
class Gauge {
  now = 0;
  most = 0;

  *visit(): Op<void> {
    this.most = Math.max(this.most, ++this.now);
    try {
      yield* fromPromise(macrotask());
    } finally {
      this.now--;
    }
  }
}

describe("limited", () => {
  it("BL-01 runs at most n at once, first come, first served", async () => {
    const gauge = new Gauge();
    const order: number[] = [];
    const visit = limited(3, function* (i: number) {
      order.push(i);
      yield* gauge.visit();
      return i * 2;
    });
    const items = Array.from({ length: 20 }, (_, i) => i);
    expect(await toPromise(() => Fiber.map(items, visit))).toEqual(items.map((i) => i * 2));
    expect(gauge.most).toBe(3);
    expect(order).toEqual(items);
  });

  it("BL-02 BL-03 frees the slot when the finalizers are done; a queued call leaves at once", async () => {
    const log: string[] = [];
    const cleanup = new Cell();
    const work = limited(1, function* (name: string) {
      log.push(`${name} starts`);
      try {
        yield* Fiber.awaitCancel();
      } finally {
        yield* Cancel.protect(() => fromPromise(cleanup.promise));
        log.push(`${name} done`);
      }
    });
    const contexts: Cancel.Context[] = [];
    const runs = ["a", "b", "c"].map((name) =>
      toPromise(() =>
        Cancel.sub(function* (cc) {
          contexts.push(cc);
          yield* work(name);
        }),
      ).catch(() => log.push(`${name} cancelled`)),
    );
    await ticks();
    contexts[1]!.cancel("b");
    await runs[1];
    contexts[0]!.cancel("a");
    await macrotask();
    expect(log).toEqual(["a starts", "b cancelled"]);
    cleanup.resolve(undefined);
    await runs[0];
    expect(log).toEqual(["a starts", "b cancelled", "a done", "c starts", "a cancelled"]);
    contexts[2]!.cancel("c");
    await runs[2];
  });

  it("BL-07 frees the slot when a call fails", async () => {
    const work = limited(1, function* (fail: boolean) {
      if (fail) throw new Error("no");
      return "yes";
    });
    expect(await outcome(toPromise(() => work(true)))).toBe("error Error: no");
    expect(await toPromise(() => work(false))).toBe("yes");
  });

  it("BL-09 refuses what is no limit; Infinity is one", async () => {
    for (const n of [0, -1, 1.5, NaN, undefined, {}, "2"]) {
      expect(() => limited(n as number, () => Fiber.yield())).toThrow(/"n" must be a positive integer or Infinity/);
      expect(() => limited(n as number, () => Fiber.yield())).toThrow(TypeError);
    }
    expect(() => limited(1, 5 as never)).toThrow(/"fn" must be a function returning an op/);
    const gauge = new Gauge();
    const all = limited(Infinity, () => gauge.visit());
    await toPromise(() => Fiber.forEach([1, 2, 3, 4], all));
    expect(gauge.most).toBe(4);
  });
});

describe("fromLimit", () => {
  it("BL-01 BL-12 shares the slots with async users, first come, first served", async () => {
    const limit = pLimit(2);
    const permit = fromLimit(limit);
    const order: string[] = [];
    let now = 0;
    let most = 0;
    const enter = (name: string) => {
      order.push(name);
      most = Math.max(most, ++now);
    };
    const jobs: Promise<unknown>[] = [];
    for (let i = 0; i < 4; i++) {
      jobs.push(
        limit(async () => {
          enter(`async ${i}`);
          await macrotask();
          now--;
        }),
        toPromise(() =>
          permit.withPermit(function* () {
            enter(`fiber ${i}`);
            yield* fromPromise(macrotask());
            now--;
          }),
        ),
      );
    }
    await Promise.all(jobs);
    expect(most).toBe(2);
    expect(order).toEqual(Array.from({ length: 8 }, (_, i) => `${i % 2 === 0 ? "async" : "fiber"} ${i >> 1}`));
  });

  it("BL-02 BL-03 a cancelled fiber frees its slot, or leaves the queue and runs nothing", async () => {
    const limit = pLimit(1);
    const permit = fromLimit(limit);
    const log: string[] = [];
    const contexts: Cancel.Context[] = [];
    const start = (name: string) =>
      toPromise(() =>
        Cancel.sub(function* (cc) {
          contexts.push(cc);
          yield* permit.withPermit(function* () {
            log.push(`${name} runs`);
            yield* Fiber.awaitCancel();
          });
        }),
      ).catch(() => log.push(`${name} cancelled`));
    const a = start("a");
    const b = start("b");
    const other = limit(async () => void log.push("async runs"));
    await ticks();
    contexts[1]!.cancel("b");
    await b;
    contexts[0]!.cancel("a");
    await Promise.all([a, other]);
    expect(log).toEqual(["a runs", "b cancelled", "a cancelled", "async runs"]);
    expect([limit.activeCount, limit.pendingCount]).toEqual([0, 0]);
  });

  it("BL-04 throws what the limit rejects with when its queue is cleared, and stays cancellable when it does not", async () => {
    const rejecting = { queue: [] as (() => void)[] };
    const limit: LimitFunction = () =>
      new Promise<void>((_, reject) => rejecting.queue.push(() => reject(new Error("cleared"))));
    const ended = outcome(toPromise(() => fromLimit(limit).withPermit(() => Fiber.yield())));
    rejecting.queue[0]!();
    expect(await ended).toBe("error Error: cleared");

    const silent = pLimit(1);
    void silent(() => new Promise(() => {}));
    let context!: Cancel.Context;
    const waiting = outcome(
      toPromise(() =>
        Cancel.sub((cc) => {
          context = cc;
          return fromLimit(silent).withPermit(() => Fiber.yield());
        }),
      ),
    );
    await ticks();
    silent.clearQueue();
    context.cancel("stop");
    expect(await waiting).toBe("error AbortError: The operation was aborted");
  });

  it("BL-05 refuses a nested permit, or runs it in the slot that is held", async () => {
    const permit = fromLimit(pLimit(1));
    const nested = () => permit.withPermit(() => Fiber.yield());
    await expect(toPromise(() => permit.withPermit(nested))).rejects.toMatchObject({ name: "ReentrantLimitError" });
    const reentrant = fromLimit(pLimit(1), { reentrant: true });
    const inner = () => reentrant.withPermit(() => fromPromise(Promise.resolve("inner")));
    expect(await toPromise(() => reentrant.withPermit(inner))).toBe("inner");
    expect(await toPromise(() => Switch.run(() => reentrant.withPermit(inner)))).toBe("inner");
  });

  it("refuses what is no limit", () => {
    expect(() => fromLimit(2 as never)).toThrow(/"limit" must be a function, got the number 2/);
    expect(() => fromLimit(pLimit(1)).withPermit(1 as never)).toThrow(/"body" must be a function returning an op/);
  });
});
