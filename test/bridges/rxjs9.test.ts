import * as rxjs9 from "rxjs9";
import { describe, expect, it } from "vitest";
import { Switch } from "trestle";
import {
  collect,
  Done,
  firstOf,
  fromObservable,
  lastOf,
  latest,
  toPromise,
  type ObservableLike,
} from "@trestle/bridges";
import { expectNoUnhandledRejections, outcome, ticks } from "./world.js";

expectNoUnhandledRejections();

interface Emitting {
  next(value: string): void;
  error(error: unknown): void;
  complete(): void;
  addTeardown(teardown: () => void): void;
}

// RxJS 9 builds on the platform's class, and brings a substitute where there is none.
const { Observable } = globalThis as unknown as {
  Observable: new (subscribe: (subscriber: Emitting) => void) => ObservableLike<string>;
};

describe("RxJS 9, by its shape", () => {
  it("BX-89 gives first, last and all values, and errors", async () => {
    const letters = new Observable((subscriber) => {
      subscriber.next("a");
      subscriber.next("b");
      subscriber.complete();
    });
    expect(await toPromise(() => firstOf(letters))).toBe("a");
    expect(await toPromise(() => lastOf(letters))).toBe("b");
    expect(await toPromise(() => collect(letters))).toEqual(["a", "b"]);
    const failing = new Observable((subscriber) => subscriber.error(new Error("source")));
    expect(await outcome(toPromise(() => firstOf(failing)))).toBe("error Error: source");
  });

  it("BX-89 unsubscribes in the turn of a cancellation, a close, and the end of a switch", async () => {
    let live = 0;
    const never = new Observable((subscriber) => {
      live++;
      subscriber.addTeardown(() => live--);
      subscriber.next("now");
    });
    const controller = new AbortController();
    const ended = outcome(toPromise(() => lastOf(never), { signal: controller.signal }));
    expect(live).toBe(1);
    controller.abort("stop");
    expect(live).toBe(0);
    expect(await ended).toBe("error stop");
    expect(await toPromise(() => firstOf(never))).toBe("now");
    expect(live).toBe(0);
    await toPromise(() =>
      Switch.run(function* (sw) {
        const values = yield* fromObservable(sw, never);
        expect(yield* values.next()).toBe("now");
        values.close();
        expect(live).toBe(0);
        expect(yield* values.next()).toBe(Done);
        const newest = yield* latest(sw, never);
        expect(newest.value()).toBe("now");
        expect(live).toBe(1);
      }),
    );
    expect(live).toBe(0);
  });

  it("BX-89 gives values in order, then the end", async () => {
    const subject = new rxjs9.Subject<number>();
    const all = toPromise(() => collect(subject as ObservableLike<number>));
    subject.next(1);
    subject.next(2);
    subject.complete();
    await ticks();
    expect(await all).toEqual([1, 2]);
  });

  it("BX-89 takes a fiber as a promise: there is no Subscription to make", async () => {
    expect("Subscription" in rxjs9).toBe(false);
    const platform = Observable as unknown as { from(promise: PromiseLike<string>): ObservableLike<string> };
    const fiber = toPromise(function* () {
      return yield* firstOf(platform.from(Promise.resolve("a")));
    });
    expect(await toPromise(() => collect(platform.from(fiber)))).toEqual(["a"]);
  });
});
