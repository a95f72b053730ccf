// Effection's operations, for the conformance suites.

import { action, run } from "effection";
import { fromOperation, toOperation } from "@trestle/bridges/effection";
import type { Source } from "../incoming.js";
import { settled, type Sides } from "./world.js";

/** An operation that is answered from outside. */
function answered(): Source {
  interface Waiter {
    resolve(value: unknown): void;
    reject(error: unknown): void;
  }
  const waiters = new Set<Waiter>();
  let touched = 0;
  const operation = action<unknown>((resolve, reject) => {
    touched++;
    const waiter: Waiter = { resolve, reject: reject };
    waiters.add(waiter);
    return () => void waiters.delete(waiter);
  });
  const answer = (tell: (waiter: Waiter) => void) => {
    for (const waiter of [...waiters]) {
      waiters.delete(waiter);
      tell(waiter);
    }
  };
  return {
    op: fromOperation(operation),
    settle: (value) => answer((waiter) => waiter.resolve(value)),
    fail: (error) => answer((waiter) => waiter.reject(error)),
    touched: () => touched,
    registered: () => waiters.size,
  };
}

export const effection: Sides = {
  incoming: { fromOperation: [answered, { answersLater: true }] },
  outgoing: {
    toOperation: [
      (body, sw) => {
        const task = run(() => toOperation(body, sw ? { sw } : {}));
        const outcome = settled(task);
        let stopped!: (error: unknown) => void;
        return {
          outcome,
          stop: () => void task.halt().then(() => stopped(undefined), stopped),
          stopped: new Promise((resolve) => (stopped = resolve)),
        };
      },
    ],
  },
};
