// RxJS, for the conformance suites.

import type { Observable } from "rxjs";
import type { Op, Switch } from "trestle";
import { observableOf, toObservable } from "@trestle/bridges/rxjs";
import type { HandOver } from "../outgoing.js";
import type { Outcome, Sides } from "./world.js";

const subscribed =
  (make: (body: () => Op<unknown>, options: { sw?: Switch }) => Observable<unknown>): HandOver =>
  (body, sw) => {
    let tell!: (outcome: Outcome) => void;
    const outcome = new Promise<Outcome>((resolve) => (tell = resolve));
    const subscription = make(body, sw ? { sw } : {}).subscribe({
      next: (value) => tell({ value }),
      error: (error: unknown) => tell({ error }),
    });
    return { outcome, stop: () => subscription.unsubscribe() };
  };

export const rxjs: Sides = {
  incoming: {},
  outgoing: {
    toObservable: [
      subscribed((body, options) =>
        toObservable<unknown>(function* (emit) {
          yield* emit(yield* body());
        }, options),
      ),
    ],
    observableOf: [subscribed((body, options) => observableOf(body, options))],
  },
};
