import { expect, it } from "vitest";
import { Cancel, type DeadlockDetected, Fiber, InvalidArgument, Semaphore, Switch, type Body } from "trestle";
import { run } from "trestle/mock";
import { steps, thrownBy, transcript } from "./transcript.js";

it("SM-01 a negative number is refused, 0 is allowed", () => {
  const thrown = thrownBy(() => new Semaphore(-1));
  expect(thrown).toBeInstanceOf(InvalidArgument);
  expect((thrown as Error).message).toBe("n < 0");
  expect(new Semaphore(0).getValue()).toBe(0);
});

it("SM-02 with a permit left, acquire neither switches fibers nor checks cancellation", () => {
  const log = transcript((note) =>
    Cancel.sub((cc) =>
      Fiber.both(
        () => Cancel.protect(() => steps(note, "other", 2)),
        function* () {
          cc.cancel("stop");
          yield* new Semaphore(1).acquire();
          note("acquired");
        },
      ),
    ),
  );
  expect(log).toEqual(["other1", "acquired", "other2"]);
});

it("SM-03 SM-05 release passes the permit to the longest-waiting fiber, and the value stays 0", () => {
  const log = transcript((note) =>
    Switch.run(function* (sw) {
      const sem = new Semaphore(0);
      for (const name of ["a", "b"]) {
        yield* Fiber.fork(sw, function* () {
          yield* sem.acquire();
          note(name);
        });
      }
      note(`value ${sem.getValue()}`);
      sem.release();
      note(`value ${sem.value}`);
      expect(sem.tryAcquire()).toBe(false);
      yield* Fiber.yield();
      sem.release();
    }),
  );
  expect(log).toEqual(["value 0", "value 0", "a", "b"]);
});

it("SM-04 release without waiters raises the value, past the initial one too", () => {
  const sem = new Semaphore(1);
  sem.release();
  sem.release();
  expect(sem.getValue()).toBe(3);
});

it("SM-06 given 2 permits and 4 fibers that acquire, yield and release, both releases come before the next two", () => {
  const log = transcript(function* (note) {
    const sem = new Semaphore(2);
    yield* Fiber.forEach(["a", "b", "c", "d"], function* (name) {
      yield* sem.acquire();
      note(`${name} acquired`);
      yield* Fiber.yield();
      note(`${name} releases`);
      sem.release();
    });
  });
  expect(log).toEqual([
    "a acquired",
    "b acquired",
    "a releases",
    "b releases",
    "c acquired",
    "d acquired",
    "c releases",
    "d releases",
  ]);
});

it("SM-07 SM-10 a cancelled waiter undoes its request, and the permit is not lost", () => {
  const log = transcript(function* (note) {
    const sem = new Semaphore(1);
    yield* sem.acquire();
    yield* Switch.run(function* (sw) {
      const cancelled = yield* Fiber.forkPromise(sw, () =>
        Cancel.sub(function* (cc) {
          yield* Fiber.both(
            () => sem.acquire(),
            function* () {
              yield* Fiber.yield();
              cc.cancel("stop");
            },
          );
        }),
      );
      yield* Fiber.fork(sw, function* () {
        yield* sem.acquire();
        note("c");
        sem.release();
      });
      yield* cancelled.await();
      sem.release();
      note("released");
    });
    note(`value ${sem.getValue()}`);
  });
  expect(log).toEqual(["released", "c", "value 1"]);
});

it("SM-08 a waiter that was given the permit and is cancelled before it resumes has it", () => {
  run(() =>
    Cancel.sub((cc) => {
      const sem = new Semaphore(0);
      return Fiber.both(
        function* () {
          yield* sem.acquire();
          expect(Fiber.isCancelled()).toBe(true);
          expect(sem.getValue()).toBe(0);
        },
        function* () {
          sem.release();
          cc.cancel("stop");
        },
      );
    }),
  );
});

it("SM-09 acquire that would wait in a cancelled context throws, and leaves the counter unchanged", () => {
  const sem = new Semaphore(0);
  const log = transcript(() =>
    Cancel.sub(function* (cc) {
      cc.cancel("stop");
      yield* sem.acquire();
    }),
  );
  expect(log).toEqual(["threw Cancelled: stop"]);
  sem.release();
  expect(sem.getValue()).toBe(1);
});

it("SM-11 PT-03 racing acquire against yield, and releasing when it won, restores the value after 100,000 rounds", () => {
  run(function* () {
    const sem = new Semaphore(3);
    yield* Fiber.forEach(Array.from({ length: 10 }), function* (_, i) {
      for (let round = 0; round < 10_000; round++) {
        let acquired = false;
        yield* Fiber.first(
          function* () {
            yield* sem.acquire();
            acquired = true;
            yield* Fiber.yield();
          },
          function* () {
            for (let n = 0; n <= (i + round) % 3; n++) yield* Fiber.yield();
          },
        );
        if (acquired) sem.release();
      }
    });
    expect(sem.getValue()).toBe(3);
  });
});

it("use gives the permit back however the body ends", () => {
  const log = transcript(function* (note) {
    const sem = new Semaphore(1);
    note(
      yield* sem.use(function* () {
        note(`in use: ${sem.value}`);
        yield* Fiber.yield();
        return "value";
      }),
    );
    try {
      yield* sem.use(function* () {
        throw new Error("body");
      });
    } catch (error) {
      note(String(error));
    }
    yield* sem.acquire();
    yield* Fiber.first(
      () => sem.use(() => steps(note, "never", 1)),
      () => Fiber.yield(),
    );
    sem.release();
    yield* Fiber.both(
      () => sem.use(() => steps(note, "a", 2)),
      () => sem.use(() => steps(note, "b", 2)),
    );
    note(`value ${sem.value}`);
  });
  expect(log).toEqual(["in use: 0", "value", "Error: body", "a1", "a2", "b1", "b2", "value 1"]);
});

it("a dead-lock report says which semaphore a fiber waits for, by its name", () => {
  const ops: Body<unknown>[] = [
    () => new Semaphore(0, { name: "slots" }).acquire(),
    () => new Semaphore(0, { name: "slots" }).hold(),
    () => new Semaphore(0).hold(),
  ];
  const waits = ops.map((wait) => (thrownBy(() => run(wait)) as DeadlockDetected).waiting[0]!.waitsFor);
  expect(waits).toEqual(['Semaphore "slots"', 'Semaphore "slots"', "Semaphore.hold"]);
});
