import { describe, expect, it } from "vitest";
import {
  Cancel,
  Cancelled,
  DeadlockDetected,
  Deferred,
  Fiber,
  Lazy,
  Switch,
  flush,
  startRoot,
  type LazyCancel,
  type Op,
} from "trestle";
import { run } from "trestle/mock";
import { steps, thrownBy, transcript, type Note } from "./transcript.js";

const modes: LazyCancel[] = ["restart", "record", "protect"];

function* force<T>(lazy: Lazy<T>, note: Note, name: string): Op<void> {
  try {
    note(`${name}: ${String(yield* lazy.force())}`);
  } catch (error) {
    note(`${name} threw ${String(error)}`);
  }
}

/** A computation that takes a turn, and says when it begins and ends. */
function computed(note: Note, cancel: LazyCancel): Lazy<string> {
  return Lazy.fromFun(
    function* () {
      note("begins");
      yield* Fiber.yield();
      note("ends");
      return "value";
    },
    { cancel },
  );
}

describe.each(modes)("cancel: %s", (cancel) => {
  it("LZ-01 LZ-02 the function runs on the first force only, in that fiber; others wait and get the same value", () => {
    let ran = 0;
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const key = Fiber.createKey<string>();
        const value = { computed: "once" };
        const lazy = Lazy.fromFun(
          function* () {
            ran++;
            note(`in ${Fiber.get(key)}`);
            yield* Fiber.yield();
            return value;
          },
          { cancel },
        );
        expect(ran).toBe(0);
        for (const name of ["a", "b", "c"]) {
          const ask = function* () {
            expect(yield* lazy.force()).toBe(value);
            note(name);
          };
          yield* Fiber.fork(sw, () => Fiber.withBinding(key, name, ask));
        }
        note("all have asked");
        yield* Fiber.yield();
        yield* Fiber.yield();
        expect(yield* lazy.force()).toBe(value);
      }),
    );
    expect(log).toEqual(["in a", "all have asked", "a", "b", "c"]);
    expect(ran).toBe(1);
  });

  it("LZ-03 given the function throws, everybody gets that error, now and later, and it is not run again", () => {
    for (const error of [new Error("computing"), undefined]) {
      for (const suspends of [true, false]) {
        let ran = 0;
        const seen: unknown[] = [];
        run(() =>
          Switch.run(function* (sw) {
            const lazy = Lazy.fromFun<string>(
              function* () {
                ran++;
                if (suspends) yield* Fiber.yield();
                throw error;
              },
              { cancel },
            );
            const ask = function* () {
              try {
                yield* lazy.force();
              } catch (thrown) {
                seen.push(thrown);
              }
            };
            for (let i = 0; i < 3; i++) yield* Fiber.fork(sw, ask);
            for (let i = 0; i < 3; i++) yield* Fiber.yield();
            yield* ask();
          }),
        );
        expect(seen).toEqual([error, error, error, error]);
        for (const thrown of seen) expect(thrown).toBe(error);
        expect(ran).toBe(1);
      }
    }
  });

  it("LZ-08 a value that is there is given without switching fibers and without a check", () => {
    const log = transcript(function* (note) {
      const forced = Lazy.fromFun(() => Deferred.createResolved("forced").await(), { cancel });
      yield* forced.force();
      yield* Cancel.sub((cc) =>
        Fiber.both(
          () => Cancel.protect(() => steps(note, "other", 2)),
          function* () {
            cc.cancel("stop");
            note(yield* Lazy.fromVal("value").force());
            note(yield* forced.force());
          },
        ),
      );
    });
    expect(log).toEqual(["other1", "value", "forced", "other2"]);
    expect(run(() => Lazy.fromVal(undefined).force())).toBe(undefined);
  });

  it("LZ-09 a value that needs itself waits for ever, and the report says so", () => {
    const lazy: Lazy<number> = Lazy.fromFun(() => lazy.force(), { cancel, name: "self" });
    const thrown = thrownBy(() =>
      run(function* () {
        yield* lazy.force();
      }),
    ) as DeadlockDetected;
    expect(thrown).toBeInstanceOf(DeadlockDetected);
    expect(thrown.waiting.map(({ id, waitsFor }) => [id, waitsFor])).toEqual([
      [2, 'Lazy "self", computed by fiber 2 "main"'],
    ]);
  });

  it("a cancelled waiter leaves, and neither the computation nor the other waiters mind", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const lazy = Lazy.fromFun(
          function* () {
            yield* steps(note, "step", 3);
            return "value";
          },
          { cancel },
        );
        yield* Fiber.fork(sw, () => force(lazy, note, "a"));
        yield* Fiber.fork(sw, () =>
          Cancel.sub((cc) =>
            Fiber.both(
              () => force(lazy, note, "b"),
              function* () {
                cc.cancel("stop");
              },
            ),
          ),
        );
        yield* Fiber.fork(sw, () => force(lazy, note, "c"));
      }),
    );
    expect(log).toEqual(["step1", "step2", "b threw Cancelled: stop", "step3", "a: value", "c: value"]);
  });

  it("a value that is there keeps neither its function nor a fiber", () => {
    const lazy = Lazy.fromFun(() => Fiber.yield(), { cancel });
    run(() => Fiber.all([() => lazy.force(), () => lazy.force()]));
    const { fn, forcer, waiters } = lazy as unknown as { fn: unknown; forcer: unknown; waiters: { isEmpty: boolean } };
    expect([fn, forcer, waiters.isEmpty]).toEqual([undefined, undefined, true]);
  });

  it("the same op can be run again", () => {
    run(function* () {
      const op = Lazy.fromFun(() => Deferred.createResolved(1).await(), { cancel }).force();
      expect([yield* op, yield* op]).toEqual([1, 1]);
    });
  });
});

describe("the fiber that computes the value is cancelled", () => {
  /** Two fibers ask, of which the first is cancelled while it computes; then a third one asks. */
  function scene(cancel: LazyCancel): string[] {
    return transcript((note) =>
      Switch.run(function* (sw) {
        const lazy = computed(note, cancel);
        let first: Cancel.Context | undefined;
        yield* Fiber.fork(sw, () =>
          Cancel.sub(function* (cc) {
            first = cc;
            yield* force(lazy, note, "a");
            note(`a is cancelled: ${Fiber.isCancelled()}`);
          }),
        );
        yield* Fiber.fork(sw, () => force(lazy, note, "b"));
        first!.cancel("stop");
        for (let i = 0; i < 5; i++) yield* Fiber.yield();
        yield* force(lazy, note, "c");
      }),
    );
  }

  it("LZ-04 record: its Cancelled is stored, and the others get that though they are not cancelled", () => {
    expect(scene("record")).toEqual([
      "begins",
      "a threw Cancelled: stop",
      "a is cancelled: true",
      "b threw Cancelled: stop",
      "c threw Cancelled: stop",
    ]);
  });

  it("LZ-05 protect: the function runs to its end, and the cancelled fiber meets the cancellation at its next check", () => {
    expect(scene("protect")).toEqual(["begins", "ends", "a: value", "a is cancelled: true", "b: value", "c: value"]);
  });

  it("LZ-06 restart: it throws, and the next waiting fiber runs the function again", () => {
    expect(scene("restart")).toEqual([
      "begins",
      "a threw Cancelled: stop",
      "a is cancelled: true",
      "begins",
      "ends",
      "b: value",
      "c: value",
    ]);
  });

  it("LZ-06 restart: the function runs in the next fiber's own context; without one, the next to ask runs it", () => {
    const log = transcript(function* (note) {
      const contexts: Cancel.Context[] = [];
      let attempt = 0;
      const lazy = Lazy.fromFun(
        function* () {
          note(`attempt ${++attempt}`);
          yield* Fiber.awaitCancel();
        },
        { cancel: "restart" },
      );
      const ask = (name: string) => () =>
        Cancel.sub((cc) => {
          contexts.push(cc);
          return force(lazy, note, name);
        });
      yield* Fiber.all([
        ask("a"),
        ask("b"),
        function* () {
          for (const context of contexts) {
            context.cancel("stop");
            yield* Fiber.yield();
            yield* Fiber.yield();
          }
        },
      ]);
      yield* Fiber.first(ask("c"), () => Fiber.yield());
    });
    expect(log).toEqual([
      "attempt 1",
      "a threw Cancelled: stop",
      "attempt 2",
      "b threw Cancelled: stop",
      "attempt 3",
      "c threw Cancelled: NotFirst: another branch came first",
    ]);
  });

  it("LZ-06 restart: between the cancellation and the next fiber's turn nobody else can begin", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const lazy = computed(note, "restart");
        let first: Cancel.Context | undefined;
        yield* Fiber.fork(sw, () =>
          Cancel.sub(function* (cc) {
            first = cc;
            yield* force(lazy, note, "a");
            // In the step in which b is woken.
            yield* Cancel.protect(() => force(lazy, note, "a again"));
          }),
        );
        yield* Fiber.fork(sw, () => force(lazy, note, "b"));
        first!.cancel("stop");
      }),
    );
    expect(log).toEqual(["begins", "a threw Cancelled: stop", "begins", "ends", "b: value", "a again: value"]);
  });

  it("LZ-06 restart: a fiber that is told to run it and then cancelled passes it on", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const contexts: Cancel.Context[] = [];
        const lazy = computed(note, "restart");
        for (const name of ["a", "b", "c"]) {
          yield* Fiber.fork(sw, () =>
            Cancel.sub(function* (cc) {
              contexts.push(cc);
              yield* force(lazy, note, name);
              if (name === "a") contexts[1]!.cancel("stop as well");
            }),
          );
        }
        contexts[0]!.cancel("stop");
      }),
    );
    expect(log.filter((line) => line !== "begins")).toEqual([
      "a threw Cancelled: stop",
      "b threw Cancelled: stop as well",
      "ends",
      "c: value",
    ]);
  });

  it("LZ-06 restart: fibers that were given up in a dead-lock are passed over", () => {
    let hang = true;
    const lazy = Lazy.fromFun(
      function* () {
        if (hang) yield* Fiber.awaitCancel();
        return "value";
      },
      { cancel: "restart" },
    );
    const outcomes: boolean[] = [];
    const root = startRoot(() => lazy.force(), { onDone: ({ ok }) => outcomes.push(ok) });
    expect(() => run(() => lazy.force())).toThrow(DeadlockDetected);
    root.cancel("stop");
    flush();
    expect(outcomes).toEqual([false]);
    hang = false;
    expect(run(() => lazy.force())).toBe("value");
  });

  it("LZ-07 restart: a Cancelled thrown while the fiber is not itself cancelled is stored like any other error", () => {
    const cancelled = new Cancelled("of somebody else");
    const log = transcript(function* (note) {
      let ran = 0;
      const lazy = Lazy.fromFun(
        function* () {
          ran++;
          yield* Fiber.yield();
          throw cancelled;
        },
        { cancel: "restart" },
      );
      yield* Fiber.both(
        () => force(lazy, note, "a"),
        () => force(lazy, note, "b"),
      );
      note(`ran ${ran}`);
    });
    expect(log).toEqual(["a threw Cancelled: of somebody else", "b threw Cancelled: of somebody else", "ran 1"]);
  });

  it("restart: an error that is no Cancelled is stored, though the fiber is cancelled", () => {
    const log = transcript((note) =>
      Cancel.sub(function* (cc) {
        const lazy = Lazy.fromFun(
          function* () {
            note("begins");
            try {
              cc.cancel("stop");
              yield* Fiber.yield();
            } catch {
              throw new Error("clean-up");
            }
          },
          { cancel: "restart" },
        );
        yield* force(lazy, note, "a");
        yield* force(lazy, note, "b");
      }),
    );
    expect(log).toEqual(["begins", "a threw Error: clean-up", "b threw Error: clean-up"]);
  });
});
