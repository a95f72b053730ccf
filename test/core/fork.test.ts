import { describe, expect, it } from "vitest";
import { Cancel, Cancelled, Deferred, Fiber, InvalidArgument, Switch, currentFiber, type Result } from "trestle";
import { run } from "trestle/mock";
import { steps, thrownBy, transcript } from "./transcript.js";

describe("Fiber.fork", () => {
  it("FB-01 runs the child at once up to its first suspension, then the parent, ahead of what is queued", () => {
    const log = transcript(function* (note) {
      yield* Switch.run(function* (sw) {
        yield* Fiber.fork(sw, () => steps(note, "queued", 2));
        note("before");
        yield* Fiber.fork(sw, () => steps(note, "child", 2));
        note("parent");
      });
    });
    expect(log).toEqual(["queued1", "before", "child1", "parent", "queued2", "child2"]);
  });

  it("FB-02 UT-01 a child that yielded comes after a child forked later and the parent's code", () => {
    const log = transcript(function* (note) {
      yield* Switch.run(function* (sw) {
        yield* Fiber.fork(sw, () => steps(note, "A", 2));
        yield* Fiber.fork(sw, function* () {
          note("B");
        });
        note("parent");
      });
    });
    expect(log).toEqual(["A1", "B", "parent", "A2"]);
  });

  it("FB-03 FB-45 the child is in the context of the switch, not in that of the fiber that forks", () => {
    const log = transcript(function* (note) {
      yield* Switch.run(function* (outer) {
        yield* Cancel.protect(() =>
          Switch.run(function* () {
            yield* Fiber.fork(outer, function* () {
              try {
                yield* Fiber.awaitCancel();
              } catch (error) {
                note(`child: ${String(error)}`);
                throw error;
              }
            });
            outer.fail(new Error("outer failed"));
            yield* Fiber.yield();
            note("the protected parent goes on");
          }),
        );
      });
    });
    expect(log).toEqual([
      "child: Cancelled: Error: outer failed",
      "the protected parent goes on",
      "threw Error: outer failed",
    ]);
  });

  it("FB-04 on a failed switch the body never starts, and the caller goes on", () => {
    const log = transcript(function* (note) {
      yield* Switch.run(function* (sw) {
        sw.fail(new Error("failed"));
        yield* Fiber.fork(sw, () => steps(note, "never", 1));
        yield* Fiber.forkDaemon(sw, () => steps(note, "never", 1));
        note("goes on");
      });
    });
    expect(log).toEqual(["goes on", "threw Error: failed"]);
  });

  it("FB-05 on a finished switch all forks throw", () => {
    run(function* () {
      const sw = yield* Switch.run(function* (sw) {
        return sw;
      });
      for (const make of [Fiber.fork, Fiber.forkDaemon, Fiber.forkPromise]) {
        let thrown: unknown;
        try {
          yield* make(sw, () => Fiber.yield());
        } catch (error) {
          thrown = error;
        }
        expect(thrown).toBeInstanceOf(InvalidArgument);
        expect((thrown as Error).message).toBe("Switch finished!");
      }
    });
  });

  it("FB-06 an error of a child fails the switch: the parent is cancelled, and run throws the error", () => {
    const log = transcript(function* (note) {
      yield* Switch.run(function* (sw) {
        yield* Fiber.fork(sw, function* () {
          throw new Error("child");
        });
        note(`failed: ${String(sw.getError())}`);
        try {
          yield* Fiber.yield();
        } catch (error) {
          note(`parent: ${String(error)}`);
          throw error;
        }
      });
    });
    expect(log).toEqual(["failed: Cancelled: Error: child", "parent: Cancelled: Error: child", "threw Error: child"]);
  });

  it("a chain of 100,000 forks inside one another needs no native stack", () => {
    let count = 0;
    run(() =>
      Switch.run(function* (sw) {
        function* next(): ReturnType<typeof Fiber.fork> {
          if (++count < 100_000) yield* Fiber.fork(sw, next);
        }
        yield* Fiber.fork(sw, next);
      }),
    );
    expect(count).toBe(100_000);
  });

  it("the name is that given, else that of the body", () => {
    const names: (string | undefined)[] = [];
    run(() =>
      Switch.run(function* (sw) {
        function* named() {
          names.push(currentFiber().name);
        }
        yield* Fiber.fork(sw, named);
        yield* Fiber.fork(sw, named, { name: "given" });
        yield* Fiber.fork(sw, () => named());
      }),
    );
    expect(names).toEqual(["named", "given", undefined]);
  });
});

describe("Fiber.forkPromise", () => {
  it("FB-43 gives the value or the error, and an error does not fail the switch", () => {
    const error = new Error("job");
    const results: Result<unknown>[] = [];
    run(() =>
      Switch.run(function* (sw) {
        const good = yield* Fiber.forkPromise(sw, function* () {
          yield* Fiber.yield();
          return 1;
        });
        const bad = yield* Fiber.forkPromise(sw, function* () {
          throw error;
        });
        results.push(yield* good.await(), yield* bad.await());
        expect(sw.getError()).toBeUndefined();
        expect(yield* good.awaitOrThrow()).toBe(1);
        let thrown: unknown;
        try {
          yield* bad.awaitOrThrow();
        } catch (e) {
          thrown = e;
        }
        expect(thrown).toBe(error);
      }),
    );
    expect(results).toEqual([
      { ok: true, value: 1 },
      { ok: false, error },
    ]);
  });

  it("FB-44 on a failed switch the cell holds the Cancelled, and the body does not run", () => {
    const log = transcript(function* (note) {
      yield* Switch.run(function* (sw) {
        sw.fail(new Error("failed"));
        const job = yield* Fiber.forkPromise(sw, () => steps(note, "never", 1));
        const outcome = job.peek()!.value;
        note(outcome.ok ? "ok" : String(outcome.error));
        expect(outcome.ok ? undefined : outcome.error).toBeInstanceOf(Cancelled);
      });
    });
    expect(log).toEqual(["Cancelled: Error: failed", "threw Error: failed"]);
  });
});

describe("Fiber.forkDaemon", () => {
  it("FB-46 FB-47 RB-44 daemons do not keep the switch open: they are cancelled with Exit, and waited for", () => {
    const log = transcript(function* (note) {
      const value = yield* Switch.run(function* (sw) {
        yield* Fiber.forkDaemon(sw, function* () {
          try {
            yield* Fiber.awaitCancel();
          } catch (error) {
            note(`daemon: ${(error as Cancelled).name}, ${((error as Cancelled).reason as Error).name}`);
            yield* Cancel.protect(() => Fiber.yield());
            note("daemon has ended");
            throw error;
          }
        });
        return "value";
      });
      note(value);
    });
    expect(log).toEqual(["daemon: Cancelled, Exit", "daemon has ended", "value"]);
  });

  it("FB-48 a daemon that throws another error fails the switch", () => {
    const log = transcript(() =>
      Switch.run(function* (sw) {
        yield* Fiber.forkDaemon(sw, function* () {
          yield* Fiber.yield();
          throw new Error("daemon");
        });
        yield* Fiber.awaitCancel();
      }),
    );
    expect(log).toEqual(["threw Error: daemon"]);
  });

  it("FB-49 a daemon that returns simply ends", () => {
    const log = transcript(function* (note) {
      yield* Switch.run(function* (sw) {
        yield* Fiber.forkDaemon(sw, () => steps(note, "daemon", 2));
        yield* steps(note, "main", 4);
      });
    });
    expect(log).toEqual(["daemon1", "main1", "daemon2", "main2", "main3", "main4"]);
  });

  it("FB-50 what a stopped daemon forks on its switch never starts", () => {
    const log = transcript(function* (note) {
      yield* Switch.run(function* (sw) {
        yield* Fiber.forkDaemon(sw, function* () {
          try {
            yield* Fiber.awaitCancel();
          } catch {
            yield* Fiber.fork(sw, () => steps(note, "never", 1));
            yield* Fiber.forkDaemon(sw, () => steps(note, "never", 1));
            note("caught");
          }
        });
      });
    });
    expect(log).toEqual(["caught"]);
  });

  it("FB-51 daemons go on while another fiber lives, after the main function has returned too", () => {
    const log = transcript(function* (note) {
      yield* Switch.run(function* (sw) {
        yield* Fiber.forkDaemon(sw, function* () {
          for (let i = 0; ; i++) {
            note(`tick ${i}`);
            yield* Fiber.yield();
          }
        });
        yield* Fiber.fork(sw, () => steps(note, "worker", 3));
        note("main returns");
      });
    });
    expect(log).toEqual(["tick 0", "worker1", "main returns", "tick 1", "worker2", "tick 2", "worker3"]);
  });

  it("FB-52 given the main function failed, daemons are cancelled and its error is reported alone", () => {
    const error = new Error("main");
    const thrown = thrownBy(() =>
      run(() =>
        Switch.run(function* (sw) {
          yield* Fiber.forkDaemon(sw, () => Fiber.awaitCancel());
          throw error;
        }),
      ),
    );
    expect(thrown).toBe(error);
  });

  it("a daemon forked by a release handler does not hold the switch for ever", () => {
    const log = transcript(function* (note) {
      yield* Switch.run(function* (sw) {
        yield* sw.onRelease(() => Fiber.forkDaemon(sw, () => Fiber.awaitCancel()));
      });
      note("ended");
    });
    expect(log).toEqual(["ended"]);
  });
});

describe("manners", () => {
  it("FB-42 awaitCancel throws the Cancelled of its context, and it can be caught", () => {
    const log = transcript(function* (note) {
      yield* Cancel.sub(function* (cc) {
        yield* Fiber.both(
          function* () {
            try {
              yield* Fiber.awaitCancel();
            } catch (error) {
              note(String(error));
            }
          },
          function* () {
            cc.cancel("stop");
          },
        );
      });
    });
    expect(log).toEqual(["Cancelled: stop"]);
  });

  it("an op can be run again, each time anew", () => {
    const log = transcript(function* (note) {
      const [d, r] = Deferred.create<string>();
      const wait = d.await();
      const turn = Fiber.yield();
      yield* Switch.run(function* (sw) {
        const forkIt = Fiber.fork(sw, function* () {
          note(yield* wait);
        });
        yield* forkIt;
        yield* forkIt;
        yield* turn;
        yield* turn;
        r.resolve("value");
      });
    });
    expect(log).toEqual(["value", "value"]);
  });
});
