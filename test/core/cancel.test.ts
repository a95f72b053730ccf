import { describe, expect, it } from "vitest";
import {
  Cancel,
  Cancelled,
  Deferred,
  Fiber,
  InvalidArgument,
  Multiple,
  Switch,
  currentFiber,
  suspend,
  type CancelContext,
  type Op,
} from "trestle";
import { run } from "trestle/mock";
import { steps, thrownBy, transcript, type Note } from "./transcript.js";

/** Waits; notes the order in which cancel functions are called. */
function waits(note: Note, name: string, error?: unknown): Op<never> {
  return suspend<never>(name, (ctx, enqueue) => {
    ctx.setCancelFn((cancelled) => {
      note(`cancel ${name}`);
      enqueue({ ok: false, error: cancelled });
      if (error) throw error;
    });
  });
}

describe("contexts", () => {
  it("CN-01 a body runs in a new context, and the fiber is moved back at the end, also when it throws", () => {
    run(function* () {
      const { context } = currentFiber();
      const seen: CancelContext[] = [];
      const here = function* () {
        seen.push(currentFiber().context);
      };
      const throws = function* () {
        seen.push(currentFiber().context);
        throw new Error();
      };
      for (const op of [
        Cancel.sub(here),
        Cancel.protect(here),
        Switch.run(here),
        Cancel.sub(throws),
        Cancel.protect(throws),
        Switch.run(throws),
        Fiber.first(here, here),
      ]) {
        try {
          yield* op as Op<unknown>;
        } catch {
          // the context afterwards is what counts
        }
        expect(currentFiber().context).toBe(context);
      }
      expect(new Set([context, ...seen]).size).toBe(8);
    });
  });

  it("CN-02 CN-06 descendants before the context's own fibers, oldest first, stopping at protected ones", () => {
    const log = transcript((note) =>
      Cancel.sub(function* (cc) {
        yield* Fiber.both(
          () =>
            Fiber.all([
              () => waits(note, "own 1"),
              () => Cancel.sub(() => waits(note, "child A")),
              () =>
                Cancel.protect(function* () {
                  yield* Fiber.yield();
                  note("protected goes on");
                }),
              () => Cancel.sub(() => Cancel.sub(() => waits(note, "grandchild of B"))),
              () => waits(note, "caller"),
            ]),
          function* () {
            yield* Fiber.yield();
            cc.cancel("stop");
          },
        );
      }),
    );
    expect(log).toEqual([
      "protected goes on",
      "cancel child A",
      "cancel grandchild of B",
      "cancel caller",
      "cancel own 1",
      "threw Cancelled: stop",
    ]);
  });

  it("CN-03 all contexts are marked before the first cancel function is called", () => {
    const contexts: CancelContext[] = [];
    const log = transcript((note) =>
      Cancel.sub((cc) =>
        Fiber.all([
          () =>
            suspend<never>("first", (ctx, enqueue) => {
              ctx.setCancelFn((error) => {
                note(`other is marked: ${contexts.every((c) => c.getError() !== undefined)}`);
                enqueue({ ok: false, error });
              });
            }),
          () =>
            Cancel.sub(function* (other) {
              contexts.push(other, cc);
              yield* Fiber.awaitCancel();
            }),
          function* () {
            cc.cancel("stop");
          },
        ]),
      ),
    );
    expect(log).toEqual(["other is marked: true", "threw Cancelled: stop"]);
  });

  it("CN-04 CN-07 CN-20 the first reason stays, is shared by all, and does not nest", () => {
    const seen: unknown[] = [];
    const reason = new Error("first");
    const catches = function* () {
      try {
        yield* Fiber.awaitCancel();
      } catch (error) {
        seen.push(error);
      }
    };
    run(() =>
      Cancel.sub((cc) =>
        Fiber.all([
          catches,
          () => Cancel.sub(catches),
          () => Switch.run(catches),
          function* () {
            cc.cancel(reason);
            cc.cancel(new Error("second"));
            expect((cc.getError() as Cancelled).reason).toBe(reason);
          },
        ]),
      ),
    );
    expect(seen).toHaveLength(3);
    expect(new Set(seen).size).toBe(1);
    expect((seen[0] as Cancelled).reason).toBe(reason);

    run(() =>
      Cancel.sub(function* (cc) {
        cc.cancel(new Cancelled(reason));
        expect((cc.getError() as Cancelled).reason).toBe(reason);
      }),
    );
  });

  it("CN-05 CN-14 a finished context refuses to be used", () => {
    run(function* () {
      const cc = yield* Cancel.sub(function* (cc) {
        expect(cc.getError()).toBeUndefined();
        cc.check();
        return cc;
      });
      for (const use of [
        () => cc.cancel("late"),
        () => cc.check(),
        () => Cancel.cancel(cc, "late"),
        () => Cancel.check(cc),
      ]) {
        const thrown = thrownBy(use);
        expect(thrown).toBeInstanceOf(InvalidArgument);
        expect((thrown as Error).message).toBe("Cancellation context finished!");
      }
      expect(Cancel.getError(cc)).toBeInstanceOf(InvalidArgument);
      yield* Cancel.sub(function* (cc) {
        cc.cancel("stop");
        expect(thrownBy(() => cc.check())).toBe(cc.getError());
        expect((cc.getError() as Cancelled).reason).toBe("stop");
      });
    });
  });

  it("CN-08 BG-14 a cancel function that throws does not keep the others from being called; the errors are combined", () => {
    const log: string[] = [];
    const note = (line: string) => void log.push(line);
    let thrown: unknown;
    run(() =>
      Cancel.sub((cc) =>
        Fiber.all([
          () => Cancel.protect(() => Fiber.yield()),
          ...["a", "b", "c"].map(
            (name) =>
              function* () {
                try {
                  yield* waits(note, name, name === "b" ? undefined : new Error(name));
                } catch (error) {
                  note(`${name}: ${String(error)}`);
                }
              },
          ),
          function* () {
            thrown = thrownBy(() => cc.cancel("stop"));
          },
        ]),
      ),
    );
    expect((thrown as Multiple).errors.map(String)).toEqual(["Error: a", "Error: c"]);
    expect(log.slice(0, 3)).toEqual(["cancel a", "cancel b", "cancel c"]);
    expect(log.slice(3)).toEqual(["a", "b", "c"].map((name) => `${name}: Cancelled: stop`));

    const failed = thrownBy(() =>
      run(() =>
        Switch.run(function* (sw) {
          yield* Fiber.fork(sw, () => waits(note, "in a switch", new Error("teardown")));
          sw.fail(new Error("failed"));
        }),
      ),
    ) as Multiple;
    expect(failed.errors.map(String)).toEqual(["Error: failed", "Error: teardown"]);
  });

  it("hooks of a context are called inside the cancel call, before any fiber resumes, and can be taken back", () => {
    const log = transcript((note) =>
      Cancel.sub((cc) =>
        Fiber.both(
          function* () {
            cc.onCancel((error) => note(`hook: ${String(error.reason)}`));
            cc.onCancel(() => note("never"))();
            try {
              yield* Fiber.awaitCancel();
            } catch {
              note("fiber");
            }
          },
          function* () {
            cc.cancel("stop");
            note("cancel has returned");
          },
        ),
      ),
    );
    expect(log).toEqual(["hook: stop", "cancel has returned", "fiber"]);
  });
});

describe("Cancel.sub and Cancel.protect", () => {
  it("CN-09 BG-16 protect looks at the parent neither on entry nor on exit", () => {
    const log = transcript((note) =>
      Cancel.sub(function* (cc) {
        cc.cancel("stop");
        yield* Cancel.protect(() => steps(note, "protected", 2));
        note("after");
      }),
    );
    expect(log).toEqual(["protected1", "protected2", "after"]);
  });

  it("CN-10 given the parent is cancelled during protect, the result is returned and the next check throws", () => {
    const log = transcript((note) =>
      Cancel.sub((cc) =>
        Fiber.both(
          function* () {
            note(
              yield* Cancel.protect(function* () {
                yield* Fiber.yield();
                return "value";
              }),
            );
            Fiber.check();
          },
          function* () {
            cc.cancel("stop");
          },
        ),
      ),
    );
    expect(log).toEqual(["value", "threw Cancelled: stop"]);
  });

  it("CN-11 CN-12 RB-10 sub throws at once in a cancelled context, and lets its own cancellation out", () => {
    const log = transcript(function* (note) {
      try {
        yield* Cancel.sub(function* (cc) {
          cc.cancel("own");
          try {
            yield* Cancel.sub(() => steps(note, "never", 1));
          } catch (error) {
            note(`inner: ${String(error)}`);
          }
          yield* Fiber.yield();
        });
      } catch (error) {
        note(`outer: ${String(error)}`);
      }
      Fiber.check();
    });
    expect(log).toEqual(["inner: Cancelled: own", "outer: Cancelled: own"]);
  });

  it("CN-13 given the body of sub catches the error and returns, sub returns that value", () => {
    run(function* () {
      const value = yield* Cancel.sub(function* (cc) {
        cc.cancel("own");
        try {
          yield* Fiber.yield();
        } catch {
          return "caught";
        }
        return "not reached";
      });
      expect(value).toBe("caught");
    });
  });

  it("CN-15 a fiber may be handed a Cancelled without being cancelled: isCancelled tells", () => {
    run(function* () {
      let caught: unknown;
      try {
        yield* Deferred.createResolved({ ok: false as const, error: new Cancelled("theirs") }).awaitOrThrow();
      } catch (error) {
        caught = error;
      }
      expect(Cancel.isCancelled(caught)).toBe(true);
      expect(Fiber.isCancelled()).toBe(false);
      yield* Cancel.sub(function* (cc) {
        cc.cancel("ours");
        expect(Fiber.isCancelled()).toBe(true);
      });
    });
  });

  it("CN-16 CN-17 CN-18 a cancelled fiber meets the error again at each check, in finally too unless protected, and only there", () => {
    const log = transcript((note) =>
      Cancel.sub(function* (cc) {
        cc.cancel("stop");
        note("nothing interrupts running code");
        for (let i = 0; i < 2; i++) {
          try {
            yield* Fiber.yield();
          } catch (error) {
            note(String(error));
          }
        }
        try {
          try {
            note("body");
          } finally {
            yield* Cancel.protect(() => Fiber.yield());
            note("protected clean-up");
            yield* Fiber.yield();
          }
        } catch (error) {
          note(`finally: ${String(error)}`);
        }
      }),
    );
    expect(log).toEqual([
      "nothing interrupts running code",
      "Cancelled: stop",
      "Cancelled: stop",
      "body",
      "protected clean-up",
      "finally: Cancelled: stop",
    ]);
  });

  it("CN-19 dump prints state, fibers and children", () => {
    run(() =>
      Cancel.sub(function* (cc) {
        yield* Switch.run(function* (sw) {
          yield* Fiber.fork(sw, () => Cancel.protect(() => Fiber.yield()), { name: "worker" });
          cc.cancel(new Error("why"));
          expect(Cancel.dump(cc)).toMatch(
            /^context \d+: cancelling\(Error: why\)\n {2}context \d+: cancelling\(Error: why\) \[2 \(main\)\]\n {4}context \d+: on \(protected\) \[\d+ \(worker\)\]$/,
          );
        });
      }),
    );
    run(function* () {
      const cc = yield* Cancel.sub(function* (cc) {
        return cc;
      });
      expect(cc.dump()).toMatch(/^context \d+: finished$/);
    });
  });

  it("a tree of contexts 100,000 deep is cancelled without native recursion", () => {
    const dive = (n: number): Op<void> => (n === 0 ? Fiber.yield() : Cancel.sub(() => dive(n - 1)));
    expect(
      transcript(() =>
        Cancel.sub((cc) =>
          Fiber.both(
            () => dive(100_000),
            function* () {
              cc.cancel("stop");
            },
          ),
        ),
      ),
    ).toEqual(["threw Cancelled: stop"]);
  });
});
