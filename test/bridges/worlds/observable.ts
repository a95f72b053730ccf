// Observables, for the conformance suites.

import { Subject } from "rxjs";
import type { Op, Switch } from "trestle";
import { collect, firstOf, forEachOf, fromObservable, lastOf, latest, singleOf } from "@trestle/bridges";
import { FirstTaken, type Live, type Source } from "../incoming.js";
import type { Sides } from "./world.js";

type Wait = (subject: Subject<unknown>) => Op<unknown>;

/** `completes`: the adapter answers when the source has completed. */
const observed =
  (wait: Wait, completes = false, subscribe?: (sw: Switch, subject: Subject<unknown>) => Op<Live>) =>
  (): Source => {
    const subject = new Subject<unknown>();
    let touched = 0;
    subject.subscribe = new Proxy(subject.subscribe.bind(subject), {
      apply(target, self, args: [never]) {
        touched++;
        return Reflect.apply(target, self, args) as never;
      },
    });
    return {
      op: wait(subject),
      settle: (value) => {
        subject.next(value);
        if (completes) subject.complete();
      },
      push: (value) => subject.next(value),
      fail: (error) => subject.error(error),
      touched: () => touched,
      registered: () => (subject.observed ? 1 : 0),
      ...(subscribe ? { subscribe: (sw: Switch) => subscribe(sw, subject) } : {}),
    };
  };

/** The last value that a body of `forEachOf` was given. */
function* lastSeen(subject: Subject<unknown>): Op<unknown> {
  let last: unknown;
  yield* forEachOf(subject, function* (value) {
    last = value;
  });
  return last;
}

/** Run again, it starts anew. */
class Anew implements Op<unknown> {
  private readonly start: () => Op<unknown>;

  constructor(start: () => Op<unknown>) {
    this.start = start;
  }

  [Symbol.iterator]() {
    return this.start()[Symbol.iterator]();
  }
}

function* newest(sw: Switch, subject: Subject<unknown>): Op<Live> {
  const state = yield* latest(sw, subject);
  return { next: () => state.changed(), close: () => state.close() };
}

export const observable: Sides = {
  incoming: {
    firstOf: [observed((subject) => firstOf(subject))],
    lastOf: [observed((subject) => lastOf(subject), true)],
    singleOf: [observed((subject) => singleOf(subject), true)],
    collect: [observed((subject) => collect(subject), true)],
    forEachOf: [observed((subject) => new Anew(() => lastSeen(subject)), true)],
    fromObservable: [
      observed(
        (subject) => new FirstTaken((sw) => fromObservable(sw, subject)),
        false,
        (sw, subject) => fromObservable(sw, subject),
      ),
    ],
    latest: [observed((subject) => new FirstTaken((sw) => newest(sw, subject)), false, newest), { newest: true }],
  },
  outgoing: {},
};
