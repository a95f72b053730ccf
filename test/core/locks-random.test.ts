// Locks under cancellation: random scripts of up to three fibers, each played once for every victim and every turn at which that one
// can be cancelled. Whatever happens, there is one owner at a time, every fiber ends, and the lock is free in the end.

import fc from "fast-check";
import { expect, it } from "vitest";
import { Cancel, Cancelled, Condition, Fiber, Mutex, Poisoned, Semaphore, type CancelContext, type Op } from "trestle";
import { run } from "trestle/mock";

interface Cancellation {
  victim: number;
  turn: number;
  /** Before the others take that turn, or after. */
  early: boolean;
}

/** More turns than any script takes: a fiber that still waits then waits for ever, which ends the run with an error. */
const ALL_TURNS = 200;

/**
 * Runs the fibers at once, each in a context of its own, and cancels as told; `between` is called once a turn. Gives the number of
 * turns that were taken.
 */
function play(
  fibers: (() => Op<unknown>)[],
  cancellations: readonly Cancellation[],
  between?: (turn: number) => void,
): number {
  const contexts: CancelContext[] = [];
  let running = fibers.length;
  let turns = 0;

  function* canceller(early: boolean): Op<void> {
    for (let turn = 0; running > 0 && turn < ALL_TURNS; turn++) {
      for (const cancellation of cancellations) {
        const context = contexts[cancellation.victim % fibers.length];
        if (cancellation.turn !== turn || cancellation.early !== early) continue;
        if (context && !context.isFinished) context.cancel("injected");
      }
      turns = turn;
      if (early) between?.(turn);
      yield* Fiber.yield();
    }
  }

  function* act(fiber: () => Op<unknown>, index: number): Op<void> {
    try {
      yield* Cancel.sub((cc) => {
        contexts[index] = cc;
        return fiber();
      });
    } catch (error) {
      if (!(error instanceof Cancelled || error instanceof Poisoned)) throw error;
    }
    running--;
  }

  run(() =>
    Fiber.all([
      () => canceller(true),
      ...fibers.map((fiber, index) => () => act(fiber, index)),
      () => canceller(false),
    ]),
  );
  return turns;
}

/** Plays without the last cancellation first, to learn how many turns there are; then with each one that is possible. */
function playAll(count: number, others: readonly Cancellation[], once: (all: readonly Cancellation[]) => number): void {
  const turns = once(others);
  for (let victim = 0; victim < count; victim++) {
    for (let turn = 0; turn <= turns; turn++) {
      for (const early of [true, false]) once([...others, { victim, turn, early }]);
    }
  }
}

/** The inside of a lock: counts who is there. */
class Section {
  owners = 0;
  private readonly room: number;

  constructor(room: number) {
    this.room = room;
  }

  *visit(yields: number): Op<void> {
    this.owners++;
    try {
      expect(this.owners).toBeLessThanOrEqual(this.room);
      for (let i = 0; i < yields; i++) yield* Fiber.yield();
    } finally {
      this.owners--;
    }
  }
}

type Way = "lock" | "hold" | "useRo" | "useRw" | "unprotected" | "try" | "yield";
interface Action {
  way: Way;
  yields: number;
}

const cancellations = fc.array(fc.record({ victim: fc.nat(2), turn: fc.nat(12), early: fc.boolean() }), {
  maxLength: 2,
});
const scripts = (...ways: Way[]): fc.Arbitrary<Action[][]> =>
  fc.array(fc.array(fc.record({ way: fc.constantFrom(...ways), yields: fc.nat(2) }), { minLength: 1, maxLength: 3 }), {
    minLength: 2,
    maxLength: 3,
  });

function* withMutex(mutex: Mutex, section: Section, { way, yields }: Action): Op<void> {
  switch (way) {
    case "lock": {
      yield* mutex.lock();
      try {
        yield* section.visit(yields);
      } finally {
        mutex.unlock();
      }
      return;
    }
    case "hold": {
      using _held = yield* mutex.hold();
      yield* section.visit(yields);
      return;
    }
    case "try": {
      using held = mutex.tryHold();
      if (held) yield* section.visit(yields);
      return;
    }
    case "useRo":
      return yield* mutex.useRo(() => section.visit(yields));
    case "useRw":
      return yield* mutex.useRw(() => section.visit(yields));
    case "unprotected":
      return yield* mutex.useRw(() => section.visit(yields), { protect: false });
    case "yield":
      return yield* Fiber.yield();
  }
}

function* inTurn<A>(actions: A[], act: (action: A) => Op<void>): Op<void> {
  for (const action of actions) yield* act(action);
}

it("MX-06 MX-07 MX-18 a mutex under cancellation at every suspension: one owner, every fiber ends, free in the end", () => {
  fc.assert(
    fc.property(scripts("lock", "hold", "useRo", "useRw", "try", "yield"), cancellations, (fibers, others) => {
      playAll(fibers.length, others, (all) => {
        const mutex = new Mutex();
        const section = new Section(1);
        const turns = play(
          fibers.map((actions) => () => inTurn(actions, (action) => withMutex(mutex, section, action))),
          all,
        );
        expect([section.owners, mutex.isLocked(), mutex.getError()]).toEqual([0, false, undefined]);
        expect((mutex as unknown as { waiters: { isEmpty: boolean } }).waiters.isEmpty).toBe(true);
        return turns;
      });
    }),
    { numRuns: 60, verbose: 1 },
  );
});

it("MX-12 MX-14 a mutex that cancellation may poison: one owner, every fiber ends, and nobody is left waiting", () => {
  fc.assert(
    fc.property(scripts("lock", "unprotected", "useRw", "yield"), cancellations, (fibers, others) => {
      playAll(fibers.length, others, (all) => {
        const mutex = new Mutex();
        const section = new Section(1);
        const turns = play(
          fibers.map((actions) => () => inTurn(actions, (action) => withMutex(mutex, section, action))),
          all,
        );
        expect([section.owners, mutex.isLocked()]).toEqual([0, false]);
        const reason: unknown = mutex.getError()?.reason;
        expect(reason === undefined || reason instanceof Cancelled).toBe(true);
        if (all.length === 0) expect(reason).toBeUndefined();
        expect((mutex as unknown as { waiters: { isEmpty: boolean } }).waiters.isEmpty).toBe(true);
        return turns;
      });
    }),
    { numRuns: 60, verbose: 1 },
  );
});

function* withSemaphore(semaphore: Semaphore, section: Section, { way, yields }: Action): Op<void> {
  switch (way) {
    case "lock": {
      yield* semaphore.acquire();
      try {
        yield* section.visit(yields);
      } finally {
        semaphore.release();
      }
      return;
    }
    case "hold": {
      using _permit = yield* semaphore.hold();
      yield* section.visit(yields);
      return;
    }
    case "try": {
      using permit = semaphore.tryHold();
      if (permit) yield* section.visit(yields);
      return;
    }
    default:
      return yield* semaphore.use(() => section.visit(yields));
  }
}

it("PT-03 SM-07 SM-08 fibers that fight for permits under cancellation at every suspension: the value is restored", () => {
  fc.assert(
    fc.property(
      scripts("lock", "hold", "useRo", "try"),
      cancellations,
      fc.integer({ min: 1, max: 2 }),
      (fibers, others, n) => {
        playAll(fibers.length, others, (all) => {
          const semaphore = new Semaphore(n);
          const section = new Section(n);
          const turns = play(
            fibers.map((actions) => () => inTurn(actions, (action) => withSemaphore(semaphore, section, action))),
            all,
          );
          expect([section.owners, semaphore.value]).toEqual([0, n]);
          expect((semaphore as unknown as { waiters: { isEmpty: boolean } }).waiters.isEmpty).toBe(true);
          return turns;
        });
      },
    ),
    { numRuns: 60, verbose: 1 },
  );
});

type Wait = "await" | "awaitNoMutex" | "loop" | "broadcast" | "locked broadcast";
interface Step {
  wait: Wait;
  way: "lock" | "hold" | "useRo" | "useRw";
  yields: number;
}
const steps = fc.array(
  fc.array(
    fc.record({
      wait: fc.constantFrom<Wait[]>("await", "await", "awaitNoMutex", "loop", "broadcast", "locked broadcast"),
      way: fc.constantFrom<Step["way"][]>("lock", "hold", "useRo", "useRw"),
      yields: fc.nat(2),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  { minLength: 2, maxLength: 3 },
);

/** The turn from which on there is a broadcast in each, so that nobody waits for ever. */
const RELIEF = 15;

it("CD-04 CD-05 CD-08 CD-12 RB-01 a condition under cancellation at every suspension: who comes back owns the mutex, every fiber ends, nobody stays registered", () => {
  fc.assert(
    fc.property(steps, cancellations, (fibers, others) => {
      playAll(fibers.length, others, (all) => {
        const mutex = new Mutex();
        const condition = new Condition();
        const section = new Section(1);

        /** Waits inside a lock; between giving it back and having it again we are not in the section. */
        function* inside({ wait, yields }: Step): Op<void> {
          yield* section.visit(yields);
          if (wait === "locked broadcast") return condition.broadcast();
          try {
            yield* condition.await(mutex);
          } finally {
            expect([mutex.isLocked(), section.owners]).toEqual([true, 0]);
            yield* Cancel.protect(() => section.visit(yields));
          }
        }
        function* take(step: Step): Op<void> {
          switch (step.wait) {
            case "broadcast":
              return condition.broadcast();
            case "awaitNoMutex":
              return yield* condition.awaitNoMutex();
            case "loop": {
              let looks = 0;
              return void (yield* condition.loopNoMutex(function* () {
                for (let i = 0; i < step.yields; i++) yield* Fiber.yield();
                return looks++ > 0 ? true : undefined;
              }));
            }
            default:
              return yield* locked(step);
          }
        }
        function* locked(step: Step): Op<void> {
          switch (step.way) {
            case "lock":
              yield* mutex.lock();
              try {
                yield* inside(step);
              } finally {
                mutex.unlock();
              }
              return;
            case "hold": {
              using _held = yield* mutex.hold();
              return yield* inside(step);
            }
            case "useRo":
              return yield* mutex.useRo(() => inside(step));
            case "useRw":
              return yield* mutex.useRw(() => inside(step));
          }
        }
        const turns = play(
          fibers.map((actions) => () => inTurn(actions, take)),
          all,
          (turn) => {
            if (turn >= RELIEF) condition.broadcast();
          },
        );
        expect([section.owners, mutex.isLocked(), mutex.getError()]).toEqual([0, false, undefined]);
        for (const lock of [mutex, condition]) {
          expect((lock as unknown as { waiters: { isEmpty: boolean } }).waiters.isEmpty).toBe(true);
        }
        return turns;
      });
    }),
    { numRuns: 50, verbose: 1 },
  );
});
