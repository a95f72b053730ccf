// Many fibers that wait for one thing.

import {
  Cancel,
  type CancelContext,
  Condition,
  Deferred,
  Fiber,
  Lazy,
  Mutex,
  Semaphore,
  Stream,
  Switch,
  type Op,
} from "trestle";

/** The numbers below `n` in an order that is random and always the same. */
export function shuffled(n: number): number[] {
  const numbers = Array.from({ length: n }, (_, i) => i);
  let state = 42;
  for (let i = n - 1; i > 0; i--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const j = state % (i + 1);
    [numbers[i], numbers[j]] = [numbers[j]!, numbers[i]!];
  }
  return numbers;
}

function* nothing(): Op<void> {}

/** What a fiber can wait in, by the thousand. */
export interface Queue {
  wait(): Op<unknown>;
  /** Wakes all of `n` waiters. */
  wake(n: number): void;
}

export const queues: Record<string, () => Queue> = {
  "Deferred.await": () => {
    const [cell, resolver] = Deferred.create<number>();
    return { wait: () => cell.await(), wake: () => resolver.resolve(1) };
  },
  "Semaphore.acquire": () => {
    const slots = new Semaphore(0);
    return {
      wait: () => slots.acquire(),
      wake(n) {
        for (let i = 0; i < n; i++) slots.release();
      },
    };
  },
  "Mutex.lock": () => {
    const mutex = new Mutex();
    mutex.tryLock();
    return { wait: () => mutex.useRo(nothing), wake: () => mutex.unlock() };
  },
  "Condition.awaitNoMutex": () => {
    const changed = new Condition();
    return { wait: () => changed.awaitNoMutex(), wake: () => changed.broadcast() };
  },
  "Condition.await": () => {
    const mutex = new Mutex();
    const changed = new Condition();
    return { wait: () => mutex.useRo(() => changed.await(mutex)), wake: () => changed.broadcast() };
  },
  "Condition.loopNoMutex": () => {
    const changed = new Condition();
    let ready = false;
    return {
      wait: () =>
        changed.loopNoMutex(function* () {
          return ready || undefined;
        }),
      wake() {
        ready = true;
        changed.broadcast();
      },
    };
  },
  "Lazy.force": () => {
    const [cell, resolver] = Deferred.create<number>();
    const lazy = Lazy.fromFun(() => cell.await(), { cancel: "restart" });
    return { wait: () => lazy.force(), wake: () => resolver.resolve(1) };
  },
  "Stream.take": () => {
    const stream = new Stream<number>(1);
    return {
      wait: () => stream.take(),
      wake(n) {
        for (let i = 0; i < n; i++) stream.tryAdd(i);
      },
    };
  },
  "Stream.add": () => {
    const stream = new Stream<number>(0);
    return {
      wait: () => stream.add(1),
      wake(n) {
        for (let i = 0; i < n; i++) stream.tryTake();
      },
    };
  },
};

/** `n` fibers wait, each in a context of its own; those in `cancelled` are cancelled in that order, the others woken. */
export function* crowd(makeQueue: () => Queue, n: number, cancelled: readonly number[]): Op<number[]> {
  const queue = makeQueue();
  const contexts: CancelContext[] = [];
  const ended: number[] = [];
  function* waiter(i: number): Op<void> {
    try {
      yield* Cancel.sub((context) => {
        contexts.push(context);
        return queue.wait();
      });
    } catch (error) {
      if (!Cancel.isCancelled(error)) throw error;
    }
    ended.push(i);
  }
  yield* Switch.run(function* (sw) {
    for (let i = 0; i < n; i++) yield* Fiber.fork(sw, () => waiter(i));
    for (const i of cancelled) contexts[i]!.cancel("enough");
    yield* Fiber.yield();
    queue.wake(n - cancelled.length);
  });
  return ended;
}
