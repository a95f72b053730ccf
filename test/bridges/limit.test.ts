import pLimit from "p-limit";
import { describe, expect, it } from "vitest";
import { Cancel, Fiber, Semaphore, Switch, type Op } from "trestle";
import {
  fromLimit,
  fromPromise,
  limited,
  toLimit,
  toPromise,
  type LimitFunction,
  type SemaphoreLimit,
} from "@trestle/bridges";
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

/** What tests use of p-limit and of ours. */
type Limit = Pick<SemaphoreLimit, "activeCount" | "pendingCount" | "concurrency" | "clearQueue" | "map"> &
  ((fn: () => Promise<unknown>) => Promise<unknown>);

const kinds: [name: string, make: (n: number, rejectOnClear?: boolean) => Limit][] = [
  ["p-limit", (n, rejectOnClear = false) => pLimit({ concurrency: n, rejectOnClear })],
  ["toLimit", (n, rejectOnClear = false) => toLimit(new Semaphore(n), { rejectOnClear })],
];

describe.each(kinds)("%s, as toLimit has to behave", (_name, make) => {
  it("BL-06 never runs a call at once, counts it at once, and counts to nothing in the end", async () => {
    const limit = make(2);
    const log: string[] = [];
    const job = (name: string) => limit(async () => void log.push(name));
    const all = [job("a"), job("b"), job("c")];
    log.push(`active ${limit.activeCount}, pending ${limit.pendingCount}`);
    await Promise.all(all);
    expect(log).toEqual(["active 2, pending 1", "a", "b", "c"]);
    await ticks();
    expect([limit.activeCount, limit.pendingCount]).toEqual([0, 0]);
  });

  it("BL-07 a call that fails rejects, and the next one runs", async () => {
    const limit = make(1);
    const bad = outcome(limit(() => Promise.reject(new Error("no"))));
    const thrown = outcome(
      limit(() => {
        throw new Error("at once");
      }),
    );
    expect(await Promise.all([bad, thrown, limit(async () => "next")])).toEqual([
      "error Error: no",
      "error Error: at once",
      "next",
    ]);
  });

  it("BL-08 a lower concurrency lets nothing new start until enough have ended; a higher one starts those that wait", async () => {
    const limit = make(4);
    const gates: Cell<void>[] = [];
    const job = () => {
      const gate = new Cell<void>();
      return limit(() => {
        gates.push(gate);
        return gate.promise;
      });
    };
    const all = Array.from({ length: 8 }, job);
    await ticks();
    expect(gates).toHaveLength(4);
    limit.concurrency = 2;
    for (const [ended, started] of [
      [0, 4],
      [1, 4],
      [2, 5],
    ] as const) {
      gates[ended]!.resolve();
      await ticks();
      expect(gates).toHaveLength(started);
    }
    limit.concurrency = 4;
    expect(gates).toHaveLength(5);
    await ticks();
    expect(gates).toHaveLength(7);
    for (let i = 3; i < 8; i++) {
      gates[i]?.resolve();
      await ticks();
    }
    await Promise.all(all);
    await ticks();
    expect([limit.concurrency, limit.activeCount, limit.pendingCount]).toEqual([4, 0, 0]);
  });

  it("BL-08 lowered and raised again while all run, it is as it was", async () => {
    const limit = make(2);
    const gates = [new Cell<void>(), new Cell<void>()];
    const all = gates.map((gate) => limit(() => gate.promise));
    await ticks();
    limit.concurrency = 1;
    limit.concurrency = 3;
    const third = limit(async () => "third");
    expect(await third).toBe("third");
    gates.forEach((gate) => gate.resolve());
    await Promise.all(all);
    await ticks();
    expect(limit.activeCount).toBe(0);
  });

  it("BL-04 clearQueue rejects what waits if that was asked for", async () => {
    const limit = make(1, true);
    const gate = new Cell<void>();
    const running = limit(() => gate.promise);
    const waiting = outcome(limit(async () => "never"));
    limit.clearQueue();
    expect(await waiting).toMatch(/^error AbortError/);
    expect(limit.pendingCount).toBe(0);
    gate.resolve();
    await running;
  });

  it("BL-10 map gives results in order, passes the index, and works taken off", async () => {
    const { map } = make(2);
    const slow = async (x: number, i: number) => {
      for (let n = 0; n < 3 - i; n++) await macrotask();
      return `${x}/${i}`;
    };
    expect(await map([7, 8, 9], slow)).toEqual(["7/0", "8/1", "9/2"]);
  });

  it("BL-10 map fails as soon as one call does, and lets the rest go on", async () => {
    const limit = make(2);
    const seen: number[] = [];
    const mapped = limit.map([1, 2, 3], async (x) => {
      seen.push(x);
      if (x === 1) throw new Error("one");
      await macrotask();
      return x;
    });
    expect(await outcome(mapped)).toBe("error Error: one");
    await macrotask();
    await macrotask();
    expect(seen).toEqual([1, 2, 3]);
  });
});

describe("toLimit", () => {
  it("BL-01 BL-12 shares the permits with fibers, first come, first served", async () => {
    const slots = new Semaphore(1);
    const limit = toLimit(slots);
    const log: string[] = [];
    const gate = new Cell<void>();
    const first = limit(() => gate.promise);
    const fiber = toPromise(() =>
      slots.use(function* () {
        log.push("fiber");
        yield* Fiber.yield();
      }),
    );
    const second = limit(async () => void log.push("async"));
    await ticks();
    expect(log).toEqual([]);
    gate.resolve();
    await Promise.all([first, fiber, second]);
    await ticks();
    expect([log, slots.value]).toEqual([["fiber", "async"], 1]);
  });

  it("BL-09 refuses what is no semaphore with permits, and a concurrency that is none", () => {
    expect(() => toLimit(4 as never)).toThrow(/"semaphore" must be a Semaphore, got the number 4/);
    expect(() => toLimit(new Semaphore(0))).toThrow(/permits left/);
    const limit = toLimit(new Semaphore(1));
    for (const wrong of [0, -1, 1.5, Infinity, undefined, {}]) {
      expect(() => (limit.concurrency = wrong as number)).toThrow(TypeError);
    }
    expect(limit.concurrency).toBe(1);
  });
});
