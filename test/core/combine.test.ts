import { describe, expect, expectTypeOf, it } from "vitest";
import { Cancel, Cancelled, Deferred, Fiber, Multiple, currentFiber, type Op } from "trestle";
import { run } from "trestle/mock";
import { steps, thrownBy, transcript } from "./transcript.js";

function* fail(error: unknown): Op<never> {
  throw error;
}

/** Ends with `error` when it is cancelled. */
function* failOnCancel(error: unknown): Op<never> {
  try {
    return yield* Fiber.awaitCancel();
  } finally {
    throw error;
  }
}

describe("Fiber.both", () => {
  it("FB-07 starts f, then g, both before work queued earlier", () => {
    const log = transcript(function* (note) {
      yield* Fiber.both(
        () => steps(note, "queued", 2),
        () =>
          Fiber.both(
            () => steps(note, "f", 2),
            () => steps(note, "g", 2),
          ),
      );
    });
    expect(log).toEqual(["queued1", "f1", "g1", "queued2", "f2", "g2"]);
  });

  it("FB-08 two bodies that log and yield alternate", () => {
    const log = transcript((note) =>
      Fiber.both(
        () => steps(note, "a", 3),
        () => steps(note, "b", 3),
      ),
    );
    expect(log).toEqual(["a1", "b1", "a2", "b2", "a3", "b3"]);
  });

  it("FB-09 given f throws before it suspends, g is never started", () => {
    const log = transcript((note) =>
      Fiber.both(
        () => fail(new Error("f")),
        () => steps(note, "g", 1),
      ),
    );
    expect(log).toEqual(["threw Error: f"]);
  });

  it("FB-10 given f finished and g throws, g's error is thrown", () => {
    const log = transcript((note) =>
      Fiber.both(
        () => steps(note, "f", 1),
        () => fail(new Error("g")),
      ),
    );
    expect(log).toEqual(["f1", "threw Error: g"]);
  });

  it("FB-11 FB-13 a failure cancels the other branch, which is waited for, and is thrown alone and unwrapped", () => {
    const error = new Error("g");
    const log: string[] = [];
    const thrown = thrownBy(() =>
      run(() =>
        Fiber.both(
          function* () {
            try {
              yield* Fiber.awaitCancel();
            } catch (e) {
              log.push(String(e), String((e as Cancelled).reason === error));
              yield* Cancel.protect(() => Fiber.yield());
              log.push("cleaned");
              throw e;
            }
          },
          () => fail(error),
        ),
      ),
    );
    expect(thrown).toBe(error);
    expect(log).toEqual(["Cancelled: Error: g", "true", "cleaned"]);
  });

  it("FB-12 two real errors come as Multiple, in the order in which they happened", () => {
    const thrown = thrownBy(() =>
      run(() =>
        Fiber.both(
          () => failOnCancel(new Error("second")),
          () => fail(new Error("first")),
        ),
      ),
    );
    expect(thrown).toBeInstanceOf(Multiple);
    expect((thrown as Multiple).errors.map(String)).toEqual(["Error: first", "Error: second"]);
  });

  it("FB-20 in a cancelled context every combinator throws Cancelled and starts nothing", () => {
    const log = transcript((note) =>
      Cancel.sub(function* (cc) {
        cc.cancel("stop");
        const body = () => steps(note, "started", 1);
        const ops = {
          both: Fiber.both(body, body),
          pair: Fiber.pair(body, body),
          all: Fiber.all([body, body]),
          first: Fiber.first(body, body),
          any: Fiber.any([body, body]),
          nAny: Fiber.nAny([body, body]),
          map: Fiber.map([1], body),
        };
        for (const [name, op] of Object.entries(ops)) {
          try {
            yield* op as Op<unknown>;
          } catch (error) {
            note(`${name}: ${String(error)}`);
          }
        }
      }),
    );
    expect(log).toEqual(
      ["both", "pair", "all", "first", "any", "nAny", "map"].map((name) => `${name}: Cancelled: stop`),
    );
  });
});

describe("Fiber.all and Fiber.pair", () => {
  it("FB-14 the last branch runs in the calling fiber itself, the others in new ones", () => {
    run(function* () {
      const { id } = currentFiber();
      const whoAmI = function* () {
        yield* Fiber.yield();
        return currentFiber().id;
      };
      const check = (ids: number[]) => {
        expect(ids.at(-1)).toBe(id);
        expect(new Set(ids).size).toBe(ids.length);
      };
      check(yield* Fiber.all([whoAmI, whoAmI, whoAmI]));
      check(yield* Fiber.pair(whoAmI, whoAmI));
      check(yield* Fiber.map([1, 2, 3], whoAmI));
      check([(yield* Fiber.nAny([() => Fiber.awaitCancel(), whoAmI]))[0]!]);
    });
  });

  it("FB-15 all of nothing returns immediately; all of n starts them in order", () => {
    const log = transcript(function* (note) {
      yield* Cancel.sub(function* (cc) {
        cc.cancel("stop");
        expect(yield* Fiber.all([])).toEqual([]);
      });
      yield* Fiber.all([1, 2, 3].map((n) => () => steps(note, `${n}.`, 2)));
    });
    expect(log).toEqual(["1.1", "2.1", "3.1", "1.2", "2.2", "3.2"]);
  });

  it("FB-16 a branch is started only if none before it has failed", () => {
    const log = transcript((note) =>
      Fiber.all([() => steps(note, "a", 2), () => fail(new Error("b")), () => steps(note, "c", 1)]),
    );
    expect(log).toEqual(["a1", "threw Error: b"]);
  });

  it("FB-17 pair gives both results, f's first; all gives all of them", () => {
    run(function* () {
      const late = function* () {
        yield* Fiber.yield();
        return "late";
      };
      const early = function* () {
        return 1;
      };
      const two = yield* Fiber.pair(late, early);
      expectTypeOf(two).toEqualTypeOf<[string, number]>();
      expect(two).toEqual(["late", 1]);
      const three = yield* Fiber.all([late, early, late]);
      expectTypeOf(three).toEqualTypeOf<[string, number, string]>();
      expect(three).toEqual(["late", 1, "late"]);
    });
  });

  it("FB-18 FB-19 pair: a failure of either branch cancels the other at once", () => {
    for (const bodies of [
      [() => fail(new Error("x")), () => Fiber.awaitCancel()],
      [() => Fiber.awaitCancel(), () => fail(new Error("x"))],
      [
        function* () {
          yield* Fiber.yield();
          throw new Error("x");
        },
        () => Fiber.awaitCancel(),
      ],
    ] as const) {
      expect(transcript(() => Fiber.pair(bodies[0], bodies[1]))).toEqual(["threw Error: x"]);
    }
  });

  it("cancelling the caller cancels the branches, which are waited for", () => {
    const log = transcript((note) =>
      Cancel.sub(function* (cc) {
        yield* Fiber.both(
          function* () {
            yield* Fiber.all(
              [1, 2].map(
                (n) =>
                  function* () {
                    try {
                      yield* Fiber.awaitCancel();
                    } finally {
                      yield* Cancel.protect(() => Fiber.yield());
                      note(`cleaned ${n}`);
                    }
                  },
              ),
            );
          },
          function* () {
            cc.cancel("stop");
          },
        );
      }),
    );
    // The caller, which runs the last branch, was in the context before the others.
    expect(log).toEqual(["cleaned 2", "cleaned 1", "threw Cancelled: stop"]);
  });

  it("a branch may wait for another", () => {
    run(function* () {
      const [d, r] = Deferred.create<number>();
      const [sum] = yield* Fiber.pair(
        function* () {
          return 1 + (yield* d.await());
        },
        function* () {
          r.resolve(41);
        },
      );
      expect(sum).toBe(42);
    });
  });
});
