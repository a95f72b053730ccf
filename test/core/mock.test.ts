import { describe, expect, it } from "vitest";
import { DeadlockDetected, Deferred, Fiber, InvalidArgument, NestedRunError, Switch, currentFiber } from "trestle";
import { MockClock, run } from "trestle/mock";
import { thrownBy, transcript } from "./transcript.js";

describe("run", () => {
  it("MK-01 MK-03 MK-04 runs synchronously; the clocks jump when all sleep, from 0, and show the same time", () => {
    const log = transcript(function* (note, { clock, monoClock, backendId }) {
      note(`${backendId} ${clock.now()} ${monoClock.now()}`);
      yield* Fiber.both(
        () => clock.sleep(1.5),
        () => monoClock.sleep(0.5),
      );
      note(`${clock.now()} ${monoClock.now()}`);
    });
    expect(log).toEqual(["mock 0 0", "1.5 1500000000"]);
  });

  it("MK-02 an empty queue before the body has returned is a dead-lock; with nobody waiting at all, too", () => {
    const [never] = Deferred.create<void>();
    expect(thrownBy(() => run(() => never.await()))).toBeInstanceOf(DeadlockDetected);
  });

  it("MK-05 EX-19 an error of the body is thrown with its own stack", () => {
    function innermost(): never {
      throw new Error("deep");
    }
    const thrown = thrownBy(() =>
      run(() =>
        Switch.run(function* (sw) {
          yield* Fiber.fork(sw, function* () {
            yield* Fiber.yield();
            innermost();
          });
        }),
      ),
    ) as Error;
    expect(thrown.stack).toContain("innermost");
  });

  it("each run counts fibers from the start; one inside another is refused, and the outer one goes on", () => {
    const ids = () =>
      run(function* () {
        return yield* Fiber.map([1, 2], function* () {
          yield* Fiber.yield();
          return currentFiber().id;
        });
      });
    const first = ids();
    run(function* main() {
      const { id } = currentFiber();
      const thrown = thrownBy(ids);
      expect(thrown).toBeInstanceOf(NestedRunError);
      expect((thrown as NestedRunError).code).toBe("NESTED_RUN");
      expect((thrown as Error).message).toMatch(/^mock\.run: called inside fiber \d+ "main"/);
      expect(currentFiber().id).toBe(id);
      yield* Fiber.yield();
    });
    expect(ids()).toEqual(first);
  });
});

describe("MockClock", () => {
  it("MK-17 MK-18 setTime wakes all who are due, earliest first, then traces; back in time it wakes nobody", () => {
    const log = transcript(function* (note) {
      const clock = new MockClock({ trace: note });
      yield* Switch.run(function* (sw) {
        for (const at of [3, 1, 2, 2, 9]) {
          yield* Fiber.forkDaemon(sw, function* () {
            yield* clock.sleepUntil(at);
            note(`woken for ${at} at ${clock.now()}`);
          });
        }
        clock.setTime(5);
        note("setTime has returned");
        yield* Fiber.yield();
        clock.setTime(0);
        yield* Fiber.yield();
      });
    });
    expect(log).toEqual([
      "mock time is now 5",
      "setTime has returned",
      "woken for 1 at 5",
      "woken for 2 at 5",
      "woken for 2 at 5",
      "woken for 3 at 5",
      "mock time is now 0",
    ]);
  });

  it("MK-19 MK-20 advance goes to the next deadline, and finds nothing when the sleeper was cancelled", () => {
    run(function* () {
      const clock = new MockClock();
      expect(clock.tryAdvance()).toBe(false);
      const thrown = thrownBy(() => clock.advance());
      expect(thrown).toBeInstanceOf(InvalidArgument);
      expect((thrown as Error).message).toBe("No further events scheduled on mock clock");
      yield* Fiber.both(
        () => clock.sleep(7),
        function* () {
          clock.advance();
          expect(clock.now()).toBe(7);
        },
      );
      yield* Fiber.first(
        () => clock.sleep(7),
        () => Fiber.yield(),
      );
      expect(clock.tryAdvance()).toBe(false);
    });
  });
});
