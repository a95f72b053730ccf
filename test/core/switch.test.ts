import { describe, expect, it } from "vitest";
import {
  Cancel,
  Cancelled,
  Deferred,
  Fiber,
  InvalidArgument,
  Multiple,
  ReleaseError,
  Switch,
  SwitchFinishedError,
  startRoot,
  type Op,
} from "trestle";
import { run } from "trestle/mock";
import { steps, thrownBy, transcript, type Note } from "./transcript.js";

function* keep(): Op<Switch> {
  return yield* Switch.run(function* (sw) {
    return sw;
  });
}

/** Waits to be cancelled, then throws `error` instead. */
function* failOnCancel(error: unknown): Op<void> {
  try {
    yield* Fiber.awaitCancel();
  } catch {
    throw error;
  }
}

function* noteCancel(note: Note, name: string): Op<void> {
  try {
    yield* Fiber.awaitCancel();
  } catch (error) {
    note(`${name}: ${String(error)}`);
    throw error;
  }
}

describe("lifetime", () => {
  it("SW-01 SW-02 run waits for the fibers, runs the handlers, then returns the body's value", () => {
    const log = transcript(function* (note) {
      const value = yield* Switch.run(function* (sw) {
        expect(sw.getError()).toBeUndefined();
        yield* sw.onRelease(() => note("released"));
        yield* Fiber.fork(sw, () => steps(note, "fiber", 3));
        note("body returns");
        return "value";
      });
      note(value);
    });
    expect(log).toEqual(["fiber1", "body returns", "fiber2", "fiber3", "released", "value"]);
  });

  it("SW-03 the wait cannot be interrupted: the fibers inside are cancelled, and still waited for", () => {
    const log = transcript((note) =>
      Cancel.sub((cc) =>
        Fiber.both(
          () =>
            Switch.run(function* (sw) {
              yield* Fiber.fork(sw, function* () {
                try {
                  yield* Fiber.awaitCancel();
                } finally {
                  yield* Cancel.protect(() => Fiber.yield());
                  note("inside has ended");
                }
              });
            }),
          function* () {
            cc.cancel("stop");
            note("cancelled");
          },
        ),
      ),
    );
    expect(log).toEqual(["cancelled", "inside has ended", "threw Cancelled: stop"]);
  });

  it("SW-04 given the body throws, all fibers are cancelled with that error, then handlers run, then it is thrown", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        yield* sw.onRelease(() => note("released"));
        yield* Fiber.fork(sw, () => noteCancel(note, "fiber"));
        throw new Error("body");
      }),
    );
    expect(log).toEqual(["fiber: Cancelled: Error: body", "released", "threw Error: body"]);
  });

  it("SW-05 SW-06 RB-10 in a cancelled context run throws before calling the body; runProtected starts and does not see it", () => {
    const log = transcript((note) =>
      Cancel.sub(function* (cc) {
        cc.cancel("stop");
        try {
          yield* Switch.run(() => steps(note, "never", 1));
        } catch (error) {
          note(String(error));
        }
        yield* Switch.runProtected(() => steps(note, "protected", 2));
      }),
    );
    expect(log).toEqual(["Cancelled: stop", "protected1", "protected2"]);
  });

  it("SW-07 inside runProtected, fail on that switch still cancels its own fibers", () => {
    const log = transcript((note) =>
      Switch.runProtected(function* (sw) {
        yield* Fiber.fork(sw, () => noteCancel(note, "fiber"));
        sw.fail(new Error("own"));
      }),
    );
    expect(log).toEqual(["fiber: Cancelled: Error: own", "threw Error: own"]);
  });

  it("SW-08 SW-09 SW-10 BM-09 a switch kept after its block refuses to be used", () => {
    run(function* () {
      const sw = yield* keep();
      for (const use of [() => sw.check(), () => sw.fail(new Error("late"))]) {
        const thrown = thrownBy(use);
        expect(thrown).toBeInstanceOf(InvalidArgument);
        expect(thrown).toBeInstanceOf(SwitchFinishedError);
        expect((thrown as Error).message).toBe("Switch finished!");
      }
      expect(sw.getError()).toBeInstanceOf(InvalidArgument);
      const named = yield* Switch.run(
        function* (sw) {
          return sw;
        },
        { name: "session" },
      );
      expect(() => named.check()).toThrow('Switch finished! ("session")');
    });
  });

  it("SW-08 SW-09 a switch that has failed says so while its block still runs", () => {
    const error = new Error("failed");
    const thrown = thrownBy(() =>
      run(() =>
        Switch.run(function* (sw) {
          sw.fail(error);
          expect(sw.getError()).toBeInstanceOf(Cancelled);
          expect((sw.getError() as Cancelled).reason).toBe(error);
          expect(thrownBy(() => sw.check())).toBe(sw.getError());
          yield* Fiber.yield();
        }),
      ),
    );
    expect(thrown).toBe(error);
  });
});

describe("failing", () => {
  it("SW-11 SW-12 fail returns at once, the caller goes on, and run throws the error although the body returns", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        sw.fail(new Error("failed"));
        note("clean-up");
        note(yield* Deferred.createResolved("no check").await());
      }),
    );
    expect(log).toEqual(["clean-up", "no check", "threw Error: failed"]);
  });

  it("SW-13 one error object that arrives twice is reported once", () => {
    const error = new Error("same");
    const thrown = thrownBy(() =>
      run(() =>
        Switch.run(function* (sw) {
          yield* Fiber.fork(sw, () => failOnCancel(error));
          yield* Fiber.fork(sw, () => failOnCancel(error));
          throw error;
        }),
      ),
    );
    expect(thrown).toBe(error);
  });

  it("SW-14 errors thrown while being cancelled come after the first, in order", () => {
    const thrown = thrownBy(() =>
      run(() =>
        Switch.run(function* (sw) {
          yield* Fiber.fork(sw, () => failOnCancel(new Error("1")));
          yield* Fiber.fork(sw, () => failOnCancel(new Error("2")));
          throw new Error("0");
        }),
      ),
    ) as Multiple;
    expect(thrown).toBeInstanceOf(Multiple);
    expect(thrown.errors.map(String)).toEqual(["Error: 0", "Error: 1", "Error: 2"]);
  });

  it("SW-15 a nested switch's clean-up error is reported along with the original one", () => {
    const thrown = thrownBy(() =>
      run(() =>
        Switch.run(function* (outer) {
          yield* Fiber.fork(outer, () =>
            Switch.run(function* (inner) {
              yield* inner.onRelease(() => {
                throw new Error("clean-up");
              });
              yield* Fiber.awaitCancel();
            }),
          );
          throw new Error("original");
        }),
      ),
    ) as Multiple;
    expect(thrown.errors.map(String)).toEqual(["Error: original", "Error: clean-up"]);
  });

  it("SW-16 SW-17 a child is cancelled along with its parent; failing the child does not touch the parent", () => {
    const log = transcript((note) =>
      Switch.run(function* (parent) {
        try {
          yield* Switch.run(function* (child) {
            child.fail(new Error("child only"));
          });
        } catch (error) {
          note(String(error));
        }
        parent.check();
        try {
          yield* Switch.run(function* () {
            parent.fail(new Error("parent"));
            yield* Fiber.awaitCancel();
          });
        } catch (error) {
          note(`child: ${String(error)}`);
        }
      }),
    );
    expect(log).toEqual(["Error: child only", "child: Cancelled: Error: parent", "threw Error: parent"]);
  });

  it("SW-18 an error handler that throws in a forked fiber fails the parent with its own error", () => {
    const log = transcript(() =>
      Switch.run(function* (sw) {
        yield* Fiber.fork(sw, function* () {
          try {
            throw new Error("first");
          } catch {
            throw new Error("handler");
          }
        });
      }),
    );
    expect(log).toEqual(["threw Error: handler"]);
  });

  it("SW-19 run's caller sees the error plain, all fibers inside see it as Cancelled", () => {
    const error = new Error("plain");
    const seen: unknown[] = [];
    const thrown = thrownBy(() =>
      run(() =>
        Switch.run(function* (sw) {
          for (let i = 0; i < 2; i++) {
            yield* Fiber.fork(sw, function* () {
              try {
                yield* Fiber.awaitCancel();
              } catch (e) {
                seen.push(e);
                throw e;
              }
            });
          }
          throw error;
        }),
      ),
    );
    expect(thrown).toBe(error);
    expect(seen.map((e) => (e as Cancelled).reason)).toEqual([error, error]);
    expect(seen[0]).toBe(seen[1]);
  });

  it("SW-20 SW-21 PR-11 of resolving and failing in one step, the first decides what a waiter gets", () => {
    for (const resolveFirst of [true, false]) {
      const log = transcript((note) =>
        Switch.run(function* (sw) {
          const [d, r] = Deferred.create<string>();
          yield* Fiber.fork(sw, function* () {
            try {
              note(yield* d.await());
            } catch (error) {
              note(String(error));
            }
          });
          if (resolveFirst) r.resolve("value");
          sw.fail(new Error("failed"));
          if (!resolveFirst) r.resolve("value");
        }),
      );
      expect(log).toEqual([resolveFirst ? "value" : "Cancelled: Error: failed", "threw Error: failed"]);
    }
  });
});

describe("release handlers", () => {
  it("SW-22 SW-23 run after all fibers, last registered first, one after another, protected, on success and failure", () => {
    for (const fails of [false, true]) {
      const log = transcript((note) =>
        Switch.run(function* (sw) {
          for (const n of [1, 2, 3]) {
            yield* sw.onRelease(function* () {
              note(`begin ${n}`);
              yield* Fiber.yield();
              note(`end ${n}`);
            });
          }
          yield* Fiber.fork(sw, function* () {
            try {
              yield* steps(note, "fiber", 2);
            } finally {
              note("fiber ended");
            }
          });
          if (fails) throw new Error("failed");
        }),
      );
      expect(log).toEqual([
        "fiber1",
        ...(fails ? [] : ["fiber2"]),
        "fiber ended",
        ...[3, 2, 1].flatMap((n) => [`begin ${n}`, `end ${n}`]),
        ...(fails ? ["threw Error: failed"] : []),
      ]);
    }
  });

  it("SW-24 a throwing handler does not stop the others, and run throws its error even after success", () => {
    const log: string[] = [];
    const thrown = thrownBy(() =>
      run(() =>
        Switch.run(function* (sw) {
          for (const n of [1, 2, 3]) {
            yield* sw.onRelease(() => {
              log.push(`handler ${n}`);
              if (n !== 2) throw new Error(`error ${n}`);
            });
          }
        }),
      ),
    ) as Multiple;
    expect(log).toEqual(["handler 3", "handler 2", "handler 1"]);
    expect(thrown.errors.map(String)).toEqual(["Error: error 3", "Error: error 1"]);
  });

  it("SW-25 SW-27 a late handler runs at once, protected, and then the call throws", () => {
    const log = transcript(function* (note) {
      const finished = yield* keep();
      const late = function* () {
        note("late handler");
        yield* Fiber.yield();
        note("to its end");
      };
      for (const cancelled of [false, true]) {
        try {
          yield* Cancel.sub(function* (cc) {
            if (cancelled) cc.cancel("stop");
            yield* finished.onRelease(late);
          });
        } catch (error) {
          note(String(error));
        }
      }
      yield* Switch.run(function* (sw) {
        yield* sw.onRelease(function* () {
          try {
            yield* sw.onRelease(late);
          } catch (error) {
            note(String(error));
          }
        });
      });
    });
    const once = ["late handler", "to its end", "SwitchFinishedError: Switch finished!"];
    expect(log).toEqual([...once, ...once, ...once]);
  });

  it("SW-26 a late handler that throws as well gives a ReleaseError with both", () => {
    const error = new Error("handler");
    const thrown = thrownBy(() =>
      run(function* () {
        const sw = yield* keep();
        yield* sw.onRelease(() => {
          throw error;
        });
      }),
    ) as ReleaseError;
    expect(thrown).toBeInstanceOf(ReleaseError);
    expect(thrown.error).toBe(error);
    expect(thrown.cause).toBeInstanceOf(SwitchFinishedError);
    expect(thrown.message).toBe(
      "release handler failed: Error: handler\nwhile handling: SwitchFinishedError: Switch finished!",
    );
  });

  it("SW-28 a handler may fork: the remaining handlers go on first, and run waits for the fibers", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        yield* sw.onRelease(() => note("handler 1"));
        yield* sw.onRelease(function* () {
          yield* Fiber.fork(sw, () => steps(note, "forked", 2));
          note("handler 2");
        });
      }),
    );
    expect(log).toEqual(["forked1", "handler 2", "handler 1", "forked2"]);
  });

  it("SW-29 SW-30 RB-33 BG-54 a hook is removed exactly once, and not any more when the switch has taken it", () => {
    const log = transcript(function* (note) {
      expect(Switch.nullHook.tryRemove()).toBe(false);
      let a = Switch.nullHook;
      yield* Switch.run(function* (sw) {
        a = yield* sw.onReleaseCancellable(() => note("A runs"));
        const removed = yield* sw.onReleaseCancellable(() => note("never"));
        yield* sw.onRelease(() => note(`B: A removed ${Switch.tryRemoveHook(a)}`));
        expect([removed.tryRemove(), removed.tryRemove()]).toEqual([true, false]);
        Switch.removeHook(removed);
        sw.addHook(() => note("C runs")).remove();
      });
      expect(a.tryRemove()).toBe(false);
    });
    expect(log).toEqual(["B: A removed false", "A runs"]);
  });

  it("SW-31 closing by hand removes the hook: a long-lived switch does not grow", () => {
    run(() =>
      Switch.run(function* (sw) {
        const first = yield* sw.onReleaseCancellable(() => {});
        for (let i = 0; i < 100_000; i++) (yield* sw.onReleaseCancellable(() => {})).remove();
        let linked = 0;
        for (let hook: unknown = first; hook; hook = (hook as { next?: unknown }).next) linked++;
        expect(linked).toBe(1);
      }),
    );
  });

  it("addHook is for plain callbacks: it cannot run a late handler, and only throws", () => {
    run(function* () {
      const sw = yield* keep();
      expect(() => sw.addHook(() => {})).toThrow(SwitchFinishedError);
    });
  });
});

it("SW-32 dump shows id, name, number of extra fibers and the tree of contexts", () => {
  run(() =>
    Switch.run(
      function* (sw) {
        yield* Fiber.fork(sw, () => Cancel.protect(() => Fiber.yield()), { name: "worker" });
        yield* Fiber.forkDaemon(sw, () => Fiber.awaitCancel());
        expect(sw.dump()).toMatch(
          /^Switch \d+ "session" \(2 extra fibers, 1 of them daemons\):\ncontext \d+: on \[2 \(main\); \d+\]\n {2}context \d+: on \(protected\) \[\d+ \(worker\)\]$/,
        );
      },
      { name: "session" },
    ),
  );
});

it("a switch waits for a fiber started from outside on its behalf, and cancels it when it fails", () => {
  const log = transcript((note) =>
    Switch.run(function* (sw) {
      const [d, r] = Deferred.create<void>();
      const begin = (name: string) =>
        startRoot(() => d.await(), {
          sw,
          onDone: (outcome) => note(`${name}: ${outcome.ok ? "ok" : String(outcome.error)}`),
        });
      begin("one");
      yield* Fiber.yield();
      r.resolve();
      note("body returns");
    }),
  );
  expect(log).toEqual(["body returns", "one: ok"]);

  const failed = transcript((note) =>
    Switch.run(function* (sw) {
      startRoot(() => Fiber.awaitCancel(), { sw, onDone: (outcome) => note(String(!outcome.ok && outcome.error)) });
      throw new Error("failed");
    }),
  );
  expect(failed).toEqual(["Cancelled: Error: failed", "threw Error: failed"]);
});
