import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  Cancel,
  Condition,
  DeadlockDetected,
  Fiber,
  Multiple,
  Mutex,
  Poisoned,
  Switch,
  SysError,
  currentFiber,
  startRoot,
  type Op,
} from "trestle";
import { run } from "trestle/mock";
import { thrownBy, transcript, type Note } from "./transcript.js";

const isEmpty = (condition: Condition) => (condition as unknown as { waiters: { isEmpty: boolean } }).waiters.isEmpty;

function* waitFor(condition: Condition, note: Note, name: string): Op<void> {
  yield* condition.awaitNoMutex();
  note(name);
}

/** Every way to wait for a broadcast. */
const waits: [string, (condition: Condition) => Op<unknown>][] = [
  ["awaitNoMutex", (condition) => condition.awaitNoMutex()],
  ["await", (condition) => withMutex(condition)],
  ["loopNoMutex", (condition) => condition.loopNoMutex(sequence([undefined, "value"]))],
];

function* withMutex(condition: Condition): Op<void> {
  const mutex = new Mutex();
  yield* mutex.lock();
  yield* condition.await(mutex);
}

/** An `update` that gives one value after another. */
function sequence<T>(values: T[]): () => Op<T> {
  let next = 0;
  return function* () {
    return values[next++]!;
  };
}

describe("broadcast", () => {
  it("CD-01 CD-16 wakes all, in order of arrival, callbacks at once and in their turn; the broadcaster goes on first", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const condition = new Condition();
        yield* Fiber.fork(sw, () => waitFor(condition, note, "a"));
        condition.registerImmediate(() => note(`callback, still waiting: ${!isEmpty(condition)}`));
        yield* Fiber.fork(sw, function* () {
          yield* condition.loopNoMutex(sequence([undefined, 1]));
          note("b");
        });
        yield* Fiber.fork(sw, () => waitFor(condition, note, "c"));
        condition.registerImmediate(() => note(`callback, still waiting: ${!isEmpty(condition)}`));
        yield* Fiber.fork(sw, function* () {
          note("already queued");
          yield* Fiber.yield();
          note("already queued");
        });
        condition.broadcast();
        note("broadcaster");
      }),
    );
    expect(log).toEqual([
      "already queued",
      "callback, still waiting: true",
      "callback, still waiting: false",
      "broadcaster",
      "already queued",
      "a",
      "b",
      "c",
    ]);
  });

  it("CD-02 UT-04 without waiters does nothing, is not remembered, and can be called from anywhere", () => {
    const condition = new Condition();
    condition.broadcast();
    condition.broadcast();
    const log = transcript((note) =>
      Fiber.both(
        () => waitFor(condition, note, "woken"),
        function* () {
          yield* Fiber.yield();
          note("not woken yet");
          condition.broadcast();
        },
      ),
    );
    expect(log).toEqual(["not woken yet", "woken"]);
    expect(isEmpty(condition)).toBe(true);
  });

  it("UT-04 those that come while it runs are not woken by it, not even when it is nested", () => {
    for (const nested of [false, true]) {
      const condition = new Condition();
      const log: string[] = [];
      const register = (name: string) =>
        condition.registerImmediate(() => {
          log.push(name);
          if (name.length < 4) register(`${name}+`);
          if (nested && name === "a") condition.broadcast();
        });
      register("a");
      register("b");
      condition.broadcast();
      // The nested one comes after a+ was registered, so it is for a+ too.
      expect(log).toEqual(nested ? ["a", "b", "a+"] : ["a", "b"]);
      log.length = 0;
      condition.broadcast();
      expect(log).toEqual(nested ? ["b+", "a++"] : ["a+", "b+"]);
    }
  });

  it.each(waits)(
    "UT-04 %s: a fiber that is started by a callback and waits is not woken by the same broadcast",
    (_, wait) => {
      const log = transcript(function* (note) {
        const condition = new Condition();
        const parent = currentFiber().context;
        condition.registerImmediate(() => {
          startRoot(() => wait(condition), { parent, onDone: ({ ok }) => note(`done: ${ok}`) });
          note("started");
        });
        for (let i = 1; i <= 2; i++) {
          note(`broadcast ${i}`);
          condition.broadcast();
          for (let turn = 0; turn < 3; turn++) yield* Fiber.yield();
        }
      });
      expect(log).toEqual(["broadcast 1", "started", "broadcast 2", "done: true"]);
    },
  );

  it("a callback that throws keeps nobody from being woken; broadcast throws what all of them threw", () => {
    const log: string[] = [];
    const thrown = thrownBy(() =>
      run(() =>
        Switch.run(function* (sw) {
          const condition = new Condition();
          for (const name of ["1", "2"]) {
            condition.registerImmediate(() => {
              throw new Error(name);
            });
            yield* Fiber.fork(sw, () => waitFor(condition, (line) => void log.push(line), name));
          }
          try {
            condition.broadcast();
          } catch (error) {
            yield* Fiber.yield();
            throw error;
          }
        }),
      ),
    ) as Multiple;
    expect(thrown.errors.map(String)).toEqual(["Error: 1", "Error: 2"]);
    expect(log).toEqual(["1", "2"]);
  });

  it("passes over fibers that were given up in a dead-lock, and the report says what they wait for", () => {
    for (const [, wait] of waits) {
      for (const last of [["last"], []]) {
        const condition = new Condition({ name: "changed" });
        const log: string[] = [];
        condition.registerImmediate(() => {
          log.push("first");
          condition.registerImmediate(() => log.push("late"));
        });
        const thrown = thrownBy(() => run(() => wait(condition))) as DeadlockDetected;
        expect(thrown.waiting.map(({ waitsFor }) => waitsFor)).toEqual(['Condition "changed"']);
        for (const name of last) condition.registerImmediate(() => log.push(name));
        condition.broadcast();
        expect(log).toEqual(["first", ...last]);
      }
    }
    const thrown = thrownBy(() => run(() => new Condition().awaitNoMutex())) as DeadlockDetected;
    expect(thrown.waiting[0]!.waitsFor).toMatch(/^Condition \d+$/);
  });
});

describe("await", () => {
  it("CD-03 RB-02 the mutex is given back only when the fiber waits: who gets it and broadcasts at once wakes the waiter", () => {
    const log = transcript(function* (note) {
      const mutex = new Mutex();
      const condition = new Condition();
      yield* Fiber.both(
        function* () {
          yield* mutex.lock();
          yield* Fiber.yield();
          yield* condition.await(mutex);
          note(`woken, holds it: ${mutex.isLocked()}`);
          mutex.unlock();
        },
        function* () {
          yield* mutex.lock();
          note("changes");
          condition.broadcast();
          yield* Fiber.yield();
          note("unlocks");
          mutex.unlock();
        },
      );
    });
    expect(log).toEqual(["changes", "unlocks", "woken, holds it: true"]);
  });

  it("CD-04 CD-05 RB-01 a cancelled waiter holds the mutex again when it throws, even if it must wait for it", () => {
    for (const heldElsewhere of [false, true]) {
      const log = transcript(function* (note) {
        const mutex = new Mutex();
        const condition = new Condition();
        let waiter: Cancel.Context | undefined;
        yield* Fiber.all([
          () =>
            Fiber.first(
              () =>
                Cancel.sub(function* (cc) {
                  waiter = cc;
                  yield* mutex.lock();
                  try {
                    yield* condition.await(mutex);
                  } finally {
                    note(`handler, holds it: ${mutex.isLocked()}`);
                    mutex.unlock();
                  }
                }),
              () => Fiber.awaitCancel(),
            ),
          function* () {
            if (heldElsewhere) yield* mutex.lock();
            waiter!.cancel("stop");
            note("cancelled");
            for (let i = 0; i < 3; i++) yield* Fiber.yield();
            if (heldElsewhere) {
              note("unlocks");
              mutex.unlock();
            }
          },
        ]);
      });
      const handler = "handler, holds it: true";
      expect(log).toEqual([
        "cancelled",
        ...(heldElsewhere ? ["unlocks", handler] : [handler]),
        "threw Cancelled: stop",
      ]);
    }
  });

  it("CD-04 the wait for the mutex cannot be cancelled after a broadcast either, and the broadcast counts", () => {
    const log = transcript((note) =>
      Cancel.sub((cc) => {
        const mutex = new Mutex();
        const condition = new Condition();
        return Fiber.both(
          function* () {
            yield* mutex.lock();
            yield* condition.await(mutex);
            note(`returned, cancelled: ${Fiber.isCancelled()}, holds it: ${mutex.isLocked()}`);
            mutex.unlock();
          },
          () =>
            Cancel.protect(function* () {
              yield* mutex.lock();
              condition.broadcast();
              yield* Fiber.yield();
              cc.cancel("stop");
              yield* Fiber.yield();
              note("unlocks");
              mutex.unlock();
            }),
        );
      }),
    );
    expect(log).toEqual(["unlocks", "returned, cancelled: true, holds it: true"]);
  });

  it("CD-06 in a cancelled context it still gives the mutex back and takes it again, then throws", () => {
    const log = transcript(function* (note) {
      const mutex = new Mutex();
      const condition = new Condition();
      yield* mutex.lock();
      yield* Fiber.both(
        () =>
          mutex.useRo(function* () {
            note("other has it");
            yield* Fiber.yield();
          }),
        () =>
          Cancel.protect(() =>
            Cancel.sub(function* (cc) {
              cc.cancel("stop");
              try {
                yield* condition.await(mutex);
              } finally {
                note(`holds it: ${mutex.isLocked()}, registered: ${!isEmpty(condition)}`);
                mutex.unlock();
              }
            }),
          ),
      );
    });
    expect(log).toEqual(["other has it", "holds it: true, registered: false", "threw Cancelled: stop"]);
  });

  it("CD-07 given 5, 7 and 42 are set with a broadcast each, a waiter for 42 returns and sees it", () => {
    for (const pause of [false, true]) {
      let x = 0;
      const seen: number[] = [];
      run(function* () {
        const mutex = new Mutex();
        const condition = new Condition();
        yield* Fiber.both(
          () =>
            mutex.useRw(function* () {
              for (seen.push(x); x !== 42; seen.push(x)) yield* condition.await(mutex);
            }),
          function* () {
            for (const value of [5, 7, 42]) {
              yield* mutex.useRw(function* () {
                x = value;
                condition.broadcast();
              });
              if (pause) yield* Fiber.yield();
            }
          },
        );
      });
      expect(seen).toEqual(pause ? [0, 5, 7, 42] : [0, 42]);
    }
  });

  it("given the mutex is not locked, or poisoned, it throws before it waits", () => {
    const mutex = new Mutex();
    const condition = new Condition();
    expect(thrownBy(() => run(() => condition.await(mutex)))).toBeInstanceOf(SysError);
    expect(thrownBy(() => run(() => condition.await(mutex)))).toBeInstanceOf(Poisoned);
    expect(isEmpty(condition)).toBe(true);
  });

  it("given the mutex is poisoned meanwhile, it throws Poisoned, in a cancelled fiber as well", () => {
    for (const cancelled of [false, true]) {
      const log = transcript((note) =>
        Cancel.sub((cc) => {
          const mutex = new Mutex();
          const condition = new Condition();
          return Fiber.both(
            function* () {
              yield* mutex.lock();
              try {
                yield* condition.await(mutex);
              } catch (error) {
                note(`${String(error)}, held: ${mutex.isLocked()}`);
              }
            },
            function* () {
              const body = () =>
                Cancel.protect(function* () {
                  if (cancelled) cc.cancel("stop");
                  else condition.broadcast();
                  yield* Fiber.yield();
                  throw new Error("half done");
                });
              try {
                yield* mutex.useRw(body);
              } catch (error) {
                note(String(error));
              }
            },
          );
        }),
      );
      expect(log).toEqual(["Error: half done", "Poisoned: the mutex was poisoned: Error: half done, held: false"]);
    }
  });
});

describe("cancellation of a wait", () => {
  it.each(waits)("CD-08 CD-12 %s: a cancelled waiter throws, is gone, and gets no later broadcast", (_, wait) => {
    const condition = new Condition();
    const log = transcript(function* (note) {
      yield* Switch.run(function* (sw) {
        yield* Fiber.fork(sw, function* () {
          try {
            yield* Cancel.sub((cc) =>
              Fiber.both(
                () => wait(condition),
                function* () {
                  yield* Fiber.yield();
                  cc.cancel("stop");
                  note(`at once, registered: ${!isEmpty(condition)}`);
                },
              ),
            );
          } catch (error) {
            note(`${String(error)}, registered: ${!isEmpty(condition)}`);
          }
        });
        for (let i = 0; i < 4; i++) yield* Fiber.yield();
        yield* Fiber.fork(sw, () => waitFor(condition, note, "next"));
        condition.broadcast();
      });
    });
    expect(log).toEqual(["at once, registered: false", "Cancelled: stop, registered: false", "next"]);
  });

  it.each(waits)(
    "%s: in a cancelled context nothing is registered, and fibers queued earlier run first",
    (name, wait) => {
      const condition = new Condition();
      const log = transcript((note) =>
        Cancel.sub((cc) =>
          Fiber.both(
            () =>
              Cancel.protect(function* () {
                yield* Fiber.yield();
                note("queued earlier");
              }),
            function* () {
              cc.cancel("stop");
              try {
                yield* wait(condition);
              } finally {
                note(`registered: ${!isEmpty(condition)}`);
              }
            },
          ),
        ),
      );
      expect([name, ...log]).toEqual([name, "queued earlier", "registered: false", "threw Cancelled: stop"]);
    },
  );

  it("a fiber that was woken and then cancelled returns", () => {
    const log = transcript((note) =>
      Cancel.sub((cc) => {
        const condition = new Condition();
        return Fiber.both(
          () => waitFor(condition, note, "woken"),
          function* () {
            condition.broadcast();
            cc.cancel("stop");
          },
        );
      }),
    );
    expect(log).toEqual(["woken"]);
  });
});

describe("loopNoMutex", () => {
  it("CD-09 runs update at once; if that gives nothing, again after a broadcast", () => {
    const log = transcript(function* (note) {
      const condition = new Condition();
      note(yield* condition.loopNoMutex(sequence(["at once"])));
      expect(isEmpty(condition)).toBe(true);
      // Anything but undefined is a value.
      expect(yield* condition.loopNoMutex(sequence([null]))).toBe(null);
      let ready = false;
      yield* Fiber.both(
        function* () {
          note(
            yield* condition.loopNoMutex(function* () {
              note(`update, ready: ${ready}`);
              return ready ? "value" : undefined;
            }),
          );
        },
        function* () {
          for (let i = 0; i < 3; i++) yield* Fiber.yield();
          ready = true;
          note("broadcast");
          condition.broadcast();
        },
      );
      expect(isEmpty(condition)).toBe(true);
    });
    expect(log).toEqual(["at once", "update, ready: false", "broadcast", "update, ready: true", "value"]);
  });

  it("CD-10 broadcasts while update runs cause one more run right after it, however many there were", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const condition = new Condition();
        yield* Fiber.forkDaemon(sw, () =>
          condition.loopNoMutex(function* () {
            note("begin");
            yield* Fiber.yield();
            note("end");
            return undefined;
          }),
        );
        for (let i = 0; i < 3; i++) condition.broadcast();
        for (let i = 0; i < 5; i++) yield* Fiber.yield();
      }),
    );
    expect(log).toEqual(["begin", "end", "begin", "end"]);
  });

  it("CD-11 given x is set to 1, 2, 3, 4 with a yield between and update yields before it reads, it sees 1 and 3", () => {
    const log = transcript(function* (note) {
      const condition = new Condition();
      let x = 0;
      yield* Fiber.both(
        function* () {
          yield* condition.loopNoMutex(function* () {
            yield* Fiber.yield();
            note(`sees ${x}`);
            return x < 3 ? undefined : x;
          });
          note("returns");
        },
        function* () {
          for (const value of [1, 2, 3, 4]) {
            if (value > 1) yield* Fiber.yield();
            note(`sets ${value}`);
            x = value;
            condition.broadcast();
          }
        },
      );
    });
    expect(log).toEqual(["sets 1", "sees 1", "sets 2", "sets 3", "sees 3", "returns", "sets 4"]);
  });

  it("CD-13 given a broadcast and then a cancellation before it resumes, update runs once more, and the next wait throws", () => {
    // The broadcast comes while the fiber waits, or while update runs.
    for (const whileWaiting of [true, false]) {
      const log = transcript((note) =>
        Cancel.sub((cc) => {
          const condition = new Condition();
          return Fiber.both(
            () =>
              condition.loopNoMutex(function* () {
                note("update");
                if (!whileWaiting && !Fiber.isCancelled()) yield* Fiber.yield();
                return undefined;
              }),
            () =>
              Cancel.protect(function* () {
                condition.broadcast();
                if (!whileWaiting) yield* Fiber.yield();
                cc.cancel("stop");
              }),
          );
        }),
      );
      expect(log).toEqual(["update", "update", "threw Cancelled: stop"]);
    }
  });

  it("CD-14 given update throws, the registration is removed and the error propagates", () => {
    for (const suspends of [false, true]) {
      const condition = new Condition();
      const error = new Error("update");
      const update = function* () {
        if (suspends) yield* Fiber.yield();
        throw error;
      };
      expect(thrownBy(() => run(() => condition.loopNoMutex(update)))).toBe(error);
      expect(isEmpty(condition)).toBe(true);
      const early = () => {
        throw error;
      };
      expect(thrownBy(() => run(() => condition.loopNoMutex(early)))).toBe(error);
      expect(isEmpty(condition)).toBe(true);
    }
  });

  it("CD-15 given update gave nothing in a cancelled fiber, it throws even if a broadcast is pending", () => {
    for (const pending of [true, false]) {
      const log = transcript((note) =>
        Cancel.sub(function* (cc) {
          const condition = new Condition();
          try {
            yield* condition.loopNoMutex(function* () {
              note("update");
              if (pending) condition.broadcast();
              cc.cancel("stop");
              return undefined;
            });
          } finally {
            note(`registered: ${!isEmpty(condition)}`);
          }
        }),
      );
      expect(log).toEqual(["update", "registered: false", "threw Cancelled: stop"]);
    }
  });

  it("the same op can be run again", () => {
    run(function* () {
      const op = new Condition().loopNoMutex(sequence([1, 2]));
      expect([yield* op, yield* op]).toEqual([1, 2]);
    });
  });

  it("CD-18 PT-06 with several producers that increment and broadcast, the final value is always seen", () => {
    const turns = fc.array(fc.nat(3), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(
        fc.array(turns, { minLength: 1, maxLength: 4 }),
        turns,
        fc.boolean(),
        (producers, pauses, mutexed) => {
          const total = producers.flat().length;
          let x = 0;
          let looks = 0;
          const mutex = new Mutex();
          const condition = new Condition();
          function* yields(count: number): Op<void> {
            for (let i = 0; i < count; i++) yield* Fiber.yield();
          }
          function* update(): Op<number | undefined> {
            const read = x;
            yield* yields(pauses[looks++ % pauses.length]!);
            // What was read is old by now: only a broadcast tells.
            return read === total ? read : undefined;
          }
          function* consumer(): Op<number> {
            if (!mutexed) return yield* condition.loopNoMutex(update);
            return yield* mutex.useRw(function* () {
              for (;;) {
                const seen = yield* update();
                if (seen !== undefined) return seen;
                yield* condition.await(mutex);
              }
            });
          }
          function* produce(pauses: number[]): Op<void> {
            for (const pause of pauses) {
              yield* yields(pause);
              const increment = () => {
                x++;
                condition.broadcast();
              };
              if (!mutexed) increment();
              else
                yield* mutex.useRw(function* () {
                  yield* Fiber.yield();
                  increment();
                });
            }
          }
          const [seen] = run(() => Fiber.pair(consumer, () => Fiber.forEach(producers, produce)));
          expect(seen).toBe(total);
          expect(isEmpty(condition)).toBe(true);
        },
      ),
      { numRuns: 500, verbose: 1 },
    );
  });
});

describe("registerImmediate", () => {
  it("CD-17 cancel gives true if the callback will never run, false if it has run already; each runs at most once", () => {
    const condition = new Condition();
    let calls = 0;
    const request = condition.registerImmediate(() => {
      calls++;
      expect(request.cancel()).toBe(false);
    });
    condition.broadcast();
    condition.broadcast();
    expect(calls).toBe(1);
    expect(request.cancel()).toBe(false);

    const cancelled = condition.registerImmediate(() => expect.unreachable());
    expect([Condition.cancel(cancelled), cancelled.cancel()]).toEqual([true, true]);
    expect(isEmpty(condition)).toBe(true);
    condition.broadcast();
    expect(cancelled.cancel()).toBe(true);
  });

  it("CD-17 a callback may take others back that were to be called in the same broadcast", () => {
    const condition = new Condition();
    const log: string[] = [];
    const requests = ["a", "b", "c", "d"].map((name, index) =>
      condition.registerImmediate(() => {
        log.push(name);
        if (index === 0) log.push(String(requests[3]!.cancel()), String(requests[1]!.cancel()));
      }),
    );
    condition.broadcast();
    expect(log).toEqual(["a", "true", "true", "c"]);
    expect(isEmpty(condition)).toBe(true);
  });

  it("using takes the callback back at the end of the block", () => {
    const condition = new Condition();
    let calls = 0;
    {
      using _request = condition.registerImmediate(() => calls++);
      using _other = condition.registerImmediate(() => calls++);
      _other.cancel();
    }
    condition.broadcast();
    expect(calls).toBe(0);
  });
});

it("awaitNoMutex in a race that is lost leaves nothing behind", () => {
  const condition = new Condition();
  run(function* () {
    for (let i = 0; i < 1000; i++) {
      yield* Fiber.any([
        ...waits.map(
          ([, wait]) =>
            () =>
              wait(condition),
        ),
        () => Fiber.yield(),
      ]);
    }
  });
  expect(isEmpty(condition)).toBe(true);
});
