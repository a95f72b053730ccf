import * as rxjs9 from "rxjs9";
import { describe, expect, it, vi } from "vitest";
import { Cancel, Fiber, flush, onUnhandledError, Stream, Switch } from "trestle";
import {
  collect,
  Done,
  firstOf,
  forEachOf,
  fromObservable,
  lastOf,
  latest,
  toPromise,
  type ObservableLike,
} from "@trestle/bridges";
import {
  exhaustMapOp,
  observableOf,
  ownSubscription,
  shareStream,
  streamToObservable,
  switchMapOp,
  toObservable,
  toObserver,
  toScheduler,
  toSubscription,
} from "@trestle/bridges/rxjs";
import * as mock from "trestle/mock";
import { expectNoUnhandledRejections, outcome, ticks } from "./world.js";

// Here `rxjs` is RxJS 9. A mocked module throws for what it has not; a real one gives undefined.
vi.mock("rxjs", async () => ({
  ...(await import("rxjs9")),
  Observable: undefined,
  Subscription: undefined,
  share: undefined,
}));

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
});

/** The platform's `subscribe`: it is given a signal, and gives nothing back. */
function subscribe(source: unknown, log: string[], signal?: AbortSignal): void {
  (source as { subscribe(observer: object, options?: object): void }).subscribe(
    {
      next: (value: unknown) => log.push(String(value)),
      error: (error: unknown) => log.push(`error ${String(error)}`),
      complete: () => log.push("complete"),
    },
    signal && { signal },
  );
}

describe("RxJS 9, given fibers", () => {
  it("BX-89 has nothing of RxJS 7 that they need", () => {
    expect(["Observable", "Subscription", "share"].filter((name) => name in rxjs9)).toEqual([]);
  });

  it("BX-89 BX-51 BX-52 gets values synchronously up to the first suspension, completes after the finalizers", async () => {
    const log: string[] = [];
    const letters = toObservable<string>(function* (emit) {
      try {
        yield* emit("a");
        yield* emit("b");
        yield* Fiber.yield();
        yield* emit("c");
      } finally {
        log.push("finally");
      }
    });
    expect(letters).toBeInstanceOf(Observable);
    subscribe(letters, log);
    expect(log).toEqual(["a", "b"]);
    await ticks();
    expect(log).toEqual(["a", "b", "c", "finally", "complete"]);
    expect(await toPromise(() => collect(letters))).toEqual(["a", "b", "c"]);
    function* answer() {
      yield* Fiber.yield();
      return 42;
    }
    expect(await toPromise(() => firstOf(observableOf(answer) as ObservableLike<number>))).toBe(42);
  });

  it("BX-89 BX-52 gets the error of a fiber, once", async () => {
    const log: string[] = [];
    subscribe(
      toObservable(function* () {
        yield* Fiber.yield();
        throw new Error("fiber");
      }),
      log,
    );
    await ticks();
    expect(log).toEqual(["error Error: fiber"]);
  });

  it("BX-89 BX-54 cancels the fiber in the turn in which the signal is aborted", () => {
    const log: string[] = [];
    const controller = new AbortController();
    const waiting = toObservable<string>(function* (emit) {
      try {
        yield* emit("a");
        yield* Fiber.awaitCancel();
      } finally {
        log.push("finally");
      }
    });
    subscribe(waiting, log, controller.signal);
    controller.abort();
    flush();
    expect(log).toEqual(["a", "finally"]);
  });

  it("BX-89 BX-53 an error after the end goes to the switch, or is reported", async () => {
    const reported: unknown[] = [];
    onUnhandledError((error) => reported.push(error));
    const failing = toObservable(function* () {
      try {
        yield* Fiber.awaitCancel();
      } finally {
        throw new Error("late");
      }
    });
    const controller = new AbortController();
    const log: string[] = [];
    subscribe(failing, log, controller.signal);
    controller.abort();
    await ticks();
    onUnhandledError(undefined);
    expect([reported.map(String), log]).toEqual([["Error: late"], []]);
  });

  it("BX-89 shares one fiber among the subscribers of a time, as the platform's observables do", async () => {
    let fibers = 0;
    const words = new Stream<string>(4);
    const shared = [streamToObservable(words), shareStream(words)].map((source) => source as ObservableLike<string>);
    const counted = toObservable<string>(function* (emit) {
      fibers++;
      yield* Fiber.yield();
      yield* emit("a");
    }) as ObservableLike<string>;
    const log: string[] = [];
    subscribe(counted, log);
    subscribe(counted, log);
    await ticks();
    expect(fibers).toBe(1);
    expect(log).toEqual(["a", "a", "complete", "complete"]);
    subscribe(counted, log);
    expect(fibers).toBe(2);
    words.tryAdd("tea");
    words.close();
    expect(await toPromise(() => collect(shared[0]!))).toEqual(["tea"]);
    expect(await toPromise(() => collect(shared[1]!))).toEqual([]);
  });

  it("BX-89 cannot make a fiber wait, and says so", () => {
    const letters = toObservable<string>(function* () {}) as ObservableLike<string>;
    expect(() => forEachOf(letters, function* () {}, { overflow: "block" })).toThrow("cannot be made to wait");
  });

  it("BX-89 BX-59 has operators that wait, as functions of the source", async () => {
    const numbers = new Observable((subscriber) => {
      for (const value of ["1", "2", "3"]) subscriber.next(value);
      subscriber.complete();
    });
    const started: string[] = [];
    function* project(value: string) {
      started.push(value);
      yield* Fiber.yield();
      return `${value}!`;
    }
    expect(await toPromise(() => collect(switchMapOp(project)(numbers as never) as ObservableLike<string>))).toEqual([
      "3!",
    ]);
    expect(started).toEqual(["1", "3"]);
    expect(await toPromise(() => collect(exhaustMapOp(project)(numbers as never) as ObservableLike<string>))).toEqual([
      "1!",
    ]);
  });

  it("BX-89 BX-74 gets a switch as an object of the shape of a subscription", async () => {
    const log: string[] = [];
    await toPromise(function* () {
      yield* Cancel.sub(function* () {
        yield* Switch.run(function* (sw) {
          const subscription = toSubscription(sw);
          subscription.add(() => void log.push("added"));
          const removed = () => void log.push("removed");
          subscription.add(removed);
          subscription.remove(removed);
          expect(subscription.closed).toBe(false);
          yield* sw.onRelease(() => void log.push("release"));
          subscription.unsubscribe();
          expect(subscription.closed).toBe(true);
          expect(log).toEqual([]);
          yield* Fiber.awaitCancel();
        });
      });
    }).catch((error: unknown) => log.push(String(error)));
    expect(log).toEqual(["release", "added", "AbortError: The operation was aborted"]);
  });

  it("BX-89 BX-73 BX-66 BX-80 owns what can be unsubscribed from, feeds a stream, and keeps time", () => {
    const log: string[] = [];
    mock.run(function* (env) {
      yield* Switch.run(function* (sw) {
        yield* ownSubscription(sw, { unsubscribe: () => void log.push("unsubscribed") });
        const words = new Stream<string>(4);
        const observer = toObserver(words);
        observer.next("tea");
        log.push(yield* words.take());
        const scheduler = toScheduler(env.clock, sw);
        scheduler.schedule(() => void log.push("a second later"), 1000);
        scheduler.schedule(() => void log.push("never"), 1000).unsubscribe();
        yield* env.clock.sleep(2);
      });
    });
    expect(log).toEqual(["tea", "a second later", "unsubscribed"]);
  });
});
