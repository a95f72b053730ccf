// Lwt's promises as OCaml code hands them over, for the conformance suites. The compiled programs are in another suite.

import type { Op } from "trestle";
import { fromLwt, toLwt, type LwtTask } from "@trestle/bridges/lwt";
import type { Source } from "../incoming.js";
import type { Outcome, Sides } from "./world.js";

type Watcher = Parameters<LwtTask<unknown>["onSettled"]>;

const task = (wait: (task: LwtTask<unknown>) => Op<unknown>) => (): Source => {
  const watchers = new Set<Watcher>();
  let touched = 0;
  let canceled = false;
  const promise: LwtTask<unknown> = {
    onSettled(ok, fail) {
      touched++;
      const watcher: Watcher = [ok, fail];
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
    },
    cancel: () => void (canceled = true),
  };
  const answer = (tell: (watcher: Watcher) => void) => {
    for (const watcher of [...watchers]) {
      watchers.delete(watcher);
      tell(watcher);
    }
  };
  return {
    op: wait(promise),
    settle: (value) => answer(([ok]) => ok(value)),
    fail: (error) =>
      answer(([, fail]) => fail({ canceled, name: "Failure", message: "e", origin: error, owner: null })),
    touched: () => touched,
    registered: () => watchers.size,
  };
};

export const lwt: Sides = {
  incoming: {
    "fromLwt, of a task": [task((promise) => fromLwt(promise))],
    "fromLwt, of a function": [task((promise) => fromLwt(() => promise)), { waitsAfterCancel: true }],
  },
  outgoing: {
    toLwt: [
      (body, sw) => {
        const held = toLwt(body, sw ? { sw } : {});
        const outcome = new Promise<Outcome>((resolve) =>
          held.onSettled(
            (value) => resolve({ value }),
            ({ origin }) => resolve({ error: origin }),
          ),
        );
        return {
          outcome,
          stop: () => held.cancel(),
          stopped: outcome.then((ended) => ("error" in ended ? ended.error : undefined)),
        };
      },
    ],
  },
};
