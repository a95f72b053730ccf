// Node only: it counts by the profiler, through node:inspector.

/** Twice the work takes twice the operations. */
import { expect, it } from "vitest";
import { operations } from "./operations.js";
// After that.
import { Cancel, Deferred, Fiber, fiber, Stream, Switch, type Op } from "trestle";
import { run } from "trestle/mock";
import { crowd, queues, shuffled } from "./crowd.js";

function* oneTurn(): Op<void> {
  yield* Fiber.yield();
}

const works: Record<string, (n: number) => Op<unknown>> = {
  "forks that wait together": (n) =>
    Switch.run(function* (sw) {
      for (let i = 0; i < n; i++) yield* Fiber.fork(sw, oneTurn);
    }),
  "nested forks": function level(n): Op<unknown> {
    return n === 0 ? Fiber.yield() : Switch.run((sw) => Fiber.fork(sw, () => level(n - 1)));
  },
  "nested calls": fiber(function* level(n: number): Op<void> {
    if (n > 0) yield* works["nested calls"]!(n - 1);
    else yield* Fiber.yield();
  }),
  "suspensions at the bottom of a chain of calls": function* (n) {
    const descend: (depth: number) => Op<void> = fiber(function* (depth: number): Op<void> {
      if (depth > 0) yield* descend(depth - 1);
      else for (let i = 0; i < n; i++) yield* Fiber.yield();
    });
    yield* descend(n);
  },
  "an error through a chain of calls": function* (n) {
    const descend: (depth: number) => Op<void> = fiber(function* (depth: number): Op<void> {
      if (depth > 0) yield* descend(depth - 1);
      else throw new Error("bottom");
    });
    try {
      yield* descend(n);
    } catch {
      return;
    }
  },
  "two fibers that take turns": (n) =>
    Fiber.all(
      [0, 1].map(
        () =>
          function* () {
            for (let i = 0; i < n; i++) yield* Fiber.yield();
          },
      ),
    ),
  "Fiber.all": (n) => Fiber.all(Array.from({ length: n }, () => oneTurn)),
  "Fiber.any": (n) => Fiber.any(Array.from({ length: n }, () => oneTurn)),
  "Fiber.map, ten at once": (n) => Fiber.map(Array.from({ length: n }), oneTurn, { maxFibers: 10 }),
  "items through a stream": (n) => {
    const stream = new Stream<number>(16);
    return Fiber.both(
      function* () {
        for (let i = 0; i < n; i++) yield* stream.add(i);
      },
      function* () {
        for (let i = 0; i < n; i++) yield* stream.take();
      },
    );
  },
  "items through a stream without a limit, all added first": function* (n) {
    const stream = new Stream<number>(Infinity);
    for (let i = 0; i < n; i++) yield* stream.add(i);
    for (let i = 0; i < n; i++) yield* stream.take();
  },
  "a race lost to one cell again and again": function* (n) {
    const [cell] = Deferred.create();
    for (let i = 0; i < n; i++) yield* Fiber.first(() => cell.await(), oneTurn);
  },
  "a switch with many fibers is cancelled": (n) =>
    Cancel.sub(function* (context) {
      try {
        yield* Switch.run(function* (sw) {
          for (let i = 0; i < n; i++) yield* Fiber.fork(sw, () => Fiber.awaitCancel());
          context.cancel("enough");
        });
      } catch {
        return;
      }
    }),
  "fibers of one switch end in random order": (n) =>
    Switch.run(function* (sw) {
      const cells = Array.from({ length: n }, () => Deferred.create<void>());
      for (const [cell] of cells) yield* Fiber.fork(sw, () => cell.await());
      for (const i of shuffled(n)) {
        cells[i]![1].resolve();
        yield* Fiber.yield();
      }
    }),
  "release handlers, half of them taken back in random order": (n) =>
    Switch.run(function* (sw) {
      const hooks = [];
      for (let i = 0; i < n; i++) hooks.push(yield* sw.onReleaseCancellable(() => {}));
      for (const i of shuffled(n).slice(n / 2)) hooks[i]!.remove();
    }),
};
for (const [name, makeQueue] of Object.entries(queues)) {
  works[`waiters of ${name} that are woken`] = (n) => crowd(makeQueue, n, []);
  works[`waiters of ${name} that are cancelled in random order`] = (n) => crowd(makeQueue, n, shuffled(n));
}

it.each(Object.entries(works))("twice the work takes twice the operations: %s", (_name, work) => {
  const count = (n: number) => operations(() => void run(() => work(n)));
  // What happens at the first run only is not counted.
  count(10);
  const [small, large] = [count(1_000), count(2_000)];
  expect(small).toBeGreaterThan(1_000);
  expect(large / small).toBeGreaterThan(1.8);
  expect(large / small).toBeLessThan(2.2);
});

it("twice the work takes twice the operations: sleepers with deadlines in random order, but for the depth of the heap", () => {
  const sleepers = (n: number) =>
    operations(() =>
      run(({ clock }) =>
        Switch.run(function* (sw) {
          for (const i of shuffled(n)) yield* Fiber.fork(sw, () => clock.sleep(i + 1));
        }),
      ),
    );
  sleepers(10);
  expect(sleepers(2_000) / sleepers(1_000)).toBeLessThan(2.4);
});
