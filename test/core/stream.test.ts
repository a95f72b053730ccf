import { describe, expect, it } from "vitest";
import {
  Cancel,
  DeadlockDetected,
  Fiber,
  InvalidArgument,
  NotInFiberError,
  Stream,
  StreamClosed,
  Switch,
  currentFiber,
  type Op,
} from "trestle";
import { run } from "trestle/mock";
import { run as runOnHost } from "trestle/node";
import { listen } from "../../core/engine/probe.js";
import { steps, thrownBy, transcript, type Note } from "./transcript.js";

function* adds<T>(note: Note, stream: Stream<T>, items: Iterable<T>): Op<void> {
  for (const item of items) {
    note(`Adding ${String(item)}`);
    yield* stream.add(item);
    note(`Added ${String(item)}`);
  }
}

function* takes<T>(note: Note, stream: Stream<T>, count: number): Op<void> {
  for (let i = 0; i < count; i++) {
    note("Reading");
    note(`Got ${String(yield* stream.take())}`);
  }
}

/** One take by a reader with a name. */
function* reader(note: Note, stream: Stream<unknown>, name: string): Op<void> {
  try {
    note(`${name} got ${String(yield* stream.take())}`);
  } catch (error) {
    note(`${name}: ${String(error)}`);
  }
}

/** One add by a writer that says what became of it. */
function* writer<T>(note: Note, stream: Stream<T>, item: T): Op<void> {
  try {
    yield* stream.add(item);
    note(`${String(item)} added`);
  } catch (error) {
    note(`${String(item)}: ${String(error)}`);
  }
}

/** Items that are there now. */
function drained<T>(stream: Stream<T>): T[] {
  const items: T[] = [];
  for (let item = stream.tryTake(); item; item = stream.tryTake()) items.push(item.value);
  return items;
}

describe("Stream", () => {
  it("ST-01 items come out in the order in which their add took effect", () => {
    const log = transcript(function* (note) {
      const stream = new Stream<number>(2);
      yield* Fiber.both(
        () => Fiber.forEach([1, 2, 3, 4, 5], (n) => stream.add(n)),
        function* () {
          for (let i = 0; i < 5; i++) note(String(yield* stream.take()));
        },
      );
    });
    expect(log).toEqual(["1", "2", "3", "4", "5"]);
  });

  it("ST-02 add with room or a waiting reader, and take with an item, neither switch fibers nor check cancellation", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const awaited = new Stream<string>(0);
        yield* Fiber.fork(sw, () => reader(note, awaited, "reader"));
        yield* Cancel.sub((cc) =>
          Fiber.both(
            () => Cancel.protect(() => steps(note, "other", 2)),
            function* () {
              cc.cancel("stop");
              const stream = new Stream<string>(1);
              yield* stream.add("item");
              note(yield* stream.take());
              yield* awaited.add("handed over");
              note("added");
            },
          ),
        );
      }),
    );
    expect(log).toEqual(["other1", "item", "added", "other2", "reader got handed over"]);
  });

  it("ST-03 an item goes straight to the longest-waiting reader and never enters the queue", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const stream = new Stream<number>(5);
        yield* Fiber.fork(sw, () => reader(note, stream, "a"));
        yield* Fiber.fork(sw, () => reader(note, stream, "b"));
        yield* stream.add(1);
        note(`length ${stream.length}, to take now: ${stream.tryTake()?.value}`);
        yield* stream.add(2);
        yield* stream.add(3);
        note(`length ${stream.length}`);
      }),
    );
    expect(log).toEqual(["length 0, to take now: undefined", "length 1", "a got 1", "b got 2"]);
  });

  it("ST-04 a take from a full stream lets the longest-waiting writer's item in at that very moment", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const stream = new Stream<number>(1);
        yield* stream.add(1);
        yield* Fiber.fork(sw, () => writer(note, stream, 2));
        yield* Fiber.fork(sw, () => writer(note, stream, 3));
        note(`took ${yield* stream.take()}, length ${stream.length}, room: ${stream.tryAdd(4)}`);
        note(`took ${yield* stream.take()}`);
        note(`took ${yield* stream.take()}, length ${stream.length}`);
      }),
    );
    expect(log).toEqual(["took 1, length 1, room: false", "took 2", "took 3, length 0", "2 added", "3 added"]);
  });

  it("ST-05 a writer that waited for room resumes after all takes that were ready", () => {
    const log = transcript(function* (note) {
      const stream = new Stream<number>(3);
      yield* stream.add(1);
      yield* Fiber.both(
        () => adds(note, stream, [2, 3, 4]),
        () => takes(note, stream, 4),
      );
    });
    expect(log).toEqual([
      "Adding 2",
      "Added 2",
      "Adding 3",
      "Added 3",
      "Adding 4",
      ...["Reading", "Got 1", "Reading", "Got 2", "Reading", "Got 3", "Reading", "Got 4"],
      "Added 4",
    ]);
  });

  it("ST-06 RB-40 a cancelled reader is removed: the item goes to the next reader, or into the queue", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const stream = new Stream<number>(1);
        yield* Cancel.sub((cc) =>
          Fiber.both(
            () => reader(note, stream, "cancelled"),
            function* () {
              yield* Fiber.fork(sw, () => reader(note, stream, "next"));
              cc.cancel("stop");
              yield* stream.add(1);
              yield* stream.add(2);
              note(`length ${stream.length}`);
            },
          ),
        );
        note(`took ${yield* stream.take()}`);
      }),
    );
    expect(log).toEqual(["length 1", "cancelled: Cancelled: stop", "next got 1", "took 2"]);
  });

  it("ST-07 RB-40 a cancelled writer is removed, and its item is never delivered", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const stream = new Stream<number>(1);
        yield* stream.add(1);
        yield* Cancel.sub((cc) =>
          Fiber.both(
            () => writer(note, stream, 2),
            function* () {
              yield* Fiber.fork(sw, () => writer(note, stream, 3));
              cc.cancel("stop");
              note(`took ${yield* stream.take()}`);
              note(`took ${yield* stream.take()}`);
              note(`length ${stream.length}`);
            },
          ),
        );
      }),
    );
    expect(log).toEqual(["took 1", "took 3", "length 0", "2: Cancelled: stop", "3 added"]);
  });

  it("ST-08 RB-40 a reader that was handed an item and is cancelled before it resumes has it", () => {
    const log = transcript((note) =>
      Cancel.sub(function* (cc) {
        const stream = new Stream<number>(1);
        yield* Fiber.both(
          () => reader(note, stream, "reader"),
          function* () {
            yield* stream.add(1);
            cc.cancel("stop");
          },
        );
        note(`length ${stream.length}`);
      }),
    );
    expect(log).toEqual(["reader got 1", "length 0"]);
  });

  it("ST-09 RB-40 a writer whose item was accepted and that is cancelled before it resumes returns normally", () => {
    const log = transcript((note) =>
      Cancel.sub(function* (cc) {
        const stream = new Stream<number>(1);
        yield* stream.add(1);
        yield* Fiber.both(
          () => writer(note, stream, 2),
          function* () {
            note(`took ${yield* stream.take()}`);
            cc.cancel("stop");
          },
        );
        note(`took ${yield* stream.take()}`);
      }),
    );
    expect(log).toEqual(["took 1", "2 added", "took 2"]);
  });

  it("ST-10 a negative capacity is refused, and so is what is no integer", () => {
    const thrown = thrownBy(() => new Stream(-1));
    expect(thrown).toBeInstanceOf(InvalidArgument);
    expect((thrown as Error).message).toBe("capacity < 0");
    for (const capacity of [1.5, NaN, -Infinity, "1", undefined, null])
      expect(() => new Stream(capacity as number)).toThrow(
        /^new Stream: "capacity" must be an integer or Infinity, got /,
      );
    expect([0, 1, Infinity].map((capacity) => new Stream(capacity).capacity)).toEqual([0, 1, Infinity]);
    expect(() => new Stream(1, { name: 7 as never })).toThrow('new Stream: "options.name" must be a string');
  });

  it("ST-11 tryTake gives the head item, tells undefined from nothing, and lets one waiting writer in", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const stream = new Stream<string | undefined>(1);
        expect(stream.tryTake()).toBeUndefined();
        yield* stream.add(undefined);
        yield* Fiber.fork(sw, () => writer(note, stream, "a"));
        yield* Fiber.fork(sw, () => writer(note, stream, "b"));
        expect(stream.tryTake()).toEqual({ value: undefined });
        note(`length ${stream.length}`);
        yield* Fiber.yield();
        expect(drained(stream)).toEqual(["a", "b"]);
      }),
    );
    expect(log).toEqual(["length 1", "a added", "b added"]);
  });

  it("ST-12 length counts queued items only, and is always 0 with capacity 0", () => {
    run(() =>
      Switch.run(function* (sw) {
        for (const capacity of [0, 2]) {
          const stream = new Stream<number>(capacity);
          expect([stream.length, stream.isEmpty()]).toEqual([0, true]);
          for (let n = 0; n < 4; n++) yield* Fiber.fork(sw, () => stream.add(n));
          expect([stream.length, stream.isEmpty()]).toEqual([capacity, capacity === 0]);
          expect(drained(stream)).toEqual([0, 1, 2, 3]);
        }
      }),
    );
  });

  it("ST-13 an add or a take that would wait in a cancelled context throws and leaves no waiter behind", () => {
    const log = transcript((note) =>
      Cancel.sub(function* (cc) {
        for (const capacity of [0, 1]) {
          const full = new Stream<number>(capacity);
          if (capacity > 0) yield* full.add(1);
          const empty = new Stream<number>(capacity);
          if (capacity === 0) cc.cancel("stop");
          yield* writer(note, full, 2);
          yield* reader(note, empty, "reader");
          expect([full.dump(), empty.dump()].join()).not.toMatch(/[1-9] (waiting )?to (add|take)/);
          yield* Cancel.protect(() =>
            Fiber.both(
              () => Fiber.all([() => full.add(3), () => empty.add(4)]),
              function* () {
                if (capacity > 0) note(String(yield* full.take()));
                note(`${yield* full.take()} ${yield* empty.take()}`);
              },
            ),
          );
        }
      }),
    );
    const round = ["2: Cancelled: stop", "reader: Cancelled: stop"];
    expect(log).toEqual([...round, "3 4", ...round, "1", "3 4"]);
  });

  it("tryAdd says whether there was room, and hands over to a waiting reader", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const stream = new Stream<number>(1);
        yield* Fiber.fork(sw, () => reader(note, stream, "reader"));
        note([1, 2, 3].map((n) => stream.tryAdd(n)).join());
        note(`length ${stream.length}`);
      }),
    );
    expect(log).toEqual(["true,true,false", "length 1", "reader got 1"]);
  });

  it("items may be added and taken from outside of fibers", async () => {
    const stream = new Stream<string>(1);
    setTimeout(() => {
      stream.tryAdd("from a timer");
    }, 1);
    expect(await runOnHost(() => stream.take())).toBe("from a timer");
  });

  it("an op may be run again, each time anew, while another fiber waits in it too", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const stream = new Stream<number>(0);
        const both = function* (op: Op<unknown>): Op<void> {
          for (const name of ["a", "b"]) {
            yield* Fiber.fork(sw, function* () {
              for (let i = 1; i <= 2; i++) note(`${name}: ${String(yield* op)}`);
            });
          }
        };
        yield* both(stream.add(7));
        for (let i = 1; i <= 4; i++) note(`took ${yield* stream.take()}`);
        yield* Fiber.yield();
        for (const op of [stream.take(), stream.iterate().next()]) {
          yield* both(op);
          for (let i = 1; i <= 4; i++) yield* stream.add(i);
          yield* Fiber.yield();
        }
      }),
    );
    expect(log).toEqual([
      ...["took 7", "took 7", "a: undefined", "a: undefined", "b: undefined", "took 7", "took 7", "b: undefined"],
      ...["a: 1", "a: 3", "b: 2", "b: 4"],
      ...["a: true", "a: true", "b: true", "b: true"],
    ]);
  });

  it("hands an op out again while it need not wait, and then keeps it no longer", () => {
    run(() =>
      Switch.run(function* (sw) {
        const stream = new Stream<number>(1);
        const items = stream.iterate();
        for (const makeOp of [() => stream.take(), () => items.next()]) {
          const op = makeOp();
          for (let i = 0; i < 2; i++) {
            expect(makeOp() === op).toBe(true);
            yield* stream.add(i);
            yield* op;
          }
          yield* Fiber.fork(sw, makeOp);
          expect(makeOp() === op).toBe(false);
          yield* stream.add(2);
        }
      }),
    );
  });

  it("BM-06 an op iterated by foreign code throws and changes nothing", () => {
    const stream = new Stream<number>(2);
    stream.tryAdd(1);
    const ops: Op<unknown>[] = [stream.add(2), stream.take(), stream.iterate().next()];
    for (const op of ops) expect(thrownBy(() => [...(op as Iterable<unknown>)])).toBeInstanceOf(NotInFiberError);
    expect(drained(stream)).toEqual([1]);
  });

  it("keeps the order however the queue grows and shrinks", () => {
    const stream = new Stream<number>(Infinity);
    let added = 0;
    let taken = 0;
    for (const [adds, takes] of [
      [5, 3],
      [20, 7],
      [3000, 2500],
      [1, 400],
      [5000, 100],
      [0, 5016],
    ]) {
      for (let i = 0; i < adds!; i++) stream.tryAdd(added++);
      for (let i = 0; i < takes!; i++) expect(stream.tryTake()).toEqual({ value: taken++ });
    }
    expect([added, taken, stream.length]).toEqual([8026, 8026, 0]);
  });

  it("gives the memory of a crowded moment back, and keeps no item that was taken", () => {
    const stream = new Stream<object>(Infinity);
    const { slots } = (stream as unknown as { items: { slots: unknown[] } }).items;
    const places = () => (stream as unknown as { items: { slots: unknown[] } }).items.slots;
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 100_000; i++) stream.tryAdd({});
      expect(places().length).toBeGreaterThanOrEqual(100_000);
      expect(drained(stream)).toHaveLength(100_000);
      expect(places().length).toBeLessThanOrEqual(1024);
      expect(places().filter((item) => item !== undefined)).toEqual([]);
    }
    expect(slots.length).toBeLessThanOrEqual(16);
  });

  it("says in a dead-lock report who waits for which stream, and passes over those who were given up", () => {
    const jobs = new Stream<number>(1, { name: "jobs" });
    const full = new Stream<string>(0);
    const report = thrownBy(() =>
      run(() =>
        Fiber.all([
          () => jobs.take(),
          () => full.add("given up"),
          function* () {
            const items = jobs.iterate();
            yield* items.next();
          },
        ]),
      ),
    ) as DeadlockDetected;
    expect(report).toBeInstanceOf(DeadlockDetected);
    expect(report.waiting.map((fiber) => fiber.waitsFor)).toEqual([
      'Stream.iterate "jobs"',
      'Stream.take "jobs"',
      `Stream.add ${full.id}`,
    ]);
    expect(full.tryTake()).toBeUndefined();
    expect(jobs.tryAdd(1)).toBe(true);
    expect(drained(jobs)).toEqual([1]);
  });

  it("TR-06 reports to whoever listens what was added, what was taken, and who had to wait", () => {
    const log: string[] = [];
    const who = () => currentFiber().name;
    const stop = listen({
      objectCreated: (_stream, kind, name) => log.push(`${kind} ${name}`),
      put: () => log.push(`${who()} put`),
      get: () => log.push(`${who()} get`),
      tryGet: () => log.push(`${who()} has to wait`),
    });
    run(function* reader() {
      const stream = new Stream<number>(1, { name: "jobs" });
      yield* Fiber.all([
        function* writer() {
          for (let n = 0; n < 3; n++) yield* stream.add(n);
          stream.close();
        },
        function* () {
          yield* stream.take();
          stream.tryTake();
          const items = stream.iterate();
          while (yield* items.next());
        },
      ]);
    });
    stop();
    expect(log).toEqual([
      "Stream jobs",
      "writer put",
      "writer has to wait",
      ...["reader get", "reader get", "reader has to wait"],
      ...["writer put", "writer put"],
      "reader get",
    ]);
  });

  it("dump shows what is queued and who waits", () => {
    run(() =>
      Switch.run(function* (sw) {
        const stream = new Stream<number>(2, { name: "jobs" });
        for (let n = 0; n < 3; n++) yield* Fiber.fork(sw, () => stream.add(n));
        expect(stream.dump()).toBe(`Stream ${stream.id} "jobs": 2 of 2 items, 1 waiting to add, 0 to take`);
        drained(stream);
        yield* Fiber.forkDaemon(sw, () => stream.take());
        expect(stream.dump()).toBe(`Stream ${stream.id} "jobs": 0 of 2 items, 0 waiting to add, 1 to take`);
        const closed = new Stream(Infinity);
        closed.close();
        expect(closed.dump()).toBe(`Stream ${closed.id}, closed: 0 of Infinity items, 0 waiting to add, 0 to take`);
      }),
    );
  });
});

describe("a stream of capacity 0", () => {
  it("ST-14 add returns only once a reader has taken the item", () => {
    const log = transcript(function* (note) {
      const stream = new Stream<number>(0);
      yield* Fiber.both(
        () => adds(note, stream, [1]),
        function* () {
          yield* steps(note, "other", 3);
          yield* takes(note, stream, 1);
        },
      );
    });
    expect(log).toEqual(["Adding 1", "other1", "other2", "other3", "Reading", "Got 1", "Added 1"]);
  });

  it("ST-15 the first exchange wakes the writer from the tail", () => {
    const log = transcript(function* (note) {
      const stream = new Stream<number>(0);
      yield* Fiber.both(
        () => adds(note, stream, [1, 2]),
        () => takes(note, stream, 2),
      );
    });
    expect(log).toEqual(["Adding 1", "Reading", "Got 1", "Reading", "Added 1", "Adding 2", "Added 2", "Got 2"]);
  });

  it("ST-16 three waiting readers: three adds complete without blocking, and the readers resume in order of arrival", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const stream = new Stream<number>(0);
        for (const name of ["a", "b", "c"]) yield* Fiber.fork(sw, () => reader(note, stream, name));
        yield* adds(note, stream, [1, 2, 3]);
        expect(stream.tryAdd(4)).toBe(false);
      }),
    );
    expect(log).toEqual([
      ...["Adding 1", "Added 1", "Adding 2", "Added 2", "Adding 3", "Added 3"],
      ...["a got 1", "b got 2", "c got 3"],
    ]);
  });

  it("ST-17 three waiting writers: three takes give their items without blocking, and the writers resume in order", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const stream = new Stream<number>(0);
        for (const n of [1, 2, 3]) yield* Fiber.fork(sw, () => writer(note, stream, n));
        yield* takes(note, stream, 3);
      }),
    );
    expect(log).toEqual([
      ...["Reading", "Got 1", "Reading", "Got 2", "Reading", "Got 3"],
      ...["1 added", "2 added", "3 added"],
    ]);
  });

  it("ST-18 a cancelled writer or reader is skipped by the next exchange", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const stream = new Stream<number>(0);
        for (const wait of [(n: number) => writer(note, stream, n), (n: number) => reader(note, stream, `r${n}`)]) {
          yield* Cancel.sub((cc) =>
            Fiber.both(
              () => wait(1),
              function* () {
                yield* Fiber.fork(sw, () => wait(2));
                cc.cancel("stop");
              },
            ),
          );
          note(stream.dump().replace(/^.*items, /, ""));
          if (stream.tryAdd(3)) yield* Fiber.yield();
          else note(`took ${yield* stream.take()}`);
          note(stream.dump().replace(/^.*items, /, ""));
        }
      }),
    );
    expect(log).toEqual([
      "1: Cancelled: stop",
      "1 waiting to add, 0 to take",
      "took 2",
      "0 waiting to add, 0 to take",
      "2 added",
      "r1: Cancelled: stop",
      "0 waiting to add, 1 to take",
      "r2 got 3",
      "0 waiting to add, 0 to take",
    ]);
  });

  it("ST-19 tryTake takes from a waiting writer if there is one", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const stream = new Stream<number>(0);
        expect(stream.tryTake()).toBeUndefined();
        yield* Fiber.fork(sw, () => writer(note, stream, 1));
        expect(stream.tryTake()).toEqual({ value: 1 });
        note("taken");
        yield* Fiber.yield();
        expect(stream.tryTake()).toBeUndefined();
      }),
    );
    expect(log).toEqual(["taken", "1 added"]);
  });
});

describe("a closed stream", () => {
  it("ST-20 close wakes those who wait to add with StreamClosed, and their items are not delivered", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const stream = new Stream<number>(1);
        for (const n of [1, 2, 3]) yield* Fiber.fork(sw, () => writer(note, stream, n));
        stream.close();
        note(`closed: ${stream.isClosed()}`);
        note(`left: ${drained(stream).join()}`);
      }),
    );
    expect(log).toEqual([
      "1 added",
      "closed: true",
      "left: 1",
      "2: StreamClosed: Stream closed",
      "3: StreamClosed: Stream closed",
    ]);
  });

  it("ST-20 close wakes those who wait for an item: take throws, a loop ends", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const stream = new Stream<number>(1);
        yield* Fiber.fork(sw, () => reader(note, stream, "a"));
        yield* Fiber.fork(sw, function* () {
          const items = stream.iterate();
          while (yield* items.next()) note("an item");
          note("loop ended");
        });
        stream.close();
        note("closed");
      }),
    );
    expect(log).toEqual(["closed", "a: StreamClosed: Stream closed", "loop ended"]);
  });

  it("ST-21 nothing can be added, what is queued is delivered first, and a second close does nothing", () => {
    const log = transcript(function* (note) {
      const stream = new Stream<number>(3, { name: "jobs" });
      expect(stream.isClosed()).toBe(false);
      for (const n of [1, 2, 3]) yield* stream.add(n);
      stream.close();
      stream.close();
      yield* writer(note, stream, 4);
      note(String(thrownBy(() => stream.tryAdd(4))));
      yield* reader(note, stream, "take");
      note(`tryTake got ${stream.tryTake()?.value}`);
      const items = stream.iterate();
      while (yield* items.next()) note(`loop got ${items.value}`);
      note(`again: ${yield* items.next()}`);
      yield* reader(note, stream, "take");
      note(`tryTake got ${stream.tryTake()?.value}`);
    });
    expect(log).toEqual([
      '4: StreamClosed: Stream closed ("jobs")',
      'StreamClosed: Stream closed ("jobs")',
      "take got 1",
      "tryTake got 2",
      "loop got 3",
      "again: false",
      'take: StreamClosed: Stream closed ("jobs")',
      "tryTake got undefined",
    ]);
    const stream = new Stream(0);
    stream.close();
    const thrown = thrownBy(() => stream.tryAdd(1));
    expect(thrown).toBeInstanceOf(StreamClosed);
    expect(thrown).toBeInstanceOf(InvalidArgument);
    expect(thrown).toMatchObject({ message: "Stream closed", name: "StreamClosed", code: "STREAM_CLOSED" });
  });

  it("a reader that was handed an item before the close has it, and a writer whose item was accepted returns", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const empty = new Stream<number>(1);
        yield* Fiber.fork(sw, () => reader(note, empty, "reader"));
        empty.tryAdd(1);
        empty.close();
        const full = new Stream<number>(0);
        yield* Fiber.fork(sw, () => writer(note, full, 2));
        note(`took ${full.tryTake()?.value}`);
        full.close();
      }),
    );
    expect(log).toEqual(["took 2", "reader got 1", "2 added"]);
  });

  it("the error of an operation that waited has the stack of the fiber, not that of whoever closed", () => {
    run(() =>
      Switch.run(function* (sw) {
        const stream = new Stream<number>(1);
        yield* Fiber.fork(sw, function* waitsForAnItem() {
          try {
            yield* stream.take();
          } catch (error) {
            expect((error as Error).stack).toContain("waitsForAnItem");
          }
        });
        stream.close();
      }),
    );
  });
});

describe("a loop over a stream", () => {
  it("continue, break and return do what they do in any loop, and nothing is lost", () => {
    const log = transcript(function* (note) {
      const stream = new Stream<number>(10);
      for (let n = 1; n <= 8; n++) yield* stream.add(n);
      stream.close();
      const items = stream.iterate();
      while (yield* items.next()) {
        if (items.value === 2) continue;
        note(`first: ${items.value}`);
        if (items.value === 3) break;
      }
      note(`still there: ${items.value}`);
      const found = yield* (function* (): Op<number> {
        while (yield* items.next()) if (items.value === 5) return items.value;
        return -1;
      })();
      note(`found ${found}`);
      const rest = stream.iterate();
      while (yield* rest.next()) note(`rest: ${rest.value}`);
      expect(() => rest.value).toThrow(InvalidArgument);
    });
    expect(log).toEqual(["first: 1", "first: 3", "still there: 3", "found 5", "rest: 6", "rest: 7", "rest: 8"]);
  });

  it("waits for items as take does: in turn with others, cancelled as others, with an item in hand", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        const stream = new Stream<string | undefined>(1);
        const loop = function* (name: string): Op<void> {
          const items = stream.iterate();
          try {
            while (yield* items.next()) note(`${name}: ${items.value}`);
          } catch (error) {
            note(`${name}: ${String(error)}`);
          }
        };
        yield* Fiber.fork(sw, () => loop("a"));
        yield* Fiber.fork(sw, () => reader(note, stream, "b"));
        yield* Cancel.sub((cc) =>
          Fiber.both(
            () => loop("c"),
            function* () {
              stream.tryAdd(undefined);
              stream.tryAdd("2");
              stream.tryAdd("3");
              cc.cancel("stop");
            },
          ),
        );
        yield* Fiber.yield();
        stream.close();
      }),
    );
    expect(log).toEqual(["a: undefined", "b got 2", "c: 3", "c: Cancelled: stop"]);
  });

  it("value without an item is an error, so that a forgotten yield* does not loop for ever", () => {
    run(function* () {
      const stream = new Stream<number>(1);
      const items = stream.iterate();
      expect(() => items.value).toThrow("there is no item here; go to one with yield* cursor.next()");
      expect(() => {
        while (items.next()) void items.value;
      }).toThrow(InvalidArgument);
      stream.close();
      expect(yield* items.next()).toBe(false);
      expect(() => items.value).toThrow(InvalidArgument);
    });
  });

  it("a stream that failed gives its items first, then its error to all", () => {
    run(function* () {
      const error = new Error("producer");
      const stream = new Stream<number>(2);
      const log: unknown[] = [];
      yield* Fiber.both(
        function* () {
          try {
            yield* stream.take();
          } catch (thrown) {
            log.push(thrown);
          }
        },
        function* () {
          stream.fail(error);
        },
      );
      expect(log).toEqual([error]);
      stream.fail(new Error("too late"));
      expect(() => stream.tryAdd(1)).toThrow(StreamClosed);
      const other = new Stream<number>(2);
      other.tryAdd(1);
      other.fail(error);
      expect(yield* other.take()).toBe(1);
      const items = other.iterate();
      for (const take of [() => other.take(), () => items.next(), () => items.next()]) {
        try {
          yield* take();
          log.push("went on");
        } catch (thrown) {
          log.push(thrown);
        }
      }
      expect(log).toEqual([error, error, error, error]);
      expect(() => items.value).toThrow(InvalidArgument);
    });
  });

  it("an item that is put back comes first: to who waits, before the others, and beyond the capacity", () => {
    run(function* () {
      const stream = new Stream<number>(1);
      let waited = 0;
      yield* Fiber.both(
        function* () {
          waited = yield* stream.take();
        },
        function* () {
          stream.putBack(7);
        },
      );
      expect([waited, stream.length]).toEqual([7, 0]);
      stream.tryAdd(2);
      yield* Fiber.both(
        () => stream.add(3),
        function* () {
          stream.putBack(1);
          expect([stream.length, stream.tryAdd(9)]).toEqual([2, false]);
          // The writer still waits: the stream is full.
          expect(yield* stream.take()).toBe(1);
          expect(stream.length).toBe(1);
          expect(yield* stream.take()).toBe(2);
        },
      );
      expect(yield* stream.take()).toBe(3);
      const many = new Stream<number>(Infinity);
      for (let i = 0; i < 20; i++) many.putBack(i);
      for (let i = 19; i >= 0; i--) expect(yield* many.take()).toBe(i);
      stream.close();
      stream.putBack(4);
      expect(yield* stream.take()).toBe(4);
    });
  });
});
