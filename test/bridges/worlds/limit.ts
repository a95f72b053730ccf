// Limits, for the conformance suites.

import type { Op } from "trestle";
import { fromLimit, type LimitFunction } from "@trestle/bridges";
import type { Source } from "../incoming.js";
import type { Sides } from "./world.js";

interface Queued {
  readonly run: () => PromiseLike<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A limit that gives its slots by hand, to all that wait. */
function byHand(): Source {
  const queue: Queued[] = [];
  let running = 0;
  let touched = 0;
  let last: unknown;
  const limit: LimitFunction = (run) =>
    new Promise<void>((resolve, reject) => {
      touched++;
      queue.push({ run, resolve, reject });
    });
  const take = () => queue.splice(0);
  return {
    op: fromLimit(limit).withPermit(function* (): Op<unknown> {
      return last;
    }),
    settle: (value) => {
      last ??= value;
      for (const { run, resolve } of take()) {
        running++;
        void run().then(() => {
          running--;
          resolve();
        });
      }
    },
    fail: (error) => {
      for (const { reject } of take()) reject(error);
    },
    touched: () => touched,
    registered: () => queue.length + running,
  };
}

export const limit: Sides = { incoming: { fromLimit: [byHand, { answersLater: true }] }, outgoing: {} };
