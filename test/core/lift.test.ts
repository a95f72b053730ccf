import { expect, it } from "vitest";
import { Cancel, Deferred, Fiber, fiber, type Op } from "trestle";
import { run } from "trestle/mock";
import { transcript, type Note } from "./transcript.js";

const descend: (n: number, bottom: () => Op<number>) => Op<number> = fiber(function* (
  n: number,
  bottom: () => Op<number>,
): Op<number> {
  if (n === 0) return yield* bottom();
  return 1 + (yield* descend(n - 1, bottom));
});

function* zero(): Op<number> {
  yield* Fiber.yield();
  return 0;
}

it("recursion 100,000 deep completes, whether or not it suspends at the bottom", () => {
  run(function* () {
    expect(yield* descend(100_000, zero)).toBe(100_000);
    const immediate = function* () {
      return 0;
    };
    expect(yield* descend(100_000, immediate)).toBe(100_000);
  });
});

it("an error, and a cancellation, pass all levels from the bottom, and finally blocks run innermost first", () => {
  const dive: (note: Note, n: number) => Op<void> = fiber(function* (note: Note, n: number): Op<void> {
    try {
      if (n === 0) yield* Fiber.awaitCancel();
      else yield* dive(note, n - 1);
    } finally {
      if (n % 25_000 === 0) note(`level ${n}`);
    }
  });
  const log = transcript((note) =>
    Cancel.sub((cc) =>
      Fiber.both(
        () => dive(note, 100_000),
        function* () {
          cc.cancel("stop");
        },
      ),
    ),
  );
  expect(log).toEqual([
    "level 0",
    "level 25000",
    "level 50000",
    "level 75000",
    "level 100000",
    "threw Cancelled: stop",
  ]);
});

it("lifted and plain calls mix, and each frame goes on where it was", () => {
  const log = transcript(function* (note) {
    const inner = fiber(function* (name: string): Op<string> {
      yield* Fiber.yield();
      note(`inner ${name}`);
      return name.toUpperCase();
    });
    function* plain(name: string): Op<string> {
      const first = yield* inner(name);
      yield* Fiber.yield();
      return first + (yield* inner(`${name}2`));
    }
    const outer = fiber(function* (): Op<string> {
      const a = yield* plain("a");
      try {
        yield* failing();
      } catch (error) {
        note(String(error));
      }
      return a + (yield* plain("b"));
    });
    const failing = fiber(function* (): Op<void> {
      yield* Fiber.yield();
      throw new Error("inside");
    });
    note(yield* outer());
  });
  expect(log).toEqual(["inner a", "inner a2", "Error: inside", "inner b", "inner b2", "AA2BB2"]);
});

it("two fibers in the midst of lifted calls do not mix their frames", () => {
  run(function* () {
    const [d, r] = Deferred.create<number>();
    const results = yield* Fiber.all([
      () => descend(1000, () => d.await()),
      () => descend(2000, () => d.await()),
      function* () {
        yield* Fiber.yield();
        r.resolve(0);
        return 0;
      },
    ]);
    expect(results).toEqual([1000, 2000, 0]);
  });
});

it("recursion through combinators is not bounded by the native stack either", () => {
  const nest = (n: number): Op<number> =>
    n === 0
      ? zero()
      : Cancel.protect(function* () {
          return 1 + (yield* nest(n - 1));
        });
  run(function* () {
    expect(yield* nest(50_000)).toBe(50_000);
  });
});
