import {
  BehaviorSubject,
  debounceTime,
  delay,
  EMPTY,
  from,
  interval,
  map,
  NEVER,
  Observable,
  of,
  repeat,
  retry,
  share,
  shareReplay,
  Subject,
  Subscription,
  switchMap,
  take,
  throwError,
  timer,
  VirtualTimeScheduler,
} from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { describe, expect, it } from "vitest";
import { Cancel, Cancelled, Fiber, flush, onUnhandledError, Stream, Switch, type Op } from "trestle";
import * as mock from "trestle/mock";
import { MockClock } from "trestle/mock";
import {
  adopt,
  collect,
  Done,
  firstOf,
  fromAsync,
  fromObservable,
  fromPromise,
  lastOf,
  latest,
  OverflowError,
  singleOf,
  toPromise,
} from "@trestle/bridges";
import {
  clockFromScheduler,
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
import { Cell, expectNoUnhandledRejections, outcome, show, ticks, uncaughtDuring } from "./world.js";

expectNoUnhandledRejections();

/** Notes what an observable tells. */
function noting(log: string[], label = ""): { next(v: unknown): void; error(e: unknown): void; complete(): void } {
  return {
    next: (value) => void log.push(`${label}${String(value)}`),
    error: (error) => void log.push(`${label}error ${show(error)}`),
    complete: () => void log.push(`${label}complete`),
  };
}

/** What was reported as unhandled while `body` ran. */
async function reportedDuring(body: () => Promise<void> | void): Promise<unknown[]> {
  const reported: unknown[] = [];
  onUnhandledError((error) => void reported.push(error));
  try {
    await body();
    await ticks();
  } finally {
    onUnhandledError(undefined);
  }
  return reported;
}

/** Runs `body` with a switch that stays open until `close`. */
function openSwitch(): { sw: Switch; close: () => void; ended: Promise<string> } {
  let sw!: Switch;
  const closing = new Subject<void>();
  const ended = outcome(
    toPromise(() =>
      Switch.run(function* (inner) {
        sw = inner;
        yield* firstOf(closing, { default: undefined });
      }),
    ),
  );
  return { sw, close: () => closing.complete(), ended };
}

describe("lastOf, singleOf, collect", () => {
  it("BX-01 BX-02 BX-03 give the last, the only, or all values", async () => {
    expect(await toPromise(() => lastOf(of("a", "b")))).toBe("b");
    expect(await toPromise(() => collect(of("a", "b")))).toEqual(["a", "b"]);
    expect(await toPromise(() => singleOf(of("a")))).toBe("a");
    let closed = 0;
    const two = new Observable<string>((subscriber) => {
      subscriber.add(() => closed++);
      subscriber.next("a");
      subscriber.next("b");
    });
    expect(await outcome(toPromise(() => singleOf(two)))).toBe("error TooManyError: more than one element in sequence");
    expect(closed).toBe(1);
    for (const read of [lastOf, singleOf]) {
      expect(await outcome(toPromise(() => read(EMPTY)))).toBe("error EmptyError: no elements in sequence");
      expect(await toPromise(() => read(EMPTY, { default: undefined }))).toBe(undefined);
      expect(await toPromise(() => read(of(undefined), { default: 1 }))).toBe(undefined);
    }
    expect(await toPromise(() => collect(EMPTY))).toEqual([]);
  });

  it("BX-06 BX-10 throw the error in spite of values, and unsubscribe when cancelled", async () => {
    const error = new Error("source");
    const failing = new Observable<number>((subscriber) => {
      subscriber.next(1);
      subscriber.error(error);
    });
    for (const read of [lastOf, singleOf, collect]) {
      await expect(toPromise<unknown>(() => read(failing))).rejects.toBe(error);
      const subject = new Subject<number>();
      const controller = new AbortController();
      const ended = outcome(toPromise<unknown>(() => read(subject), { signal: controller.signal }));
      subject.next(1);
      controller.abort("stop");
      expect(subject.observed).toBe(false);
      expect(await ended).toBe("error stop");
    }
  });

  it("BX-37 leave a source running that goes on without subscribers", async () => {
    const subject = new Subject<number>();
    const shared = subject.pipe(shareReplay(1));
    const first = toPromise(() => firstOf(shared));
    subject.next(1);
    expect(await first).toBe(1);
    expect(subject.observed).toBe(true);
    subject.next(2);
    expect(await toPromise(() => firstOf(shared))).toBe(2);
    subject.complete();
  });
});

describe("toObservable", () => {
  it("BX-50 BX-51 runs a fiber a subscription, inside subscribe up to its first suspension", async () => {
    const log: string[] = [];
    let runs = 0;
    const gate = new Cell<void>();
    const observable = toObservable<string>(function* (emit) {
      const run = ++runs;
      yield* emit(`${run}a`);
      yield* emit(`${run}b`);
      yield* firstOf(from(gate.promise));
      yield* emit(`${run}c`);
    });
    await ticks();
    expect(runs).toBe(0);
    observable.subscribe(noting(log));
    log.push("subscribed");
    observable.subscribe(noting(log));
    expect(log).toEqual(["1a", "1b", "subscribed", "2a", "2b"]);
    gate.resolve();
    await ticks();
    expect(log.slice(5)).toEqual(["1c", "complete", "2c", "complete"]);
  });

  it("BX-52 completes or fails once, after the finalizers, with the same error", async () => {
    const error = new Error("body");
    for (const fails of [false, true]) {
      const log: string[] = [];
      const thrown: unknown[] = [];
      toObservable<number>(function* (emit) {
        yield* Switch.run(function* (sw) {
          yield* sw.onRelease(function* () {
            yield* Fiber.yield();
            log.push("released");
          });
          yield* emit(1);
          if (fails) throw error;
        });
      }).subscribe({ ...noting(log), error: (e) => void thrown.push(e) });
      expect(log).toEqual(["1"]);
      await ticks();
      expect(log).toEqual(fails ? ["1", "released"] : ["1", "released", "complete"]);
      expect(thrown).toEqual(fails ? [error] : []);
    }
  });

  it("BX-53 BG-23 reports an error of a fiber that nobody listens to, or fails its switch", async () => {
    const error = new Error("late");
    function* body(): Op<void> {
      try {
        yield* Fiber.awaitCancel();
      } finally {
        throw error;
      }
    }
    const log: string[] = [];
    const reported = await reportedDuring(() => toObservable(body).subscribe(noting(log)).unsubscribe());
    expect([reported, log]).toEqual([[error], []]);
    const { sw, ended } = openSwitch();
    expect(await reportedDuring(() => toObservable(body, { sw }).subscribe(noting(log)).unsubscribe())).toEqual([]);
    expect(await ended).toBe("error Error: late");
    expect(log).toEqual([]);
  });

  it("BX-54 BX-56 BG-20 BG-22 cancels in the turn of unsubscribe; the switch waits for the finalizers", async () => {
    const log: string[] = [];
    const gate = new Cell<void>();
    const { sw, close, ended } = openSwitch();
    let context!: Cancel.Context;
    const subscription = toObservable<string>(
      () =>
        Cancel.sub(function* (cc) {
          context = cc;
          try {
            log.push("started");
            yield* Fiber.awaitCancel();
          } catch (reason) {
            log.push(String((reason as Cancelled).reason));
            throw reason;
          } finally {
            yield* Cancel.protect(() => firstOf(from(gate.promise)));
            log.push("finalized");
          }
        }),
      { sw },
    ).subscribe(noting(log));
    log.push("subscribed");
    subscription.unsubscribe();
    expect(context.getError()).toBeInstanceOf(Cancelled);
    close();
    void ended.then(() => log.push("switch ended"));
    await ticks();
    expect(log).toEqual(["started", "subscribed", "Unsubscribed: the subscriber has unsubscribed"]);
    gate.resolve();
    await ended;
    expect(log.slice(3)).toEqual(["finalized", "switch ended"]);
  });

  it("BX-55 BG-25 is cancelled at the emit that take(1) was satisfied by", async () => {
    const log: string[] = [];
    toObservable<number>(function* (emit) {
      try {
        yield* emit(1);
        log.push("went on");
        yield* emit(2);
      } finally {
        log.push("finally");
      }
    })
      .pipe(take(1))
      .subscribe(noting(log));
    expect(log).toEqual(["1", "complete", "finally"]);
    await ticks();
    expect(log.length).toBe(3);
  });

  it("BX-57 does not start for a subscriber that is closed", () => {
    let started = 0;
    const observable = toObservable(function* () {
      started++;
    });
    const closed = { closed: true, next() {}, error() {}, complete() {}, add() {}, unsubscribe() {} };
    // RxJS calls the function that subscribes whatever the subscriber is.
    (observable as unknown as { _trySubscribe(sink: unknown): void })._trySubscribe(closed);
    expect(started).toBe(0);
  });

  it("BX-58 BG-36 fails with an AbortError when the fiber is cancelled by its switch", async () => {
    const log: string[] = [];
    const { sw, ended } = openSwitch();
    const errors: unknown[] = [];
    toObservable(() => Fiber.awaitCancel(), { sw }).subscribe({
      ...noting(log),
      error: (error) => void errors.push(error),
    });
    sw.fail(new Error("owner"));
    expect(await ended).toBe("error Error: owner");
    expect(errors).toMatchObject([{ name: "AbortError", code: "ABORT_ERR", cause: { message: "owner" } }]);
    expect(log).toEqual([]);
    // A switch that has ended is no owner.
    toObservable(() => Fiber.yield(), { sw }).subscribe(noting(log));
    expect(log).toEqual(["error SwitchFinishedError: toObservable: Switch finished!"]);
  });

  it("BX-59 switchMapOp waits for the finalizers of the fiber before, switchMap does not", async () => {
    const log: string[] = [];
    function* work(value: string): Op<string> {
      log.push(`${value} starts`);
      try {
        if (value !== "c") yield* Fiber.awaitCancel();
        return value;
      } finally {
        yield* Cancel.protect(() => Fiber.yield());
        log.push(`${value} ends`);
      }
    }
    const plain = new Subject<string>();
    plain.pipe(switchMap((value) => observableOf(() => work(value)))).subscribe(noting(log));
    plain.next("a");
    plain.next("c");
    await ticks();
    expect(log).toEqual(["a starts", "c starts", "c ends", "c", "a ends"]);
    log.length = 0;
    const subject = new Subject<string>();
    subject.pipe(switchMapOp(work)).subscribe(noting(log));
    subject.next("a");
    subject.next("b");
    subject.next("c");
    subject.complete();
    await ticks();
    expect(log).toEqual(["a starts", "a ends", "c starts", "c ends", "c", "complete"]);
  });

  it("BX-59 switchMapOp passes errors on, and its fiber is cancelled with the subscription", async () => {
    const log: string[] = [];
    throwError(() => new Error("source"))
      .pipe(switchMapOp(() => Fiber.yield()))
      .subscribe(noting(log));
    of(1)
      .pipe(
        switchMapOp(function* () {
          throw new Error("fiber");
        }),
      )
      .subscribe(noting(log));
    expect(log).toEqual(["error Error: source", "error Error: fiber"]);
    let cancelled = 0;
    const subscription = of(1)
      .pipe(
        switchMapOp(function* () {
          try {
            yield* Fiber.awaitCancel();
          } finally {
            cancelled++;
          }
        }),
      )
      .subscribe(noting(log));
    subscription.unsubscribe();
    await ticks();
    expect([cancelled, log.length]).toEqual([1, 2]);
  });

  it("exhaustMapOp ignores values while a fiber runs", async () => {
    const log: string[] = [];
    const gates = new Subject<void>();
    const source = new Subject<string>();
    source
      .pipe(
        exhaustMapOp(function* (value) {
          yield* firstOf(gates);
          return value;
        }),
      )
      .subscribe(noting(log));
    source.next("a");
    source.next("ignored");
    gates.next();
    await ticks();
    source.next("b");
    source.complete();
    gates.next();
    await ticks();
    expect(log).toEqual(["a", "b", "complete"]);
  });

  it("BX-60 BG-38 leaves what an observer throws to RxJS, and goes on; a throwing operator ends it", async () => {
    const log: string[] = [];
    const body = function* (emit: (value: number) => Op<void>): Op<void> {
      try {
        yield* emit(1);
        yield* emit(2);
        log.push("went on");
      } finally {
        log.push("finally");
      }
    };
    const uncaught = await uncaughtDuring(() => {
      toObservable(body).subscribe(() => {
        throw new Error("observer");
      });
    });
    expect(uncaught.map(show)).toEqual(["Error: observer", "Error: observer"]);
    expect(log).toEqual(["went on", "finally"]);
    log.length = 0;
    toObservable(body)
      .pipe(
        map(() => {
          throw new Error("operator");
        }),
      )
      .subscribe(noting(log));
    expect(log).toEqual(["error Error: operator", "finally"]);
  });

  it("BX-29 BX-61 emit waits for room when what takes from it asks for that, else never", async () => {
    const log: string[] = [];
    const counted = toObservable<number>(function* (emit) {
      for (let i = 1; i <= 4; i++) {
        yield* emit(i);
        log.push(`emitted ${i}`);
      }
    });
    await toPromise(() =>
      Switch.run(function* (sw) {
        const values = yield* fromObservable(sw, counted, { buffer: 2, overflow: "block" });
        yield* Fiber.yield();
        for (let value = yield* values.next(); value !== Done; value = yield* values.next()) {
          log.push(`took ${value}`);
          yield* Fiber.yield();
          yield* Fiber.yield();
        }
        expect(values.dropped).toBe(0);
      }),
    );
    expect(log).toEqual(["emitted 1", "emitted 2", "took 1", "emitted 3", "took 2", "emitted 4", "took 3", "took 4"]);
    // Closing lets an emitter that waits go.
    let ended = 0;
    const endless = toObservable<number>(function* (emit) {
      try {
        for (;;) yield* emit(1);
      } finally {
        ended++;
      }
    });
    await toPromise(() =>
      Switch.run(function* (sw) {
        (yield* fromObservable(sw, endless, { buffer: 1, overflow: "block" })).close();
      }),
    );
    await ticks();
    expect(ended).toBe(1);
    const { sw, close } = openSwitch();
    expect(() => fromObservable(sw, of(1), { overflow: "block" })).toThrow(/cannot be made to wait/);
    close();
  });

  it("BX-62 delivers one value at a time, also when one is emitted from within a delivery", () => {
    const log: string[] = [];
    let emitToo!: (value: string) => Op<void>;
    const observable = toObservable<string>(function* (emit) {
      emitToo = emit;
      yield* Fiber.both(
        () => emit("a"),
        () => emit("b"),
      );
    });
    observable.subscribe((value) => {
      log.push(`(${value}`);
      if (value === "a") void toPromise(() => emitToo("inner"));
      log.push(`${value})`);
    });
    flush();
    expect(log).toEqual(["(a", "a)", "(inner", "inner)", "(b", "b)"]);
  });

  it("BX-63 refuses to emit after the end", async () => {
    let late!: (value: number) => Op<void>;
    toObservable<number>(function* (emit) {
      late = emit;
    }).subscribe();
    expect(await outcome(toPromise(() => late(1)))).toBe("error ClosedError: emit: the observable has ended");
  });

  it("BX-67 retry and repeat start fresh fibers, each after the one before", async () => {
    const log: string[] = [];
    let run = 0;
    const observable = toObservable<number>(function* (emit) {
      const mine = ++run;
      try {
        yield* emit(mine);
        if (mine === 1) throw new Error("once");
      } finally {
        log.push(`${mine} ends`);
      }
    });
    observable.pipe(retry(1), repeat(2)).subscribe(noting(log));
    await ticks();
    expect(log).toEqual(["1", "1 ends", "2", "2 ends", "3", "3 ends", "complete"]);
  });

  it("BX-68 share makes one fiber, cancelled when nobody is left", async () => {
    let started = 0;
    let ended = 0;
    const shared = toObservable(function* () {
      started++;
      try {
        yield* Fiber.awaitCancel();
      } finally {
        ended++;
      }
    }).pipe(share());
    const a = shared.subscribe();
    const b = shared.subscribe();
    a.unsubscribe();
    await ticks();
    expect([started, ended]).toEqual([1, 0]);
    b.unsubscribe();
    await ticks();
    expect([started, ended]).toEqual([1, 1]);
  });

  it("observableOf gives one value and completes; wrong arguments are refused", () => {
    const log: string[] = [];
    observableOf(function* () {
      return 42;
    }).subscribe(noting(log));
    expect(log).toEqual(["42", "complete"]);
    expect(() => toObservable((async () => {}) as never)).toThrow(/toObservable: "body" must be a function returning/);
    expect(() => observableOf(42 as never)).toThrow(/observableOf: "op" must be/);
    expect(() => toObservable(() => Fiber.yield(), { sw: {} as never })).toThrow(/"sw" must be a Switch/);
    expect(() => toObserver({} as never)).toThrow(/toObserver: "stream" must be a Stream/);
  });
});

describe("streams", () => {
  it("BX-65 streamToObservable shares the items out, and puts back what was not delivered", async () => {
    const log: string[] = [];
    const stream = new Stream<string>(4);
    const observable = streamToObservable(stream);
    const a = observable.subscribe(noting(log, "A "));
    const b = observable.subscribe(noting(log, "B "));
    for (const item of ["1", "2", "3"]) stream.tryAdd(item);
    expect(stream.length).toBe(1);
    // Both were handed an item, and neither has run.
    a.unsubscribe();
    await ticks();
    expect(log).toEqual(["B 2", "B 1", "B 3"]);
    b.unsubscribe();
    stream.tryAdd("4");
    await ticks();
    expect(stream.tryTake()).toEqual({ value: "4" });
    stream.close();
    observable.subscribe(noting(log));
    expect(log.slice(3)).toEqual(["complete"]);
  });

  it("BX-65 an item that is put back comes first, even when the stream is full", async () => {
    const log: string[] = [];
    const stream = new Stream<number>(1);
    const subscription = streamToObservable(stream).subscribe(noting(log));
    stream.tryAdd(1);
    stream.tryAdd(2);
    const adding = toPromise(() => stream.add(3));
    subscription.unsubscribe();
    await ticks();
    expect([stream.length, stream.tryTake(), stream.length]).toEqual([2, { value: 1 }, 1]);
    expect([stream.tryTake(), stream.tryTake()]).toEqual([{ value: 2 }, { value: 3 }]);
    await adding;
    expect(log).toEqual([]);
  });

  it("shareStream gives all items to all", async () => {
    const log: string[] = [];
    const stream = new Stream<string>(4);
    const shared = shareStream(stream);
    shared.subscribe(noting(log, "A "));
    shared.subscribe(noting(log, "B "));
    stream.tryAdd("1");
    stream.close();
    await ticks();
    expect(log).toEqual(["A 1", "B 1", "A complete", "B complete"]);
  });

  it("BX-66 toObserver adds to the stream, and loses nothing silently", async () => {
    const taken = (stream: Stream<number>): number[] => {
      const values: number[] = [];
      for (let item = stream.tryTake(); item; item = stream.tryTake()) values.push(item.value);
      return values;
    };
    const results: unknown[] = [];
    for (const overflow of ["drop-oldest", "drop-newest", "latest"] as const) {
      const stream = new Stream<number>(2);
      const dropped: number[] = [];
      of(1, 2, 3).subscribe(toObserver(stream, { overflow, onDrop: (value) => void dropped.push(value) }));
      expect(stream.isClosed()).toBe(true);
      results.push([overflow, taken(stream), dropped]);
    }
    expect(results).toEqual([
      ["drop-oldest", [2, 3], [1]],
      ["drop-newest", [1, 2], [3]],
      ["latest", [3], [1, 2]],
    ]);
    const full = new Stream<number>(2);
    of(1, 2, 3, 4).subscribe(toObserver(full));
    expect(taken(full)).toEqual([1, 2]);
    await expect(toPromise(() => full.take())).rejects.toBeInstanceOf(OverflowError);
    const error = new Error("source");
    const failed = new Stream<number>(2);
    const observer = toObserver(failed);
    observer.next(1);
    observer.error(error);
    observer.next(2);
    observer.complete();
    expect(await toPromise(() => failed.take())).toBe(1);
    await expect(toPromise(() => failed.take())).rejects.toBe(error);
    await expect(toPromise(() => failed.iterate().next())).rejects.toBe(error);
  });
});

describe("latest", () => {
  it("BX-70 is in step with the subject, and unsubscribes with its switch", async () => {
    const subject = new BehaviorSubject(1);
    const ended = toPromise(() =>
      Switch.run(function* (sw) {
        const newest = yield* latest(sw, subject);
        expect(newest.value()).toBe(1);
        subject.next(2);
        expect(newest.value()).toBe(2);
        newest.close();
        expect(subject.observed).toBe(false);
        expect(newest.value()).toBe(2);
        expect((yield* latest(sw, NEVER, { initial: undefined })).value()).toBe(undefined);
        const none = yield* latest(sw, NEVER);
        expect(() => none.value()).toThrow("no elements in sequence");
        const error = new Error("source");
        const failing = yield* latest(
          sw,
          throwError(() => error),
        );
        expect(() => failing.value()).toThrow(error);
        yield* latest(sw, subject);
        expect(subject.observed).toBe(true);
        sw.context.cancel("stop");
        expect(subject.observed).toBe(false);
      }),
    );
    await ended;
    const open = openSwitch();
    await toPromise(() => latest(open.sw, subject));
    expect(subject.observed).toBe(true);
    open.close();
    await open.ended;
    expect(subject.observed).toBe(false);
  });

  it("BX-70 tells the end and an error each time it is asked", async () => {
    const error = new Error("source");
    await toPromise(() =>
      Switch.run(function* (sw) {
        const ended = yield* latest(sw, EMPTY);
        const failed = yield* latest(
          sw,
          throwError(() => error),
        );
        for (let i = 0; i < 2; i++) {
          expect(yield* ended.changed()).toBe(Done);
          let thrown: unknown;
          try {
            yield* failed.changed();
          } catch (reason) {
            thrown = reason;
          }
          expect(thrown).toBe(error);
        }
      }),
    );
  });

  it("BX-71 changed misses no update between two calls, and tells several as one", async () => {
    const seen: unknown[] = [];
    const subject = new BehaviorSubject(0);
    const ended = toPromise(() =>
      Switch.run(function* (sw) {
        const newest = yield* latest(sw, subject);
        for (let value = yield* newest.changed(); value !== Done; value = yield* newest.changed()) {
          seen.push(value);
          if (value === 3) subject.next(4);
        }
      }),
    );
    await ticks();
    subject.next(1);
    await ticks();
    subject.next(2);
    subject.next(3);
    await ticks();
    subject.next(5);
    subject.complete();
    await ended;
    expect(seen).toEqual([1, 3, 4, 5]);
  });
});

describe("subscriptions", () => {
  it("BX-73 a switch owns a subscription, and forgets one that has closed", async () => {
    const kept = new Subscription();
    const left = new Subscription();
    const dump: boolean[] = [];
    const { sw, close, ended } = openSwitch();
    await toPromise(function* () {
      yield* ownSubscription(sw, kept);
      yield* ownSubscription(sw, left);
    });
    const unsubscribe = left.unsubscribe.bind(left);
    let calls = 0;
    left.unsubscribe = () => {
      calls++;
      unsubscribe();
    };
    left.unsubscribe();
    let late = 0;
    left.add(() => late++);
    expect(late).toBe(1);
    kept.add(() => dump.push(sw.context.isFinished));
    close();
    await ended;
    expect([kept.closed, dump, calls]).toEqual([true, [false], 1]);
  });

  it("BX-74 toSubscription cancels the switch, and closes with it", async () => {
    const log: string[] = [];
    let subscription!: Subscription;
    const ended = outcome(
      toPromise(() =>
        Switch.run(function* (sw) {
          subscription = toSubscription(sw);
          subscription.add(() => log.push("teardown"));
          yield* sw.onRelease(() => void log.push("released"));
          try {
            yield* Fiber.awaitCancel();
          } finally {
            log.push("finally");
          }
        }),
      ),
    );
    const parent = new Subscription();
    parent.add(subscription);
    expect(subscription.closed).toBe(false);
    parent.unsubscribe();
    expect([subscription.closed, log]).toEqual([true, []]);
    subscription.unsubscribe();
    expect(await ended).toBe("error AbortError: The operation was aborted");
    expect(log).toEqual(["finally", "released", "teardown"]);
    const open = openSwitch();
    const other = toSubscription(open.sw);
    open.close();
    await open.ended;
    expect(other.closed).toBe(true);
    other.unsubscribe();
    expect(() => toSubscription(open.sw)).toThrow("Switch finished!");
  });
});

describe("time", () => {
  it("BX-80 operators of RxJS follow the clock, and end with the switch", async () => {
    const log: string[] = [];
    const clock = new MockClock();
    const { sw, close, ended } = openSwitch();
    const scheduler = toScheduler(clock, sw);
    timer(30, scheduler).subscribe(noting(log, "timer "));
    interval(20, scheduler).pipe(take(2)).subscribe(noting(log, "interval "));
    of("x").pipe(delay(10, scheduler)).subscribe(noting(log, "delay "));
    const keys = new Subject<string>();
    keys.pipe(debounceTime(10, scheduler)).subscribe(noting(log, "debounce "));
    keys.next("k");
    clock.setTime(0.005);
    keys.next("l");
    while (clock.tryAdvance()) log.push(`at ${Math.round(clock.now() * 1000)}`);
    expect(log).toEqual([
      "delay x",
      "delay complete",
      "at 10",
      "debounce l",
      "at 15",
      "interval 0",
      "at 20",
      "timer 0",
      "timer complete",
      "at 30",
      "interval 1",
      "interval complete",
      "at 40",
    ]);
    interval(1, scheduler).subscribe(noting(log));
    close();
    await ended;
    expect(clock.tryAdvance()).toBe(false);
    const late = scheduler.schedule(() => void log.push("late"));
    expect([late.closed, clock.tryAdvance()]).toEqual([true, false]);
    expect(toScheduler(clock, sw).schedule(() => {}).closed).toBe(true);
  });

  it("BX-81 BX-82 BX-84 actions run in order of time, then of scheduling, never within schedule", async () => {
    const log: string[] = [];
    const clock = new MockClock();
    const { sw, close, ended } = openSwitch();
    const scheduler = toScheduler(clock, sw);
    const note = (label: string) => () => void log.push(`${label} at ${scheduler.now()}`);
    scheduler.schedule(note("ten"), 10);
    scheduler.schedule(note("five"), 5);
    scheduler.schedule(note("five too"), 5);
    scheduler.schedule(note("never"), 7).unsubscribe();
    scheduler.schedule(note("now"));
    scheduler.schedule(note("negative"), -5);
    expect(log).toEqual([]);
    clock.setTime(0);
    expect(log).toEqual(["now at 0", "negative at 0"]);
    clock.setTime(0.01);
    expect(log.slice(2)).toEqual(["five at 10", "five too at 10", "ten at 10"]);
    const pending = scheduler.schedule(note("never"), 5);
    pending.unsubscribe();
    expect(clock.tryAdvance()).toBe(false);
    scheduler.schedule(() => {
      throw new Error("action");
    });
    clock.advance();
    close();
    expect(await ended).toBe("error Error: action");
  });

  it("BX-85 fibers sleep in frames of a TestScheduler, and what they emit falls in exact ones", () => {
    const test = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
    const clock = clockFromScheduler(test);
    test.run(({ expectObservable, cold }) => {
      const paced = toObservable<string>(function* (emit) {
        yield* emit("a");
        yield* clock.sleep(0.003);
        yield* emit("b");
        yield* clock.sleep(0.002);
        yield* emit("c");
      });
      expectObservable(paced).toBe("a--b-(c|)");
      // Also when it is not our clock that wakes the fiber.
      const echo = toObservable<string>((emit) =>
        Switch.run(function* (sw) {
          const values = yield* fromObservable(sw, cold("-x--y|"));
          for (let value = yield* values.next(); value !== Done; value = yield* values.next()) yield* emit(value);
        }),
      );
      expectObservable(echo).toBe("-x--y|");
    });
  });

  it("BX-88 a cancelled fiber unsubscribes in the frame of the cancellation", () => {
    const test = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
    const clock = clockFromScheduler(test);
    test.run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold("-a-b-c-d-e");
      const limited = toObservable<unknown>((emit) =>
        Fiber.first(
          () =>
            Switch.run(function* (sw) {
              const values = yield* fromObservable(sw, source);
              for (let value = yield* values.next(); value !== Done; value = yield* values.next()) yield* emit(value);
            }),
          () => clock.sleep(0.004),
        ),
      );
      expectObservable(limited).toBe("-a-b|");
      expectSubscriptions(source.subscriptions).toBe("^---!");
      const cut = cold("-a-b-c");
      expectObservable(
        observableOf(() => collect(cut)),
        "^-!",
      ).toBe("");
      expectSubscriptions(cut.subscriptions).toBe("^-!");
    });
  });

  it("BX-86 a promise never settles in virtual time", () => {
    const test = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
    test.run(({ expectObservable }) => expectObservable(from(Promise.resolve(1))).toBe(""));
  });

  it("BX-86 a strict clock refuses promises in virtual time, and says so", async () => {
    const waits = [
      () => fromPromise(Promise.resolve(1)),
      () => adopt(Promise.resolve(1)),
      () => fromAsync((signal) => ((signals = signal), Promise.resolve(1))),
    ];
    let signals!: AbortSignal;
    for (const wait of waits) {
      const scheduler = new VirtualTimeScheduler();
      const clock = clockFromScheduler(scheduler, { strict: true });
      const ended = outcome(
        toPromise(function* () {
          yield* clock.sleep(1);
          return yield* wait();
        }),
      );
      scheduler.flush();
      expect(await ended).toMatch(/^error RealPromiseError: .*a real promise under virtual time/);
    }
    expect(signals.aborted).toBe(true);
    // Out of its actions, and without being told to, nothing is refused.
    expect(await toPromise(waits[0]!)).toBe(1);
    const scheduler = new VirtualTimeScheduler();
    const clock = clockFromScheduler(scheduler);
    const ended = toPromise(function* () {
      yield* clock.sleep(1);
      return yield* waits[0]!();
    });
    scheduler.flush();
    expect(await ended).toBe(1);
  });

  it("BX-87 round trips give the original", async () => {
    const test = new TestScheduler(() => {});
    const { sw, close, ended } = openSwitch();
    expect(toScheduler(clockFromScheduler(test), sw)).toBe(test);
    const clock = new MockClock();
    expect(clockFromScheduler(toScheduler(clock, sw))).toBe(clock);
    close();
    await ended;
    expect(() => clockFromScheduler({} as never)).toThrow(/"scheduler" must be a scheduler/);
    expect(() => toScheduler({} as never, sw)).toThrow(/"clock" must be a Clock/);
  });

  it("BX-80 the mock's clock drives RxJS in a run", () => {
    const log: string[] = [];
    mock.run(function* ({ clock }) {
      yield* Switch.run(function* (sw) {
        interval(100, toScheduler(clock, sw)).subscribe((n) => log.push(`${n} at ${clock.now().toFixed(1)}`));
        yield* clock.sleep(0.35);
      });
      yield* clock.sleep(1);
    });
    expect(log).toEqual(["0 at 0.1", "1 at 0.2", "2 at 0.3"]);
  });
});
