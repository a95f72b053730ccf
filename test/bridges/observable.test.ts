import {
  BehaviorSubject,
  concat,
  EMPTY,
  from,
  interval,
  map,
  mergeMap,
  NEVER,
  Observable,
  of,
  range,
  ReplaySubject,
  Subject,
  take,
  throwError,
} from "rxjs";
import { describe, expect, it } from "vitest";
import { Cancel, Cancelled, onUnhandledError, Switch, type Op } from "trestle";
import {
  Done,
  firstOf,
  forEachOf,
  fromObservable,
  fromPromise,
  OverflowError,
  toPromise,
  type BufferOptions,
  type ObserverLike,
  type Subscribed,
} from "@trestle/bridges";
import { Cell, expectNoUnhandledRejections, heapUsed, later, macrotask, outcome, ticks } from "./world.js";

expectNoUnhandledRejections();

/** Takes everything there is, errors as words. */
function* drain<T>(subscribed: Subscribed<T>): Op<unknown[]> {
  const seen: unknown[] = [];
  for (;;) {
    try {
      const value = yield* subscribed.next();
      if (value === Done) return seen;
      seen.push(value);
    } catch (error) {
      seen.push(String(error));
    }
  }
}

/** Runs `body` with a live subscription. */
function subscribedTo<T, R>(
  source: Observable<T>,
  body: (s: Subscribed<T>) => Op<R>,
  options?: BufferOptions,
): Promise<R> {
  return toPromise(() =>
    Switch.run(function* (sw) {
      return yield* body(yield* fromObservable(sw, source, options));
    }),
  );
}

describe("firstOf", () => {
  it("BX-01 BX-04 gives the first value, whatever it is", async () => {
    expect(await toPromise(() => firstOf(of("a", "b")))).toBe("a");
    for (const value of [null, undefined, 0, "", false])
      expect(await toPromise(() => firstOf(of(value, 1)))).toBe(value);
  });

  it("BX-02 BX-03 fails with EmptyError without a value, or gives the default, even undefined", async () => {
    await expect(toPromise(() => firstOf(EMPTY))).rejects.toMatchObject({
      name: "EmptyError",
      message: "no elements in sequence",
    });
    expect(await toPromise(() => firstOf(EMPTY, { default: undefined }))).toBe(undefined);
    expect(await toPromise(() => firstOf(EMPTY, { default: 1 }))).toBe(1);
    await expect(toPromise(() => firstOf(EMPTY, {}))).rejects.toMatchObject({ name: "EmptyError" });
  });

  it("BX-05 stops an infinite synchronous source before its second value", async () => {
    let produced = 0;
    let tornDown = 0;
    const endless = new Observable<number>((subscriber) => {
      while (!subscriber.closed) subscriber.next(produced++);
      return () => tornDown++;
    });
    expect(await toPromise(() => firstOf(endless))).toBe(0);
    expect([produced, tornDown]).toEqual([1, 1]);
    expect(await toPromise(() => firstOf(endless.pipe(map((x) => x * 10))))).toBe(10);
    expect(produced).toBe(2);
  });

  it("BX-06 BX-07 throws the error of the source, and what its subscribe function throws", async () => {
    const error = new Error("source");
    await expect(toPromise(() => firstOf(throwError(() => error)))).rejects.toBe(error);
    const throwing = new Observable(() => {
      throw error;
    });
    await expect(toPromise(() => firstOf(throwing))).rejects.toBe(error);
    const bare = {
      subscribe() {
        throw error;
      },
    };
    await expect(toPromise(() => firstOf(bare))).rejects.toBe(error);
  });

  it("BX-08 BX-09 takes the current value, the oldest one replayed, or the next", async () => {
    expect(await toPromise(() => firstOf(new BehaviorSubject("current")))).toBe("current");
    const replay = new ReplaySubject<string>();
    replay.next("oldest");
    replay.next("newest");
    expect(await toPromise(() => firstOf(replay))).toBe("oldest");
    const subject = new Subject<string>();
    subject.next("before");
    const first = toPromise(() => firstOf(subject));
    subject.next("after");
    expect(await first).toBe("after");
    const completed = new BehaviorSubject("gone");
    completed.complete();
    await expect(toPromise(() => firstOf(completed))).rejects.toMatchObject({ name: "EmptyError" });
  });

  it("BX-10 BX-11 unsubscribes in the turn of the cancellation, also when nothing will ever come", async () => {
    const subject = new Subject<string>();
    const dead = new Subject<string>();
    const controller = new AbortController();
    const { signal } = controller;
    const ended = [subject, dead, NEVER].map((source) => toPromise(() => firstOf<string>(source), { signal }));
    // Nothing tells us of this: RxJS notifies nobody.
    dead.unsubscribe();
    expect(subject.observed).toBe(true);
    controller.abort("stop");
    expect(subject.observed).toBe(false);
    subject.next("invisible");
    subject.error(new Error("invisible"));
    for (const end of ended) expect(await outcome(end)).toBe("error stop");
  });

  it("BX-13 reports what unsubscribing throws after a value, and the value stands", async () => {
    const failure = new Error("teardown");
    const seen: unknown[] = [];
    onUnhandledError((error) => seen.push(error));
    try {
      const source = new Observable<number>((subscriber) => {
        later(() => subscriber.next(1));
        return () => {
          throw failure;
        };
      });
      expect(await toPromise(() => firstOf(source))).toBe(1);
    } finally {
      onUnhandledError(undefined);
    }
    expect(seen).toEqual([failure]);
  });

  it("forgets inner subscriptions that have ended, as RxJS does", async () => {
    const subject = new Subject<number>();
    const live = subject.pipe(mergeMap((n) => of(n)));
    await subscribedTo(
      live,
      function* (subscribed) {
        const before = yield* fromPromise(heapUsed());
        for (let i = 0; i < 50_000; i++) {
          subject.next(i);
          yield* subscribed.next();
        }
        expect((yield* fromPromise(heapUsed())) - before).toBeLessThan(2_000_000);
      },
      { buffer: 4 },
    );
  });

  it("takes observables of other make, by their shape", async () => {
    const log: string[] = [];
    const byFunction = {
      subscribe(observer: ObserverLike<string>) {
        later(() => observer.next("function"));
        return () => log.push("function");
      },
    };
    const byObject = {
      subscribe(observer: ObserverLike<string>) {
        later(() => observer.next("object"));
        return { unsubscribe: () => log.push("object") };
      },
    };
    // The platform's own: nothing is returned, an AbortSignal ends the subscription.
    const bySignal = {
      subscribe(observer: ObserverLike<string>, options?: { signal: AbortSignal }) {
        options!.signal.addEventListener("abort", () => log.push("signal"));
        later(() => observer.next("signal"));
      },
    };
    const interop = { "@@observable": () => byObject };
    expect(await toPromise(() => firstOf(byFunction))).toBe("function");
    expect(await toPromise(() => firstOf(byObject))).toBe("object");
    expect(await toPromise(() => firstOf(bySignal as typeof byObject))).toBe("signal");
    expect(await toPromise(() => firstOf(interop as never))).toBe("object");
    expect(log).toEqual(["function", "object", "signal", "object"]);
  });

  it("refuses what is no observable", () => {
    expect(() => firstOf(1 as never)).toThrow(
      'firstOf: "source" must be an observable: an object with subscribe(observer), got the number 1',
    );
    expect(() => firstOf(null as never)).toThrow(/got null/);
    expect(() => forEachOf(of(1), 1 as never)).toThrow(/"body" must be a function returning an op/);
    expect(() => fromObservable({} as Switch, of(1))).toThrow(/"sw" must be a Switch, got an object/);
  });
});

describe("fromObservable", () => {
  it("BX-20 has subscribed when the op returns", async () => {
    const subject = new Subject<number>();
    const seen = await subscribedTo(subject, function* (subscribed) {
      subject.next(1);
      subject.next(2);
      subject.complete();
      return yield* drain(subscribed);
    });
    expect(seen).toEqual([1, 2]);
  });

  it("BX-21 BX-40 buffers what is emitted on subscribing, however much, and delivers it first", async () => {
    const subject = new Subject<number>();
    const seen = await subscribedTo(concat(range(0, 10_000), subject), function* (subscribed) {
      for (let i = 0; i < 16; i++) subject.next(-1);
      subject.complete();
      return yield* drain(subscribed);
    });
    expect(seen).toEqual([...Array.from({ length: 10_000 }, (_, i) => i), ...new Array<number>(16).fill(-1)]);
    const limited = await subscribedTo(range(0, 100), drain, { syncLimit: 10, buffer: 5 });
    expect(limited.length).toBe(16);
    expect(limited[15]).toMatch(/OverflowError/);
  });

  it("BX-23 gives Done for ever after the last value", async () => {
    const seen = await subscribedTo(of(1), function* (subscribed) {
      return [yield* subscribed.next(), yield* subscribed.next(), yield* subscribed.next()];
    });
    expect(seen).toEqual([1, Done, Done]);
  });

  it("BX-24 BG-34 throws an error once, after the values before it; or first, with errorFirst", async () => {
    const error = new AggregateError([1], "source");
    const source = concat(
      of(1, 2),
      throwError(() => error),
    );
    expect(await subscribedTo(source, drain)).toEqual([1, 2, "AggregateError: source"]);
    expect(await subscribedTo(source, drain, { errorFirst: true })).toEqual(["AggregateError: source"]);
    const thrown = await subscribedTo(
      throwError(() => error),
      (s) => s.next(),
    ).catch((e: unknown) => e);
    expect(thrown).toBe(error);
  });

  it("BX-25 BX-39 stops a source that overflows; OverflowError comes after what fits", async () => {
    let closed = false;
    const subject = new Subject<number>();
    const result = await subscribedTo(subject, function* (subscribed) {
      for (let i = 0; i < 100; i++) subject.next(i);
      closed = !subject.observed;
      const values: unknown[] = [];
      let error: unknown;
      try {
        for (;;) values.push(yield* subscribed.next());
      } catch (thrown) {
        error = thrown;
      }
      return { values, error, after: yield* subscribed.next() };
    });
    expect(closed).toBe(true);
    expect(result.values).toEqual(Array.from({ length: 16 }, (_, i) => i));
    expect(result.error).toBeInstanceOf(OverflowError);
    expect(result.error).toMatchObject({ capacity: 16, dropped: 1, code: "OVERFLOW" });
    expect(result.after).toBe(Done);
    let produced = 0;
    const endless = new Observable<number>((subscriber) => {
      while (!subscriber.closed && produced < 1_000_000) subscriber.next(produced++);
    });
    await subscribedTo(endless, drain, { syncLimit: 10 });
    expect(produced).toBe(27);
  });

  it("BX-26 BX-27 BX-28 loses the oldest, the newest, all but the latest, or nothing", async () => {
    const emit = async (options: BufferOptions) => {
      const subject = new Subject<number>();
      return await subscribedTo(
        subject,
        function* (subscribed) {
          for (let i = 0; i < 6; i++) subject.next(i);
          subject.complete();
          return [yield* drain(subscribed), subscribed.dropped];
        },
        options,
      );
    };
    expect(await emit({ buffer: 3, overflow: "drop-oldest" })).toEqual([[3, 4, 5], 3]);
    expect(await emit({ buffer: 3, overflow: "drop-newest" })).toEqual([[0, 1, 2], 3]);
    expect(await emit({ overflow: "latest" })).toEqual([[5], 5]);
    expect(await emit({ buffer: "unbounded" })).toEqual([[0, 1, 2, 3, 4, 5], 0]);
  });

  it("BX-29 refuses to block a source that cannot be made to wait, and other wrong options", () => {
    const sw = { addHook: () => {} } as never;
    const open = (options: unknown) => () => fromObservable(sw, of(1), options as BufferOptions);
    expect(open({ overflow: "block" })).toThrow(/got the string "block"; this source cannot be made to wait/);
    expect(open({ buffer: 0 })).toThrow(/"options.buffer" must be a positive integer or "unbounded", got the number 0/);
    expect(open({ buffer: 1.5 })).toThrow(TypeError);
    expect(open({ syncLimit: -1 })).toThrow(/"options.syncLimit"/);
    expect(open(1)).toThrow(/"options" must be an object/);
  });

  it("BX-30 lets the end into a full buffer", async () => {
    const subject = new Subject<number>();
    const seen = await subscribedTo(
      subject,
      function* (subscribed) {
        subject.next(1);
        subject.next(2);
        subject.error(new Error("end"));
        return yield* drain(subscribed);
      },
      { buffer: 2 },
    );
    expect(seen).toEqual([1, 2, "Error: end"]);
  });

  it("BX-31 close unsubscribes in the same turn, drops the buffer, and ends a waiting next", async () => {
    const subject = new Subject<number>();
    const log: unknown[] = [];
    await subscribedTo(subject, function* (subscribed) {
      subject.next(1);
      subscribed.close();
      subscribed.close();
      log.push(subject.observed, yield* subscribed.next());
    });
    await subscribedTo(subject, function* (subscribed) {
      later(() => subscribed.close());
      log.push(yield* subscribed.next(), subject.observed);
    });
    await subscribedTo(subject, function* (subscribed) {
      yield* fromPromise(subscribed[Symbol.asyncDispose]());
      log.push(subject.observed);
    });
    expect(log).toEqual([false, Done, Done, false, false]);
  });

  it("BX-31 BG-10 BG-52 the switch unsubscribes in the turn in which it is cancelled, or when it ends", async () => {
    const subject = new Subject<number>();
    let context!: Cancel.Context;
    const waiting = toPromise(() =>
      Cancel.sub((cc) => {
        context = cc;
        return Switch.run(function* (sw) {
          yield* (yield* fromObservable(sw, subject)).next();
        });
      }),
    );
    expect(subject.observed).toBe(true);
    context.cancel("stop");
    expect(subject.observed).toBe(false);
    await expect(waiting).rejects.toMatchObject({ name: "AbortError" });

    const log: string[] = [];
    await toPromise(() =>
      Switch.run(function* (sw) {
        yield* sw.onRelease(() => void log.push(`first ${subject.observed}`));
        yield* fromObservable(sw, subject);
        yield* sw.onRelease(() => void log.push(`last ${subject.observed}`));
      }),
    );
    expect(log).toEqual(["last true", "first false"]);
  });

  it("BG-53 does not touch the source when the switch has finished or was cancelled", async () => {
    let touched = 0;
    const source = new Observable<number>(() => void touched++);
    const finished = await toPromise(() =>
      Switch.run(
        function* (sw) {
          return sw;
        },
        { name: "old" },
      ),
    );
    const late = toPromise(() => fromObservable(finished, source));
    await expect(late).rejects.toMatchObject({ name: "SwitchFinishedError" });
    await expect(late).rejects.toThrow(/old/);
    const failed = toPromise(() =>
      Switch.run(function* (sw) {
        sw.fail(new Error("failed"));
        yield* fromObservable(sw, source);
      }),
    );
    expect(await outcome(failed)).toBe("error Error: failed");
    expect(touched).toBe(0);
  });

  it("BG-54 leaves nothing in the switch when the source ends by itself", async () => {
    await toPromise(() =>
      Switch.run(function* (sw) {
        const before = yield* fromPromise(heapUsed());
        for (let i = 0; i < 20_000; i++) yield* drain(yield* fromObservable(sw, of(i)));
        expect((yield* fromPromise(heapUsed())) - before).toBeLessThan(1_500_000);
      }),
    );
  });

  it("BX-35 BX-38 ignores what comes after the end, or after we have left", async () => {
    let observer!: ObserverLike<number>;
    const rude = { subscribe: (o: ObserverLike<number>) => void (observer = o) };
    const seen = await toPromise(() =>
      Switch.run(function* (sw) {
        const subscribed = yield* fromObservable(sw, rude);
        observer.next(1);
        observer.complete();
        observer.next(2);
        observer.error(new Error("late"));
        return yield* drain(subscribed);
      }),
    );
    expect(seen).toEqual([1]);
    expect(() => observer.next(3)).not.toThrow();
  });

  it("BX-36 gives each value to one of several fibers, in the order in which they came", async () => {
    const subject = new Subject<number>();
    const log: string[] = [];
    const ended = subscribedTo(subject, function* (subscribed) {
      const taker = (name: string) =>
        toPromise(function* () {
          log.push(`${name} ${String(yield* subscribed.next())}`);
        });
      const takers = [taker("a"), taker("b"), taker("c")];
      subject.next(1);
      subject.next(2);
      subject.complete();
      yield* fromPromise(Promise.all(takers));
    });
    await ended;
    expect(log).toEqual(["a 1", "b 2", "c Symbol(trestle.done)"]);
  });

  it("BG-14 adds what unsubscribing throws to the failure of the switch", async () => {
    const failure = new Error("teardown");
    const source = new Observable<number>(() => () => {
      throw failure;
    });
    expect(await subscribedTo(source, () => fromPromise(Promise.resolve(1))).catch((e: unknown) => e)).toBe(failure);
  });
});

describe("forEachOf", () => {
  it("BX-33 BX-23 handles one value after the other, and ends with the source", async () => {
    const log: string[] = [];
    await toPromise(() =>
      forEachOf(from(["a", "b", "c"]), function* (value) {
        log.push(`${value} starts`);
        yield* fromPromise(macrotask());
        log.push(`${value} ends`);
      }),
    );
    expect(log).toEqual(["a starts", "a ends", "b starts", "b ends", "c starts", "c ends"]);
  });

  it("BX-32 unsubscribes when the body throws, before another value is seen", async () => {
    let produced = 0;
    const seen: number[] = [];
    const error = new Error("body");
    const ended = toPromise(() =>
      forEachOf(interval(1).pipe(map(() => ++produced)), function* (value) {
        seen.push(value);
        if (value === 3) throw error;
      }),
    );
    await expect(ended).rejects.toBe(error);
    const before = produced;
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(seen).toEqual([1, 2, 3]);
    expect(produced).toBe(before);
  });

  it("BX-34 queues what the body pushes to its own source", async () => {
    const subject = new Subject<number>();
    const seen: number[] = [];
    const ended = toPromise(() =>
      forEachOf(subject, function* (value) {
        if (value < 3) subject.next(value + 1);
        seen.push(value);
        if (value === 3) subject.complete();
      }),
    );
    subject.next(1);
    await ended;
    expect(seen).toEqual([1, 2, 3]);
  });

  it("BX-10 BG-10 unsubscribes in the turn of the cancellation, also while the body runs", async () => {
    for (const bodyRuns of [true, false]) {
      const subject = new Subject<number>();
      const gate = new Cell();
      let context!: Cancel.Context;
      const ended = toPromise(() =>
        Cancel.sub((cc) => {
          context = cc;
          return forEachOf(subject, () => fromPromise(gate.promise));
        }),
      );
      if (bodyRuns) subject.next(1);
      await ticks();
      expect(subject.observed).toBe(true);
      context.cancel("stop");
      expect(subject.observed).toBe(false);
      await expect(ended).rejects.toMatchObject({ name: "AbortError", cause: "stop" });
    }
  });

  it("BX-24 BX-25 throws the error of the source after its values, and OverflowError when the body is too slow", async () => {
    const seen: number[] = [];
    const note = function* (value: number) {
      seen.push(value);
      yield* fromPromise(macrotask());
    };
    const failing = concat(
      of(1, 2),
      throwError(() => "no"),
    );
    expect(await outcome(toPromise(() => forEachOf(failing, note)))).toBe("error no");
    expect(seen).toEqual([1, 2]);
    const subject = new Subject<number>();
    const slow = outcome(toPromise(() => forEachOf(subject, note, { buffer: 2 })));
    for (let i = 3; i < 20; i++) subject.next(i);
    expect(await slow).toMatch(/error OverflowError/);
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });

  it("BG-02 subscribes anew each time its op is run", async () => {
    const seen: number[] = [];
    const op = forEachOf(of(1, 2).pipe(take(2)), function* (value) {
      seen.push(value);
    });
    await toPromise(function* () {
      yield* op;
      yield* op;
    });
    expect(seen).toEqual([1, 2, 1, 2]);
  });

  it("BG-14 reports what unsubscribing throws on cancellation", async () => {
    const failure = new Error("teardown");
    const source = new Observable<number>(() => () => {
      throw failure;
    });
    let context!: Cancel.Context;
    const log: unknown[] = [];
    const ended = toPromise(() =>
      Cancel.sub(function* (cc) {
        context = cc;
        try {
          yield* forEachOf(source, () => fromPromise(Promise.resolve()));
        } catch (error) {
          log.push(error instanceof Cancelled);
        }
      }),
    );
    expect(() => context.cancel("stop")).toThrow(failure);
    await ended;
    expect(log).toEqual([true]);
  });
});
