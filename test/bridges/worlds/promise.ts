// Promises and async functions, for the conformance suites.

import type { Op } from "trestle";
import { adopt, fromAsync, fromPromise, toAsync, toPromise } from "@trestle/bridges";
import { Cell } from "../world.js";
import type { Source } from "../incoming.js";
import { failure, settled, type Sides } from "./world.js";

interface Watched {
  readonly thenable: PromiseLike<unknown>;
  readonly source: Omit<Source, "op">;
}

function watched(): Watched {
  const cell = new Cell();
  let touched = 0;
  let over = false;
  const thenable = {
    then(ok: (value: unknown) => void, fail: (error: unknown) => void) {
      touched++;
      void cell.promise.then(ok, fail);
    },
  } as PromiseLike<unknown>;
  const source = {
    settle: (value: unknown) => ((over = true), cell.resolve(value)),
    fail: (error: unknown) => ((over = true), cell.reject(error)),
    touched: () => touched,
    registered: () => (over ? 0 : touched),
  };
  return { thenable, source };
}

type Wait = (promise: PromiseLike<unknown>, onDiscard?: (value: unknown) => void) => Op<unknown>;

const promised = (wait: Wait) => (): Source => {
  const { thenable, source } = watched();
  return { ...source, op: wait(thenable), discarding: (onDiscard) => wait(thenable, onDiscard) };
};

/** A call that keeps its signal in sight. */
const called = (onCancel: "settle" | "abandon") => (): Source => {
  const { thenable, source } = watched();
  const signals: AbortSignal[] = [];
  const call = (signal: AbortSignal) => {
    signals.push(signal);
    return thenable;
  };
  const aborted = () => signals.filter((signal) => signal.aborted).length;
  return {
    ...source,
    op: fromAsync(call, { onCancel }),
    discarding: (onDiscard) => fromAsync(call, { onCancel, onDiscard }),
    aborted,
    registered: () => source.registered() && signals.length - aborted(),
  };
};

export const promise: Sides = {
  incoming: {
    fromPromise: [promised((p, onDiscard) => fromPromise(p, onDiscard ? { onDiscard } : {})), { answersLater: true }],
    adopt: [promised((p) => adopt(p)), { answersLater: true }],
    fromAsync: [called("settle"), { answersLater: true }],
    'fromAsync, "abandon"': [called("abandon"), { answersLater: true }],
  },
  outgoing: {
    toPromise: [
      (body, sw) => {
        const controller = new AbortController();
        const promise = toPromise(body, { signal: controller.signal, ...(sw ? { sw } : {}) });
        return {
          outcome: settled(promise),
          stop: (reason) => controller.abort(reason),
          stopped: failure(promise),
        };
      },
    ],
    toAsync: [
      (body) => {
        const promise = toAsync(body)();
        return { outcome: settled(promise), stop: () => {}, stopped: failure(promise) };
      },
      { withoutSwitch: true },
    ],
  },
};
