// The queues under the primitives: who waits, and what is due when.

import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { Cancel, Condition, Deferred, Fiber, Lazy, Multiple, Mutex, Semaphore, Stream, Switch, type Op } from "trestle";
import { MockClock, run } from "trestle/mock";
import { systemClock } from "trestle/system-clock";
import { Timers, type Timer } from "../../core/engine/timers.js";
import { Waiters, type Queued } from "../../core/engine/waiters.js";
import { thrownBy, transcript, type Note } from "./transcript.js";

class Waiter implements Queued {
  previousWaiter: Queued | undefined = undefined;
  nextWaiter: Queued | undefined = undefined;
  readonly name: number;
  private readonly woken: unknown[];
  private readonly alive: boolean;

  constructor(name: number, woken: unknown[], alive = true) {
    this.name = name;
    this.woken = woken;
    this.alive = alive;
  }

  wake(value: unknown, failed = false): boolean {
    if (this.alive) this.woken.push(failed ? [this.name, value, "failed"] : [this.name, value]);
    return this.alive;
  }
}

describe("a queue of waiters", () => {
  it("UT-03 does what a list does, whoever leaves it, and keeps nothing of those who have left", () => {
    const commands = fc.array(
      fc.oneof(
        fc.constant({ kind: "add" as const, at: 0 }),
        fc.record({ kind: fc.constantFrom("remove", "wake", "all", "fail"), at: fc.nat(10) }),
      ),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(commands, (commands) => {
        const waiters = new Waiters();
        const woken: unknown[] = [];
        const expected: unknown[] = [];
        let model: Waiter[] = [];
        const gone: Waiter[] = [];
        let names = 0;
        for (const { kind, at } of commands) {
          if (kind === "add") {
            const waiter = new Waiter(names++, woken);
            model.push(waiter);
            waiters.add(waiter);
          } else if (kind === "remove" && model.length > 0) {
            const [waiter] = model.splice(at % model.length, 1);
            waiters.remove(waiter!);
            gone.push(waiter!);
          } else if (kind === "wake") {
            const waiter = model.shift();
            expect(waiters.wakeOne(at)).toBe(waiter !== undefined);
            if (waiter) expected.push([waiter.name, at]);
            if (waiter) gone.push(waiter);
          } else if (kind === "all" || kind === "fail") {
            if (kind === "all") waiters.wakeAll(at);
            else waiters.failAll(at);
            expected.push(...model.map(({ name }) => (kind === "all" ? [name, at] : [name, at, "failed"])));
            gone.push(...model);
            model = [];
          }
          const listed: Queued[] = [];
          for (let waiter = waiters.first; waiter; waiter = waiter.nextWaiter) listed.push(waiter);
          expect(listed).toEqual(model);
          expect([waiters.length, waiters.isEmpty]).toEqual([model.length, model.length === 0]);
          expect(woken).toEqual(expected);
          for (const { previousWaiter, nextWaiter } of gone) {
            expect([previousWaiter, nextWaiter]).toEqual([undefined, undefined]);
          }
        }
      }),
      { numRuns: 300, verbose: 1 },
    );
  });

  it("UT-03 passes over those who cannot be woken any more", () => {
    const waiters = new Waiters();
    const woken: unknown[] = [];
    for (const [name, alive] of [false, true, false, false, true].entries())
      waiters.add(new Waiter(name, woken, alive));
    expect([waiters.wakeOne("value"), waiters.wakeOne("value"), waiters.wakeOne("value")]).toEqual([true, true, false]);
    expect(woken).toEqual([
      [1, "value"],
      [4, "value"],
    ]);
  });

  interface Place {
    readonly wait: () => Op<unknown>;
    /** Wakes the one who has waited longest, or all. */
    readonly wake: () => void;
    readonly all?: boolean;
    /** For whom the others wait. */
    readonly first?: () => Op<unknown>;
  }
  const primitives: [string, () => Place][] = [
    ["Semaphore", semaphore],
    ["Mutex", mutex],
    ["Condition", condition],
    ["Deferred", deferred],
    ["Lazy", lazy],
    ["Stream", stream],
  ];
  function semaphore(): Place {
    const slots = new Semaphore(0);
    return { wait: () => slots.acquire(), wake: () => slots.release() };
  }
  function mutex(): Place {
    const lock = new Mutex();
    lock.tryLock();
    return { wait: () => lock.lock(), wake: () => lock.unlock() };
  }
  function condition(): Place {
    const changed = new Condition();
    return { wait: () => changed.awaitNoMutex(), wake: () => changed.broadcast(), all: true };
  }
  function deferred(): Place {
    const [cell, resolver] = Deferred.create<void>();
    return { wait: () => cell.await(), wake: () => resolver.resolve(), all: true };
  }
  function lazy(): Place {
    const [cell, resolver] = Deferred.create<void>();
    const value = Lazy.fromFun(() => cell.await(), { cancel: "protect" });
    const wait = () => value.force();
    return { wait, first: wait, wake: () => resolver.resolve(), all: true };
  }
  function stream(): Place {
    const items = new Stream<void>(0);
    return { wait: () => items.take(), wake: () => void items.tryAdd() };
  }

  it.each(primitives)("UT-03 %s: cancelling a waiter in the middle keeps the order of the others", (_, make) => {
    for (const victims of [[1], [1, 2], [0], [3], [3, 1]]) {
      const log = transcript(function* (note: Note) {
        const { wait, wake, all, first } = make();
        const contexts: Cancel.Context[] = [];
        yield* Switch.run(function* (sw) {
          if (first) yield* Fiber.fork(sw, first);
          for (let name = 0; name < 4; name++) {
            yield* Fiber.fork(sw, function* () {
              try {
                yield* Cancel.sub((cc) => {
                  contexts.push(cc);
                  return wait();
                });
                note(String(name));
              } catch (error) {
                note(`${name}: ${String(error)}`);
              }
            });
          }
          for (const victim of victims) contexts[victim]!.cancel("stop");
          yield* Fiber.yield();
          for (let i = all ? 3 : victims.length; i < 4; i++) wake();
        });
      });
      const left = [0, 1, 2, 3].filter((name) => !victims.includes(name));
      expect(log).toEqual([...victims.map((name) => `${name}: Cancelled: stop`), ...left.map(String)]);
    }
  });
});

describe("a set of timers", () => {
  it("UT-05 the earliest due item comes first, equal ones in order; an item can be removed; what is not due says when", () => {
    const timers = new Timers();
    const fired: string[] = [];
    const add = (deadline: number, name: string) => timers.add(deadline, () => fired.push(name));
    expect(timers.next).toBe(undefined);
    add(30, "c");
    const removed = add(10, "never");
    add(20, "a");
    add(20, "b");
    expect(timers.next).toBe(10);
    timers.remove(removed);
    timers.remove(removed);
    expect(timers.next).toBe(20);
    timers.fireDue(19);
    expect(fired).toEqual([]);
    timers.fireDue(20);
    expect([fired, timers.next]).toEqual([["a", "b"], 30]);
    timers.fireDue(31);
    expect([fired, timers.next]).toEqual([["a", "b", "c"], undefined]);
  });

  it("UT-05 does what a sorted list does", () => {
    const commands = fc.array(
      fc.record({ kind: fc.constantFrom("add", "add", "add", "remove", "remove", "fire"), n: fc.nat(50) }),
      {
        maxLength: 100,
        size: "max",
      },
    );
    fc.assert(
      fc.property(commands, (commands) => {
        const timers = new Timers();
        const fired: number[] = [];
        const expected: number[] = [];
        const all: { timer: Timer; deadline: number; name: number }[] = [];
        let model: { deadline: number; name: number }[] = [];
        for (const { kind, n } of commands) {
          if (kind === "add") {
            const name = all.length;
            all.push({ timer: timers.add(n, () => fired.push(name)), deadline: n, name });
            model.push({ deadline: n, name });
            model.sort((a, b) => a.deadline - b.deadline || a.name - b.name);
          } else if (kind === "remove" && all.length > 0) {
            const { timer, name } = all[n % all.length]!;
            timers.remove(timer);
            model = model.filter((item) => item.name !== name);
          } else if (kind === "fire") {
            const time = n >> 3;
            timers.fireDue(time);
            expected.push(...model.filter(({ deadline }) => deadline <= time).map(({ name }) => name));
            model = model.filter(({ deadline }) => deadline > time);
          }
          expect(timers.next).toBe(model[0]?.deadline);
          expect(fired).toEqual(expected);
        }
      }),
      { numRuns: 300, verbose: 1 },
    );
  });

  it("UT-05 one that is due can be taken back by one that fires before it; one that is added waits for the next time", () => {
    const clock = new MockClock();
    const log: string[] = [];
    clock.startTimer(1, () => {
      log.push("a");
      stopC();
      clock.startTimer(0, () => log.push("added"));
    });
    clock.startTimer(1, () => log.push("b"));
    const stopC = clock.startTimer(2, () => log.push("never"));
    clock.setTime(3);
    expect(log).toEqual(["a", "b"]);
    clock.setTime(3);
    expect(log).toEqual(["a", "b", "added"]);
  });

  it("UT-05 one that throws keeps none from firing; what they threw is thrown afterwards", () => {
    const clock = new MockClock();
    const log: string[] = [];
    for (const n of [1, 2]) {
      clock.startTimer(n, () => {
        throw new Error(`timer ${n}`);
      });
      clock.startTimer(n, () => log.push(`fires at ${n}`));
    }
    const thrown = thrownBy(() => clock.setTime(5)) as Multiple;
    expect(thrown.errors.map(String)).toEqual(["Error: timer 1", "Error: timer 2"]);
    expect(log).toEqual(["fires at 1", "fires at 2"]);
    expect(clock.now()).toBe(5);
  });

  it("a timer that throws does not stop the clock of the platform", () => {
    vi.useFakeTimers();
    try {
      const log: string[] = [];
      systemClock.startDelay(1, () => {
        throw new Error("timer");
      });
      systemClock.startDelay(1, () => log.push("same time"));
      systemClock.startDelay(2, () => log.push("later"));
      expect(() => vi.advanceTimersByTime(1500)).toThrow("timer");
      expect(log).toEqual(["same time"]);
      vi.advanceTimersByTime(1000);
      expect(log).toEqual(["same time", "later"]);
    } finally {
      vi.useRealTimers();
    }
  });
});

it("a mock world survives a timer that throws: the run ends with that error", () => {
  const error = new Error("timer");
  const thrown = thrownBy(() =>
    run(function* ({ clock }) {
      clock.startTimer(1, () => {
        throw error;
      });
      yield* clock.sleep(2);
    }),
  );
  expect(thrown).toBe(error);
  expect(run(({ clock }) => clock.sleep(1))).toBe(undefined);
});
