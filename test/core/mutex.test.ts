import { describe, expect, it } from "vitest";
import {
  Cancel,
  Cancelled,
  DeadlockDetected,
  Fiber,
  Multiple,
  Mutex,
  Poisoned,
  Switch,
  SysError,
  type Op,
} from "trestle";
import { run } from "trestle/mock";
import { steps, thrownBy, transcript, type Note } from "./transcript.js";

const ALREADY_UNLOCKED = "Eio.Mutex.unlock: already unlocked!";

/** Locks, yields inside, unlocks. */
function* visit(mutex: Mutex, note: Note, name: string): Op<void> {
  yield* mutex.lock();
  note(`${name} in`);
  yield* Fiber.yield();
  note(`${name} out`);
  mutex.unlock();
}

/** What an op throws. */
function* failureOf(op: Op<unknown>): Op<unknown> {
  try {
    yield* op;
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

/** Every way to ask for the lock. */
const requests: [string, (mutex: Mutex) => Op<unknown>][] = [
  ["lock", (mutex) => mutex.lock()],
  ["hold", (mutex) => mutex.hold()],
  ["useRo", (mutex) => mutex.useRo(() => Fiber.yield())],
  ["useRw", (mutex) => mutex.useRw(() => Fiber.yield())],
];

function poisonedBy(reason: unknown): Mutex {
  const mutex = new Mutex({ name: "broken" });
  const body = () => {
    throw reason;
  };
  expect(thrownBy(() => run(() => mutex.useRw(body)))).toBe(reason);
  return mutex;
}

describe("lock and unlock", () => {
  it("MX-01 without contention nobody else runs in between", () => {
    const log = transcript((note) =>
      Fiber.both(
        () => steps(note, "other", 2),
        function* () {
          const mutex = new Mutex();
          for (let i = 1; i <= 2; i++) {
            yield* mutex.lock();
            note(`locked ${mutex.isLocked()}`);
            mutex.unlock();
            note(`locked ${mutex.isLocked()}`);
          }
          yield* mutex.useRo(() => mutexNote(note, "ro"));
          yield* mutex.useRw(() => mutexNote(note, "rw"));
          (yield* mutex.hold()).unlock();
        },
      ),
    );
    const inside = ["locked true", "locked false"];
    expect(log).toEqual(["other1", ...inside, ...inside, "ro", "rw", "other2"]);
  });

  it("MX-02 MX-04 of four fibers the first locks, and then each unlock lets one in, in order of arrival", () => {
    const log = transcript(function* (note) {
      const mutex = new Mutex();
      yield* Fiber.forEach(["a", "b", "c", "d"], (name) => visit(mutex, note, name));
      note(`locked ${mutex.isLocked()}`);
    });
    expect(log).toEqual([...["a", "b", "c", "d"].flatMap((name) => [`${name} in`, `${name} out`]), "locked false"]);
  });

  it("MX-03 unlock hands the lock over: nobody gets in before the waiter resumes, and the unlocker goes on first", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const mutex = new Mutex();
        yield* mutex.lock();
        yield* Fiber.fork(sw, function* () {
          yield* mutex.lock();
          note("waiter");
          mutex.unlock();
        });
        mutex.unlock();
        note(`free: ${mutex.tryLock()}`);
        yield* Fiber.yield();
        note(`free: ${mutex.tryLock()}`);
      }),
    );
    expect(log).toEqual(["free: false", "waiter", "free: true"]);
  });

  it("MX-05 a free lock is taken without a check; a wait for it is not begun in a cancelled context, and can be cancelled", () => {
    for (const [name, request] of requests.slice(0, 2)) {
      const log = transcript((note) =>
        Cancel.sub(function* (cc) {
          const mutex = new Mutex();
          cc.cancel("stop");
          yield* request(mutex);
          note(`${name}: ${mutex.isLocked()}`);
          yield* request(mutex);
        }),
      );
      expect(log).toEqual([`${name}: true`, "threw Cancelled: stop"]);
    }
    for (const [, request] of requests) {
      const log = transcript((note) =>
        Cancel.sub(function* (cc) {
          const mutex = new Mutex();
          mutex.tryLock();
          yield* Fiber.both(
            () => request(mutex),
            function* () {
              cc.cancel("stop");
              note("cancelled");
            },
          );
        }),
      );
      expect(log).toEqual(["cancelled", "threw Cancelled: stop"]);
    }
  });

  it("MX-06 MX-15 a cancelled waiter is removed, and the lock goes to the next one or becomes free", () => {
    for (const [name, request] of requests) {
      for (const another of [true, false]) {
        const log = transcript(function* (note) {
          const mutex = new Mutex();
          yield* mutex.lock();
          yield* Switch.run(function* (sw) {
            yield* Fiber.fork(sw, () =>
              Fiber.first(
                () => request(mutex),
                () => Fiber.yield(),
              ),
            );
            if (another) yield* Fiber.fork(sw, () => visit(mutex, note, "c"));
            yield* Fiber.yield();
            yield* Fiber.yield();
            mutex.unlock();
          });
          note(`free: ${mutex.tryLock()}`);
        });
        expect([name, ...log]).toEqual([name, ...(another ? ["c in", "c out"] : []), "free: true"]);
      }
    }
  });

  it("MX-07 a waiter that was handed the lock and is cancelled before it resumes owns it", () => {
    const log = transcript((note) =>
      Cancel.sub((cc) => {
        const mutex = new Mutex();
        return Fiber.all([
          function* () {
            yield* mutex.lock();
            yield* Fiber.yield();
            mutex.unlock();
            cc.cancel("stop");
          },
          function* () {
            yield* mutex.lock();
            note(`owner, cancelled: ${Fiber.isCancelled()}, locked: ${mutex.isLocked()}`);
            mutex.unlock();
          },
        ]);
      }),
    );
    expect(log).toEqual(["owner, cancelled: true, locked: true"]);
  });

  it("MX-17 tryLock says whether it was free, and never waits", () => {
    const mutex = new Mutex();
    expect([mutex.tryLock(), mutex.tryLock(), mutex.isLocked()]).toEqual([true, false, true]);
    mutex.unlock();
    expect([mutex.isLocked(), mutex.tryLock()]).toEqual([false, true]);
  });

  it("MX-19 locking twice in one fiber waits for ever, and the report says who holds the lock", () => {
    const thrown = thrownBy(() =>
      run(function* () {
        const mutex = new Mutex({ name: "accounts" });
        yield* mutex.lock();
        yield* mutex.lock();
      }),
    ) as DeadlockDetected;
    expect(thrown).toBeInstanceOf(DeadlockDetected);
    expect(thrown.waiting.map(({ id, waitsFor }) => [id, waitsFor])).toEqual([
      [2, 'Mutex "accounts", held by fiber 2 "main"'],
    ]);
  });

  it("the report names the present holder, after a hand-over too, and nobody for a lock taken outside of fibers", () => {
    const waits = (hand: boolean) => {
      const mutex = new Mutex();
      if (!hand) mutex.tryLock();
      const thrown = thrownBy(() =>
        run(() =>
          Fiber.all([
            function* holder() {
              yield* mutex.lock();
              yield* Fiber.yield();
              mutex.unlock();
            },
            function* next() {
              yield* mutex.lock();
              yield* Fiber.awaitCancel();
            },
            function* last() {
              yield* mutex.lock();
            },
          ]),
        ),
      ) as DeadlockDetected;
      const last = thrown.waiting.find(({ waitsFor }) => waitsFor.startsWith("Mutex"));
      return last?.waitsFor.replace(/\d+/g, "N");
    };
    expect(waits(true)).toBe('Mutex N, held by fiber N "next"');
    expect(waits(false)).toBe("Mutex N");
  });

  it("the lock passes over fibers that were given up in a dead-lock", () => {
    const mutex = new Mutex();
    mutex.tryLock();
    expect(() => run(() => mutex.lock())).toThrow(DeadlockDetected);
    const log = transcript((note) =>
      Fiber.both(
        () => visit(mutex, note, "alive"),
        function* () {
          mutex.unlock();
        },
      ),
    );
    expect(log).toEqual(["alive in", "alive out"]);
    expect(mutex.isLocked()).toBe(false);
  });
});

function* mutexNote(note: Note, line: string): Op<void> {
  note(line);
}

describe("poison", () => {
  it("MX-08 MX-09 unlocking what is not locked throws and poisons; everything after that throws Poisoned", () => {
    const mutex = new Mutex();
    mutex.tryLock();
    mutex.unlock();
    const error = thrownBy(() => mutex.unlock());
    expect(error).toBeInstanceOf(SysError);
    expect(error).toMatchObject({ name: "SysError", code: "SYS_ERROR", message: ALREADY_UNLOCKED });
    expect(mutex.isLocked()).toBe(false);
    const plain = [() => mutex.tryLock(), () => mutex.unlock(), () => mutex.tryHold()].map(thrownBy);
    const thrown = run(() => Fiber.map(requests, ([, request]) => failureOf(request(mutex))));
    for (const poisoned of [...plain, ...thrown]) {
      expect(poisoned).toBeInstanceOf(Poisoned);
      expect(poisoned).toMatchObject({ name: "Poisoned", code: "POISONED", reason: error, cause: error });
    }
    expect((mutex.getError() as Error).message).toBe(`the mutex was poisoned: SysError: ${ALREADY_UNLOCKED}`);
  });

  it("MX-11 given the body of useRw throws, the mutex is poisoned with that error, and the error is thrown on", () => {
    const reason = { not: "even an Error" };
    const mutex = poisonedBy(reason);
    expect(mutex.getError()).toBeInstanceOf(Poisoned);
    expect((mutex.getError() as Poisoned).reason).toBe(reason);
    expect(mutex.isLocked()).toBe(false);
    expect((mutex.getError() as Poisoned).message).toBe('the mutex "broken" was poisoned: [object Object]');
    for (const protect of [true, false]) {
      const other = new Mutex();
      const late = new Error("after a suspension");
      const body = function* () {
        yield* Fiber.yield();
        throw late;
      };
      expect(thrownBy(() => run(() => other.useRw(body, { protect })))).toBe(late);
      expect((other.getError() as Poisoned).reason).toBe(late);
    }
  });

  it("the first reason stays: who breaks a broken thing further does not hide how it began", () => {
    const mutex = new Mutex();
    const twice = function* () {
      mutex.unlock();
      expect(() => mutex.unlock()).toThrow(SysError);
      throw new Error("second");
    };
    expect(thrownBy(() => run(() => mutex.useRw(twice)))).toEqual(new Error("second"));
    expect((mutex.getError() as Poisoned).reason).toBeInstanceOf(SysError);
  });

  it("MX-12 poisoning wakes all waiters, in order of arrival, and each throws Poisoned", () => {
    const error = new Error("half done");
    const seen: [string, unknown][] = [];
    run(() =>
      Switch.run(function* (sw) {
        const mutex = new Mutex();
        const failure = yield* failureOf(
          mutex.useRw(function* () {
            for (const [name, request] of requests) {
              yield* Fiber.fork(sw, function* () {
                seen.push([name, yield* failureOf(request(mutex))]);
              });
            }
            throw error;
          }),
        );
        expect(failure).toBe(error);
        expect(seen).toEqual([]);
      }),
    );
    expect(seen.map(([name]) => name)).toEqual(requests.map(([name]) => name));
    for (const [, poisoned] of seen) {
      expect(poisoned).toBeInstanceOf(Poisoned);
      expect((poisoned as Poisoned).reason).toBe(error);
    }
  });

  it("MX-12 a waiter woken by poison gets Poisoned although it is cancelled before it resumes", () => {
    const log = transcript((note) =>
      Cancel.sub((cc) => {
        const mutex = new Mutex();
        return Fiber.both(
          function* () {
            const body = function* () {
              yield* Fiber.yield();
              throw new Error("half done");
            };
            yield* failureOf(mutex.useRw(body));
            cc.cancel("stop");
          },
          function* () {
            note(String(yield* failureOf(mutex.lock())));
          },
        );
      }),
    );
    expect(log).toEqual(["Poisoned: the mutex was poisoned: Error: half done"]);
  });
});

describe("useRw and useRo", () => {
  it("MX-10 give the body's value, and the lock back", () => {
    const mutex = new Mutex();
    const body = function* () {
      expect(mutex.isLocked()).toBe(true);
      yield* Fiber.yield();
      return "value";
    };
    for (const op of [mutex.useRw(body), mutex.useRw(body, { protect: false }), mutex.useRo(body)]) {
      expect(run(() => op)).toBe("value");
      expect(mutex.isLocked()).toBe(false);
    }
  });

  it("MX-13 by default, and with protect: true, the body completes, and the cancellation is met at the next check", () => {
    for (const options of [undefined, { protect: true }]) {
      const log = transcript((note) =>
        Cancel.sub((cc) => {
          const mutex = new Mutex();
          return Fiber.both(
            function* () {
              note(
                yield* mutex.useRw(function* () {
                  yield* steps(note, "body", 3);
                  return `value, cancelled: ${cc.getError() !== undefined}`;
                }, options),
              );
              note(`usable: ${mutex.tryLock()}`);
              yield* Fiber.yield();
              note("never");
            },
            function* () {
              cc.cancel("stop");
            },
          );
        }),
      );
      expect(log).toEqual([
        "body1",
        "body2",
        "body3",
        "value, cancelled: true",
        "usable: true",
        "threw Cancelled: stop",
      ]);
    }
  });

  it("MX-14 with protect: false a cancellation during the body poisons the mutex with the Cancelled error", () => {
    const mutex = new Mutex();
    const thrown = thrownBy(() =>
      run(() =>
        Cancel.sub((cc) =>
          Fiber.both(
            () => mutex.useRw(() => Fiber.awaitCancel(), { protect: false }),
            function* () {
              cc.cancel("stop");
            },
          ),
        ),
      ),
    );
    expect(thrown).toBeInstanceOf(Cancelled);
    expect((mutex.getError() as Poisoned).reason).toBe(thrown);
  });

  it("MX-15 protect does not cover the wait for the lock, nor is the mutex harmed by it", () => {
    const mutex = new Mutex();
    mutex.tryLock();
    const log = transcript((note) =>
      Cancel.sub((cc) =>
        Fiber.both(
          () => mutex.useRw(() => mutexNote(note, "never"), { protect: true }),
          function* () {
            cc.cancel("stop");
          },
        ),
      ),
    );
    expect(log).toEqual(["threw Cancelled: stop"]);
    mutex.unlock();
    expect(mutex.tryLock()).toBe(true);
  });

  it("MX-16 given the body of useRo throws, or is cancelled, the mutex is unlocked and stays usable", () => {
    const mutex = new Mutex();
    const error = new Error("reading");
    const body = function* () {
      yield* Fiber.yield();
      throw error;
    };
    expect(thrownBy(() => run(() => mutex.useRo(body)))).toBe(error);
    expect(mutex.tryLock()).toBe(true);
    mutex.unlock();
    run(() =>
      Fiber.first(
        () => mutex.useRo(() => Fiber.awaitCancel()),
        () => Fiber.yield(),
      ),
    );
    expect(mutex.tryLock()).toBe(true);
  });

  it("MX-18 sections never overlap, whether they write or only read", () => {
    const log = transcript(function* (note) {
      const mutex = new Mutex();
      const inside = (name: string) => () => steps(note, name, 2);
      yield* Fiber.all([
        () => mutex.useRw(inside("w")),
        () => mutex.useRo(inside("r")),
        () => mutex.useRo(inside("s")),
        () => mutex.useRw(inside("x"), { protect: false }),
      ]);
    });
    expect(log).toEqual(["w1", "w2", "r1", "r2", "s1", "s2", "x1", "x2"]);
  });

  it("given the body unlocks the mutex itself, that is reported, along with the body's own error", () => {
    const mutex = new Mutex();
    const twice = thrownBy(() =>
      run(() =>
        mutex.useRo(function* () {
          mutex.unlock();
        }),
      ),
    );
    expect(twice).toBeInstanceOf(SysError);
    const other = new Mutex();
    const both = thrownBy(() =>
      run(() =>
        other.useRo(function* () {
          other.unlock();
          throw new Error("body");
        }),
      ),
    ) as Multiple;
    expect(both.errors.map(String)).toEqual(["Error: body", `SysError: ${ALREADY_UNLOCKED}`]);
    const third = new Mutex();
    const poisoned = thrownBy(() =>
      run(() =>
        third.useRo(function* () {
          third.unlock();
          third.unlock();
        }),
      ),
    );
    expect(poisoned).toBeInstanceOf(SysError);
  });
});
