// Lifetimes that a block declares with `using` and `await using`.

import { describe, expect, it } from "vitest";
import { Cancel, Fiber, Mutex, Poisoned, Semaphore, SysError, type Op } from "trestle";
import { run } from "trestle/mock";
import { steps, thrownBy, transcript } from "./transcript.js";

describe("a permit of a semaphore", () => {
  it("is given back at the end of the block, however that ends", () => {
    const sem = new Semaphore(1);
    function* block(error?: Error): Op<string> {
      using _permit = yield* sem.hold();
      expect(sem.value).toBe(0);
      yield* Fiber.yield();
      if (error) throw error;
      return "value";
    }
    expect(run(() => block())).toBe("value");
    expect(sem.value).toBe(1);
    const error = new Error("block");
    expect(thrownBy(() => run(() => block(error)))).toBe(error);
    expect(sem.value).toBe(1);
    run(() =>
      Fiber.first(
        () => block(),
        () => Fiber.yield(),
      ),
    );
    expect(sem.value).toBe(1);
  });

  it("can be given back before; disposing twice is harmless", () => {
    const sem = new Semaphore(1);
    run(function* () {
      using permit = yield* sem.hold();
      permit.release();
      expect(sem.value).toBe(1);
      permit.release();
      permit[Symbol.dispose]();
    });
    expect(sem.value).toBe(1);
  });

  it("SM-02 SM-03 SM-08 hold takes a permit as acquire does: at once, in order of arrival, and in spite of a cancellation", () => {
    const log = transcript((note) =>
      Cancel.sub((cc) => {
        const sem = new Semaphore(1);
        const visit = (name: string) =>
          function* () {
            using _permit = yield* sem.hold();
            note(`${name}, cancelled: ${Fiber.isCancelled()}`);
            yield* Cancel.protect(() => Fiber.yield());
          };
        return Fiber.all([
          visit("a"),
          visit("b"),
          () => Cancel.protect(() => steps(note, "other", 2)),
          function* () {
            yield* Fiber.yield();
            // By now a has given its permit to b, which has not resumed.
            cc.cancel("stop");
          },
        ]);
      }),
    );
    expect(log).toEqual(["a, cancelled: false", "other1", "other2", "b, cancelled: true"]);
  });

  it("tryHold does not wait", () => {
    const sem = new Semaphore(1);
    {
      using permit = sem.tryHold();
      expect(permit).toBeDefined();
      using none = sem.tryHold();
      expect(none).toBe(undefined);
    }
    expect(sem.value).toBe(1);
  });
});

describe("the lock of a mutex", () => {
  it("is given back at the end of the block; a throw, or a cancellation, does not poison it", () => {
    const mutex = new Mutex();
    function* block(error?: Error): Op<string> {
      using _held = yield* mutex.hold();
      expect(mutex.isLocked()).toBe(true);
      yield* Fiber.yield();
      if (error) throw error;
      return "value";
    }
    expect(run(() => block())).toBe("value");
    expect([mutex.isLocked(), mutex.getError()]).toEqual([false, undefined]);
    const error = new Error("block");
    expect(thrownBy(() => run(() => block(error)))).toBe(error);
    expect([mutex.isLocked(), mutex.getError()]).toEqual([false, undefined]);
    run(() =>
      Fiber.first(
        () => block(),
        () => Fiber.yield(),
      ),
    );
    expect([mutex.isLocked(), mutex.getError()]).toEqual([false, undefined]);
  });

  it("can be given back before; disposing twice is harmless, also when somebody else has the lock by then", () => {
    const mutex = new Mutex();
    run(function* () {
      using held = yield* mutex.hold();
      held.unlock();
      expect(mutex.tryLock()).toBe(true);
      held.unlock();
      held[Symbol.dispose]();
      expect(mutex.isLocked()).toBe(true);
    });
    expect(mutex.isLocked()).toBe(true);
  });

  it("unlocked behind its back, it says so at the end of the block", () => {
    const mutex = new Mutex();
    const thrown = thrownBy(() =>
      run(function* () {
        using _held = yield* mutex.hold();
        mutex.unlock();
      }),
    );
    expect(thrown).toBeInstanceOf(SysError);
    expect(thrownBy(() => run(() => mutex.hold()))).toBeInstanceOf(Poisoned);
  });

  it("tryHold does not wait", () => {
    const mutex = new Mutex();
    {
      using held = mutex.tryHold();
      expect(held).toBeDefined();
      using none = mutex.tryHold();
      expect(none).toBe(undefined);
    }
    expect(mutex.isLocked()).toBe(false);
  });
});
