/** Large programs: nothing overflows, and memory stays flat. */
import { describe, expect, it } from "vitest";
import { Fiber, fiber, Switch, type Op } from "trestle";
import { run as runOnHost } from "trestle/node";
import { run } from "trestle/mock";
import { heapUsedNow } from "../heap.js";
import { crowd, queues, shuffled } from "./crowd.js";

function* nothing(): Op<void> {}

function* oneTurn(): Op<void> {
  yield* Fiber.yield();
}

describe("at a hundred thousand", () => {
  const N = 100_000;

  it("nested forks, each in a switch of its own, start and end", () => {
    let started = 0;
    let ended = 0;
    function* level(): Op<void> {
      if (++started < N) yield* Switch.run((sw) => Fiber.fork(sw, level));
      ended++;
    }
    run(level);
    expect([started, ended]).toEqual([N, N]);
  });

  it("nested calls, first marked ones alone, then through switches, return", () => {
    const marked: (n: number) => Op<number> = fiber(function* (n: number): Op<number> {
      const plain = n > N / 2 || n % 2 === 1;
      if (n > 0) return 1 + (yield* plain ? marked(n - 1) : Switch.run(() => marked(n - 1)));
      yield* Fiber.yield();
      return 0;
    });
    expect(run(() => marked(N))).toBe(N);
  });

  describe.each(Object.entries(queues))("waiters of %s", (_name, makeQueue) => {
    it("are woken in the order in which they came", () => {
      const ended = run(() => crowd(makeQueue, N, []));
      expect(ended).toHaveLength(N);
      expect(ended.every((i, at) => i === at)).toBe(true);
    });

    it("are cancelled in random order, and those that are left are woken in theirs", () => {
      const cancelled = shuffled(N).slice(N / 10);
      const ended = run(() => crowd(makeQueue, N, cancelled));
      const left = new Set(cancelled);
      const expected = [...cancelled, ...Array.from({ length: N }, (_, i) => i).filter((i) => !left.has(i))];
      expect(ended).toHaveLength(N);
      expect(ended.every((i, at) => i === expected[at])).toBe(true);
    });
  });
});

describe("memory", () => {
  const MANY = 1_000_000;
  const ATONCE = 1_000;

  /** What `batch` leaves on the heap a fiber, while `sw` stays open. */
  function* growth(batch: () => Op<unknown>): Op<number> {
    yield* batch();
    const before = heapUsedNow();
    for (let i = 0; i < MANY; i += ATONCE) yield* batch();
    return (heapUsedNow() - before) / MANY;
  }

  const kinds: Record<string, (sw: Switch) => () => Op<unknown>> = {
    "forks that end at once": (sw) =>
      function* () {
        for (let i = 0; i < ATONCE; i++) yield* Fiber.fork(sw, nothing);
      },
    "forks that wait a turn": (sw) =>
      function* () {
        for (let i = 0; i < ATONCE; i++) yield* Fiber.fork(sw, oneTurn);
        yield* Fiber.yield();
        yield* Fiber.yield();
      },
    daemons: (sw) =>
      function* () {
        for (let i = 0; i < ATONCE; i++) yield* Fiber.forkDaemon(sw, oneTurn);
        yield* Fiber.yield();
        yield* Fiber.yield();
      },
    "forks with a promise": (sw) =>
      function* () {
        for (let i = 0; i < ATONCE; i++) yield* (yield* Fiber.forkPromise(sw, oneTurn)).await();
      },
    "switches, one after another": () =>
      function* () {
        for (let i = 0; i < ATONCE; i++) yield* Switch.run((sw) => Fiber.fork(sw, nothing));
      },
  };

  it.each(Object.entries(kinds))("SC-20 does not grow with a million fibers: %s", (_name, kind) => {
    expect(run(() => Switch.run((sw) => growth(kind(sw))))).toBeLessThan(1);
  });

  it("SC-20 does not grow on the event loop either", async () => {
    expect(await runOnHost(() => Switch.run((sw) => growth(kinds["forks that wait a turn"]!(sw))))).toBeLessThan(1);
  });
});
