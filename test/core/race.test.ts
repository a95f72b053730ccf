import { describe, expect, it } from "vitest";
import { Cancel, Cancelled, Deferred, Fiber, Multiple, NotFirst, Stream, type Body, type Op } from "trestle";
import { run } from "trestle/mock";
import { steps, thrownBy, transcript } from "./transcript.js";

function* fail(error: unknown): Op<never> {
  throw error;
}

function* give<T>(value: T): Op<T> {
  return value;
}

const join = (earlier: string, later: string) => earlier + later;

describe("Fiber.first", () => {
  it("FB-21 starts f, then g, both before work queued earlier", () => {
    const log = transcript(function* (note) {
      yield* Fiber.both(
        () => steps(note, "queued", 2),
        () =>
          Fiber.first(
            () => steps(note, "f", 2),
            () => steps(note, "g", 2),
          ),
      );
    });
    expect(log).toEqual(["queued1", "f1", "g1", "queued2", "f2"]);
  });

  it("FB-22 the first to return gives the result, the other gets Cancelled(NotFirst), whichever it is", () => {
    for (const swapped of [false, true]) {
      const log = transcript(function* (note) {
        const waits = function* (): Op<string> {
          try {
            return yield* Fiber.awaitCancel();
          } catch (error) {
            expect(error).toBeInstanceOf(Cancelled);
            expect((error as Cancelled).reason).toBeInstanceOf(NotFirst);
            note("loser");
            throw error;
          }
        };
        const returns = function* () {
          yield* Fiber.yield();
          return "value";
        };
        note(yield* swapped ? Fiber.first(returns, waits) : Fiber.first(waits, returns));
      });
      expect(log).toEqual(["loser", "value"]);
    }
  });

  it("FB-23 g is started even if f has returned or thrown, and runs to its first check", () => {
    for (const f of [() => give("f"), () => fail(new Error("f"))]) {
      const log = transcript(function* (note) {
        yield* Fiber.first<unknown>(f, () => steps(note, "g", 2));
      });
      expect(log[0]).toBe("g1");
      expect(log).not.toContain("g2");
    }
  });

  it("FB-24 FB-25 of two immediate results the first wins, or combine joins them, earlier one first", () => {
    run(function* () {
      expect(
        yield* Fiber.first(
          () => give("a"),
          () => give("b"),
        ),
      ).toBe("a");
      expect(
        yield* Fiber.first(
          () => give("a"),
          () => give("b"),
          { combine: join },
        ),
      ).toBe("ab");
    });
  });

  it("FB-26 FB-27 an error beats an earlier success, and later successes are ignored", () => {
    const combine = () => expect.unreachable();
    const log = (f: () => Op<string>, g: () => Op<string>) => transcript(() => Fiber.first(f, g, { combine }));
    expect(
      log(
        () => give("a"),
        () => fail(new Error("g")),
      ),
    ).toEqual(["threw Error: g"]);
    expect(
      log(
        () => fail(new Error("f")),
        () => give("b"),
      ),
    ).toEqual(["threw Error: f"]);
  });

  it("FB-28 two real errors come as Multiple, f's first", () => {
    const thrown = thrownBy(() =>
      run(() =>
        Fiber.first(
          () => fail(new Error("f")),
          () => fail(new Error("g")),
        ),
      ),
    );
    expect(thrown).toBeInstanceOf(Multiple);
    expect((thrown as Multiple).errors.map(String)).toEqual(["Error: f", "Error: g"]);
  });

  it("FB-29 given f returned, g is cancelled at a yield before it would throw", () => {
    const log = transcript(function* (note) {
      note(
        yield* Fiber.first(
          () => give("f"),
          function* () {
            yield* Fiber.yield();
            throw new Error("g");
          },
        ),
      );
    });
    expect(log).toEqual(["f"]);
  });

  it("FB-30 a Cancelled of a branch's own making is a failure, and cancels the other", () => {
    const own = new Cancelled(new Error("own"));
    let other: unknown;
    const thrown = thrownBy(() =>
      run(() =>
        Fiber.first(
          function* () {
            try {
              yield* Fiber.awaitCancel();
            } catch (error) {
              other = error;
              throw error;
            }
          },
          () => fail(own),
        ),
      ),
    );
    expect(thrown).toBe(own);
    expect((other as Cancelled).reason).toBe(own.reason);
  });

  it("FB-31 given the parent is cancelled while both wait, the parent's Cancelled is thrown", () => {
    const log = transcript(() =>
      Cancel.sub((cc) =>
        Fiber.both(
          () =>
            Fiber.first(
              () => Fiber.awaitCancel(),
              () => Fiber.awaitCancel(),
            ),
          function* () {
            cc.cancel("stop");
          },
        ),
      ),
    );
    expect(log).toEqual(["threw Cancelled: stop"]);
  });

  it("FB-32 RB-21 given f returned and the parent is cancelled while the loser winds down, the value is returned", () => {
    const races = [Fiber.first<string>, (f: Body<string>, g: Body<string>) => Fiber.any([f, g])];
    for (const race of races) {
      const log = transcript((note) =>
        Cancel.sub(function* (cc) {
          note(
            yield* race(
              () => give("value"),
              function* () {
                try {
                  return yield* Fiber.awaitCancel();
                } finally {
                  yield* Cancel.protect(() => Fiber.yield());
                  cc.cancel("stop");
                }
              },
            ),
          );
          Fiber.check();
        }),
      );
      expect(log).toEqual(["value", "threw Cancelled: stop"]);
    }
  });

  it("FB-33 given a branch failed and the parent was cancelled too, the branch's error is thrown", () => {
    const log = transcript((note) =>
      Cancel.sub((cc) =>
        Fiber.first(
          () => fail(new Error("branch")),
          function* () {
            cc.cancel("stop");
            note("g");
          },
        ),
      ),
    );
    expect(log).toEqual(["g", "threw Error: branch"]);
  });

  it("FB-34 returns only when every branch has ended: a loser's slow clean-up delays the result", () => {
    const log = transcript(function* (note, { clock }) {
      yield* Fiber.first(
        () => clock.sleep(1),
        function* () {
          try {
            yield* Fiber.awaitCancel();
          } finally {
            yield* Cancel.protect(() => clock.sleep(10));
            note("cleaned");
          }
        },
      );
      note(`at ${clock.now()}`);
    });
    expect(log).toEqual(["cleaned", "at 11"]);
  });

  it("a combine that throws fails the race", () => {
    const log = transcript(() =>
      Fiber.first(
        () => give("a"),
        () => give("b"),
        {
          combine: () => {
            throw new Error("combine");
          },
        },
      ),
    );
    expect(log).toEqual(["threw Error: combine"]);
  });
});

describe("what both branches have done", () => {
  it("FB-35 RB-22 given yield, add b, return a against take: both have happened, and combine joins the values", () => {
    run(function* () {
      const items = new Stream<string>(1);
      const result = yield* Fiber.first(
        function* () {
          yield* Fiber.yield();
          yield* items.add("b");
          return "a";
        },
        function* () {
          return yield* items.take();
        },
        { combine: join },
      );
      expect([result, items.length]).toEqual(["ab", 0]);
    });
  });

  it("FB-36 given add, yield, return a against yield, take: the result is a, and the item is still there", () => {
    run(function* () {
      const items = new Stream<string>(1);
      const result = yield* Fiber.first(
        function* () {
          yield* items.add("b");
          yield* Fiber.yield();
          return "a";
        },
        function* () {
          yield* Fiber.yield();
          return yield* items.take();
        },
      );
      expect([result, items.tryTake(), items.length]).toEqual(["a", { value: "b" }, 0]);
    });
  });

  it("FB-37 given add, yield, return a against take: the result is b, and nothing is left", () => {
    run(function* () {
      const items = new Stream<string>(1);
      const result = yield* Fiber.first(
        function* () {
          yield* items.add("b");
          yield* Fiber.yield();
          return "a";
        },
        function* () {
          return yield* items.take();
        },
      );
      expect([result, items.length]).toEqual(["b", 0]);
    });
  });
});

describe("Fiber.any and Fiber.nAny", () => {
  it("FB-38 any of nothing waits until cancelled", () => {
    const log = transcript((note) =>
      Cancel.sub((cc) =>
        Fiber.both(
          () => Fiber.any([]),
          function* () {
            note("waits");
            cc.cancel("stop");
          },
        ),
      ),
    );
    expect(log).toEqual(["waits", "threw Cancelled: stop"]);
  });

  it("FB-39 combine folds results in order of completion", () => {
    run(function* () {
      const [gate, open] = Deferred.create<void>();
      const waits = (name: string) =>
        function* () {
          yield* gate.await();
          return name;
        };
      const result = yield* Fiber.any(
        [
          waits("a"),
          waits("b"),
          function* () {
            open.resolve();
            return "c";
          },
        ],
        { combine: (x, y) => `(${x}${y})` },
      );
      expect(result).toBe("((ca)b)");
    });
  });

  it("FB-40 nAny gives all results in order of completion", () => {
    run(function* () {
      const body = (n: number) =>
        function* () {
          if (n === 1) yield* Fiber.yield();
          return n;
        };
      expect(yield* Fiber.nAny([0, 1, 2, 3].map(body))).toEqual([0, 2, 3]);
    });
  });

  it("FB-41 of bodies that log, yield and return, all log, and the first to resume wins", () => {
    for (const all of [false, true]) {
      const log = transcript(function* (note) {
        const bodies = [0, 1, 2].map(
          (n) =>
            function* () {
              note(`run ${n}`);
              yield* Fiber.yield();
              return n;
            },
        );
        note(JSON.stringify(yield* all ? Fiber.nAny(bodies) : Fiber.any(bodies)));
      });
      expect(log).toEqual(["run 0", "run 1", "run 2", all ? "[0]" : "0"]);
    }
  });
});
