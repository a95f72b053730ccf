// A program of several worlds: an emitter of readings, a pipeline of RxJS, and fibers that store the result, slower than it comes.
//
// The emitter cannot wait: its readings wait in a queue without a limit. From there on every queue is bounded, and whoever adds waits.
// Where operators that cannot wait feed a bounded queue, the loss is told.

import { EventEmitter } from "node:events";
import { bufferCount, concatMap, filter, from, fromEvent, map, mergeMap, Subject, take, takeUntil } from "rxjs";
import { describe, expect, it } from "vitest";
import { Fiber, Stream, Switch, type Clock, type Op } from "trestle";
import * as mock from "trestle/mock";
import {
  Done,
  events,
  forEachOf,
  fromObservable,
  fromPromise,
  lastOf,
  OverflowError,
  toPromise,
  type Subscribed,
} from "@trestle/bridges";
import { observableOf, streamToObservable, toObservable, toObserver, toScheduler } from "@trestle/bridges/rxjs";
import { macrotask } from "../bridges/world.js";

interface Reading {
  readonly id: number;
  readonly celsius: number;
}

const readings = (n: number): Reading[] => Array.from({ length: n }, (_, id) => ({ id, celsius: 15 + (id % 10) }));

/** Emits everything in bursts of ten, with a pause after each. */
function* sensor(emitter: EventEmitter, clock: Clock, all: readonly Reading[]): Op<void> {
  for (const reading of all) {
    emitter.emit("reading", reading);
    if (reading.id % 10 === 9) yield* clock.sleep(0.01);
  }
  emitter.emit("end");
}

/** The readings of an emitter, as a cold observable whose producer waits when told to. */
function fromEmitter(sw: Switch, emitter: EventEmitter, peak: { waiting: number }) {
  return toObservable<Reading>(
    function* (emit) {
      yield* Switch.run(function* (inner) {
        const incoming = yield* events(inner, emitter, "reading", { buffer: "unbounded", until: "end" });
        for (let args = yield* incoming.next(); args !== Done; args = yield* incoming.next()) {
          peak.waiting++;
          yield* emit(args[0] as Reading);
        }
      });
    },
    { sw },
  );
}

/** Stores what it takes, taking its time; notes the fullest that the queue has been. */
function* store(jobs: Stream<string>, clock: Clock, stored: string[], seen: { fullest: number }): Op<void> {
  const items = jobs.iterate();
  while (yield* items.next()) {
    seen.fullest = Math.max(seen.fullest, jobs.length);
    yield* clock.sleep(0.005);
    stored.push(items.value);
  }
}

describe("a feed of readings into a slow store", () => {
  it("BX-61 BX-33 stores every reading, in order, through queues that never hold more than they may", () => {
    const all = readings(100);
    const stored: string[] = [];
    const seen = { fullest: 0 };
    const peak = { waiting: 0 };
    let gone = -1;
    mock.run(function* ({ clock }) {
      const emitter = new EventEmitter();
      yield* Switch.run(function* (sw) {
        const jobs = new Stream<string>(4, { name: "jobs" });
        const source: Subscribed<Reading> = yield* fromObservable(sw, fromEmitter(sw, emitter, peak), {
          buffer: 8,
          overflow: "block",
        });
        yield* Fiber.fork(sw, () => store(jobs, clock, stored, seen));
        yield* Fiber.fork(sw, () => sensor(emitter, clock, all));
        for (let reading = yield* source.next(); reading !== Done; reading = yield* source.next()) {
          if (reading.celsius > 15) yield* jobs.add(`${reading.id}: ${reading.celsius}`);
        }
        expect(source.dropped).toBe(0);
        jobs.close();
      });
      gone = emitter.listenerCount("reading") + emitter.listenerCount("end");
    });
    expect(stored).toEqual(all.filter((r) => r.celsius > 15).map((r) => `${r.id}: ${r.celsius}`));
    expect(seen.fullest).toBe(4);
    expect(peak.waiting).toBe(100);
    expect(gone).toBe(0);
  });

  it("BX-25 BX-66 says so when operators that cannot wait run over a bounded queue", () => {
    const stored: string[] = [];
    const lost: string[] = [];
    const seen = { fullest: 0 };
    let failure: unknown;
    mock.run(function* ({ clock }) {
      const subject = new Subject<Reading>();
      const jobs = new Stream<string>(4, { name: "jobs" });
      subject
        .pipe(
          filter((r) => r.celsius > 15),
          map((r) => String(r.id)),
          bufferCount(3),
          mergeMap((batch) => from([batch.join("+")])),
        )
        .subscribe(toObserver(jobs, { onDrop: (batch) => void lost.push(batch) }));
      yield* Switch.run(function* (sw) {
        yield* Fiber.fork(sw, function* () {
          try {
            yield* store(jobs, clock, stored, seen);
          } catch (error) {
            failure = error;
          }
        });
        for (const reading of readings(30)) subject.next(reading);
      });
    });
    // The first went to the fiber that waited, four were queued, and the sixth is the one that is told of.
    expect(stored).toEqual(["1+2+3", "4+5+6", "7+8+9", "11+12+13", "14+15+16"]);
    expect(lost).toEqual(["17+18+19"]);
    expect(failure).toBeInstanceOf(OverflowError);
    expect(failure).toMatchObject({ capacity: 4 });
  });

  it("in real time, operators hand batches to a bounded queue one at a time, each when there is room, and none is lost", async () => {
    const emitter = new EventEmitter();
    const all = readings(203);
    const stored: number[] = [];
    let fullest = 0;
    await toPromise(() =>
      Switch.run(function* (sw) {
        const jobs = new Stream<Reading[]>(2, { name: "jobs" });
        yield* Fiber.fork(sw, function* () {
          const items = jobs.iterate();
          while (yield* items.next()) {
            fullest = Math.max(fullest, jobs.length);
            yield* fromPromise(macrotask());
            stored.push(...items.value.map(({ id }) => id));
          }
        });
        // `concatMap` subscribes to the next batch when the fiber of this one has found room.
        const fed$ = fromEvent(emitter, "reading").pipe(
          // Before the batches: the last one need not be full.
          takeUntil(fromEvent(emitter, "end")),
          map((reading) => reading as Reading),
          filter(({ celsius }) => celsius > 15),
          bufferCount(5),
          concatMap((batch) => observableOf(() => jobs.add(batch), { sw })),
        );
        const fed = yield* Fiber.forkPromise(sw, () => lastOf(fed$));
        for (const reading of all) {
          emitter.emit("reading", reading);
          if (reading.id % 50 === 49) yield* fromPromise(macrotask());
        }
        emitter.emit("end");
        yield* fed.awaitOrThrow();
        jobs.close();
      }),
    );
    expect(stored).toEqual(all.filter(({ celsius }) => celsius > 15).map(({ id }) => id));
    expect(fullest).toBe(2);
    expect(emitter.listenerCount("reading") + emitter.listenerCount("end")).toBe(0);
  });

  it("BX-65 BX-80 goes back to RxJS, in the time of the mock, and a subscriber that leaves takes nothing along", () => {
    const log: string[] = [];
    mock.run(function* ({ clock }) {
      const jobs = new Stream<string>(2);
      yield* Switch.run(function* (sw) {
        const scheduler = toScheduler(clock, sw);
        yield* Fiber.fork(sw, function* () {
          for (const name of ["a", "b", "c", "d", "e"]) yield* jobs.add(name);
          jobs.close();
        });
        streamToObservable(jobs, { sw })
          .pipe(take(2))
          .subscribe((name) => log.push(`first ${name}`));
        scheduler.schedule(() => {
          streamToObservable(jobs, { sw }).subscribe((name) => log.push(`second ${name} at ${scheduler.now()}`));
        }, 50);
        yield* clock.sleep(0.1);
        yield* forEachOf(from(["done"]), function* (word) {
          log.push(word);
        });
      });
    });
    expect(log).toEqual(["first a", "first b", "second c at 50", "second d at 50", "second e at 50", "done"]);
  });
});
