import { describe, expect, it } from "vitest";
import {
  Cancel,
  Condition,
  Deferred,
  Fiber,
  Lazy,
  Mutex,
  Semaphore,
  Switch,
  currentFiber,
  onUnhandledError,
  startRoot,
  suspend,
  trailOf,
  type Op,
  type Resolver,
} from "trestle";
import { run } from "trestle/mock";
import { run as runNode } from "trestle/node";
import * as Trace from "trestle/trace";
import type { TraceEvent } from "trestle/trace";
import { transcript } from "./transcript.js";

/** What `body` does, an event a line: the type, then the values that are there, without the file names. */
function traceOf(body: () => unknown): string[] {
  const lines: string[] = [];
  const unsubscribe = Trace.subscribe((_time, event) => void lines.push(line(event)));
  try {
    body();
  } finally {
    unsubscribe();
  }
  return lines;
}

function line(event: TraceEvent): string {
  const { type, ...values } = event;
  const shown = Object.entries(values)
    .filter(([key, value]) => value !== undefined && key !== "forkedAt")
    .map(([key, value]) => `${key}=${String(value)}`);
  return [type, ...shown].join(" ");
}

/** The lines about one kind of event. */
const only = (lines: string[], ...types: string[]) => lines.filter((text) => types.includes(text.split(" ")[0]!));

describe("subscribe", () => {
  it("TR-02 a fork, a wait and a wake: fibers and contexts are created, run, wait and end, in this order", () => {
    const lines = traceOf(() =>
      run(function* main({ clock }) {
        yield* Switch.run(function* (sw) {
          yield* Fiber.fork(sw, function* child() {
            yield* clock.sleep(1);
          });
        });
      }),
    );
    expect(lines).toEqual([
      "domain-spawned",
      "context-created context=1 kind=Root",
      "name id=1 name=main",
      "fiber-created fiber=2 context=1",
      "name id=2 name=main",
      "fiber-running fiber=2 name=main",
      "context-created context=3 kind=Switch parent=1 fiber=2",
      "fiber-created fiber=4 context=3 parent=2",
      "name id=4 name=child",
      "fiber-stopped fiber=2",
      "fiber-running fiber=4 name=child",
      "fiber-suspended fiber=4 operation=Clock.sleep(1)",
      "fiber-stopped fiber=4",
      "fiber-running fiber=2 name=main",
      "fiber-suspended fiber=2 operation=the fibers of switch 3 to end",
      "fiber-stopped fiber=2",
      "loop-suspended",
      "fiber-woken fiber=4 cancelled=false",
      "loop-resumed",
      "fiber-running fiber=4 name=child",
      "fiber-ended fiber=4",
      "fiber-woken fiber=2 by=4 cancelled=false",
      "fiber-stopped fiber=4",
      "fiber-running fiber=2 name=main",
      "context-ended context=3",
      "fiber-ended fiber=2",
      "context-ended context=1",
      "fiber-stopped fiber=2",
    ]);
  });

  it("TR-02 each kind of context says what it is", () => {
    const lines = traceOf(() =>
      run(function* () {
        yield* Cancel.sub(function* () {});
        yield* Cancel.protect(function* () {});
        yield* Fiber.first(
          () => Fiber.yield(),
          () => Fiber.yield(),
        );
        yield* Switch.run(function* (sw) {
          yield* sw.onRelease(() => {});
        });
        const finished = yield* Switch.run(function* (sw) {
          return sw;
        });
        try {
          yield* finished.onRelease(() => {});
        } catch {
          // Late, as it should be.
        }
      }),
    );
    const created = only(lines, "context-created").map((text) => /kind=(\w+)/.exec(text)?.[1]);
    expect(created).toEqual(["Root", "Sub", "Protect", "Any", "Switch", "Protect", "Switch", "Protect"]);
    expect(only(lines, "context-ended")).toHaveLength(created.length);
  });

  it("TR-02 a failure is an error of its context, which cancels the fibers inside", () => {
    const lines = traceOf(() =>
      run(function* () {
        try {
          yield* Fiber.both(
            () => Fiber.awaitCancel(),
            function* () {
              throw new Error("disk full");
            },
          );
        } catch {
          // It is the trace that counts.
        }
        try {
          yield* Fiber.first(
            () => Fiber.awaitCancel(),
            function* () {
              throw new Error("net down");
            },
          );
        } catch {
          // As above.
        }
      }),
    );
    expect(only(lines, "context-failed", "context-cancelled", "fiber-woken", "fiber-ended")).toEqual([
      "context-failed context=3 error=Error: disk full fiber=2",
      "context-cancelled context=3 reason=Error: disk full fiber=2",
      "fiber-woken fiber=4 by=2 cancelled=true",
      "fiber-ended fiber=4 error=Cancelled: Error: disk full",
      "fiber-woken fiber=2 by=4 cancelled=false",
      "context-failed context=5 error=Error: net down fiber=2",
      "context-cancelled context=5 reason=Error: net down fiber=2",
      "fiber-woken fiber=6 by=2 cancelled=true",
      "fiber-ended fiber=6 error=Cancelled: Error: net down",
      "fiber-woken fiber=2 by=6 cancelled=false",
      "fiber-ended fiber=2",
    ]);
  });

  it("TR-02 a fiber that yields is suspended in Fiber.yield; one that is cancelled before it starts only ends", () => {
    const lines = traceOf(() =>
      run(function* () {
        yield* Fiber.yield();
        yield* Cancel.sub(function* (cc) {
          cc.cancel("stop");
          startRoot(() => Fiber.yield(), { name: "late", parent: cc, onDone: () => {} });
        });
      }),
    );
    expect(only(lines, "fiber-suspended")).toEqual(["fiber-suspended fiber=2 operation=Fiber.yield"]);
    expect(lines.filter((text) => text.includes("fiber=5"))).toEqual([
      "fiber-created fiber=5 context=4 parent=2",
      "fiber-ended fiber=5 error=Cancelled: stop",
    ]);
  });

  it("TR-02 a wait whose registration fails is over at once; a combination of results that fails is an error", () => {
    const lines = traceOf(() =>
      run(function* () {
        const failing = suspend("failing", () => {
          throw new Error("no registration");
        });
        const combine = () => {
          throw new Error("no combination");
        };
        for (const op of [failing, Fiber.first(one, one, { combine })]) {
          try {
            yield* op;
          } catch {
            // It is the trace that counts.
          }
        }
      }),
    );
    expect(lines.slice(6, 8)).toEqual([
      "fiber-suspended fiber=2 operation=failing",
      "fiber-woken fiber=2 by=2 cancelled=false",
    ]);
    expect(only(lines, "context-failed")).toEqual(["context-failed context=3 error=Error: no combination fiber=2"]);
  });

  it("TR-01 numbers rise by 1, whatever they are for", () => {
    run(function* () {
      const first = Trace.mintId();
      expect(Trace.mintId()).toBe(first + 1);
      expect(new Semaphore(0).id).toBe(first + 2);
      yield* Switch.run(function* (sw) {
        expect(sw.id).toBe(first + 3);
        yield* Fiber.fork(sw, function* () {
          expect(currentFiber().id).toBe(first + 4);
        });
      });
      expect(Trace.mintId()).toBe(first + 5);
    });
  });

  it("TR-01 what is made outside of fibers counts on with the fibers of the event loop", async () => {
    const before = Trace.mintId();
    const inside = await runNode(function* () {
      return currentFiber().id;
    });
    // The main fiber has a context of its own.
    expect([inside, Trace.mintId()]).toEqual([before + 2, before + 3]);
  });

  it("TR-03 labels of cells and switches, and names given later, are name events", () => {
    const lines = traceOf(() =>
      run(() =>
        Switch.run(
          function* (sw) {
            Deferred.create({ label: "reply" });
            yield* Fiber.forkPromise(sw, function* () {}, { name: "job" });
            Trace.name(currentFiber().id, "renamed");
          },
          { name: "requests" },
        ),
      ),
    );
    expect(only(lines, "name")).toEqual([
      "name id=1 name=main",
      "name id=2 name=main",
      "name id=3 name=requests",
      "name id=4 name=reply",
      "name id=5 name=job",
      "name id=5 name=job",
      "name id=2 name=renamed",
    ]);
  });

  it("TR-05 a span is left also when its body throws or is cancelled, and spans nest", () => {
    const lines = traceOf(() =>
      run(function* () {
        const value = yield* Trace.withSpan("outer", () => Trace.withSpan("inner", () => adding(1, 2)));
        Trace.log(`got ${value}`);
        try {
          yield* Trace.withSpan("throws", function* () {
            throw new Error("body");
          });
        } catch (error) {
          Trace.log(String(error));
          expect(trailOf(error)).toEqual([{ kind: "frame", name: 'Trace.withSpan "throws"', times: 1 }]);
        }
        yield* Fiber.first(
          () => Trace.withSpan("cancelled", () => Fiber.awaitCancel()),
          () => Fiber.yield(),
        );
      }),
    );
    expect(only(lines, "span-entered", "span-left", "log")).toEqual([
      "span-entered label=outer fiber=2",
      "span-entered label=inner fiber=2",
      "span-left label=inner fiber=2",
      "span-left label=outer fiber=2",
      "log message=got 3 fiber=2",
      "span-entered label=throws fiber=2",
      "span-left label=throws fiber=2",
      "log message=Error: body fiber=2",
      "span-entered label=cancelled fiber=4",
      "span-left label=cancelled fiber=4",
    ]);
  });

  it("TR-06 try-get when an operation has to wait, get when it has what it wanted, put when something is given", () => {
    const lines = traceOf(() =>
      run(function* () {
        const [cell, resolver] = Deferred.create<number>();
        const sem = new Semaphore(1);
        yield* Fiber.both(
          function* () {
            yield* sem.acquire();
            yield* cell.await();
            sem.release();
          },
          function* () {
            expect(sem.tryAcquire()).toBe(false);
            resolver.resolve(1);
            yield* sem.use(function* () {});
            yield* cell.await();
            expect(sem.tryAcquire()).toBe(true);
          },
        );
      }),
    );
    expect(only(lines, "object-created", "try-get", "get", "put")).toEqual([
      "object-created object=3 kind=Deferred fiber=2",
      "object-created object=4 kind=Semaphore fiber=2",
      "get object=4 fiber=6",
      "try-get object=3 fiber=6",
      "put object=3 fiber=2",
      "try-get object=4 fiber=2",
      "get object=3 fiber=6",
      "put object=4 fiber=6",
      "get object=4 fiber=2",
      "put object=4 fiber=2",
      "get object=3 fiber=2",
      "get object=4 fiber=2",
    ]);
  });

  it("TR-02 TR-06 mutexes, conditions, lazy values and named semaphores report what cells do", () => {
    const lines = traceOf(() =>
      run(function* () {
        const mutex = new Mutex({ name: "m" });
        const changed = new Condition({ name: "c" });
        const value = Lazy.fromFun(() => Fiber.yield(), { cancel: "record", name: "l" });
        new Semaphore(1, { name: "s" }).tryHold()!.release();
        yield* Fiber.both(
          function* () {
            yield* mutex.useRo(() => changed.await(mutex));
            yield* value.force();
            yield* changed.loopNoMutex(function* () {
              return mutex.isLocked() ? undefined : true;
            });
          },
          function* () {
            yield* mutex.lock();
            changed.broadcast();
            yield* Fiber.yield();
            mutex.unlock();
            yield* value.force();
            const held = mutex.tryHold()!;
            yield* Fiber.yield();
            held.unlock();
            changed.broadcast();
          },
        );
      }),
    );
    expect(only(lines, "name", "object-created").filter((line) => !/both|main/.test(line))).toEqual([
      "object-created object=3 kind=Mutex fiber=2",
      "name id=3 name=m",
      "object-created object=4 kind=Condition fiber=2",
      "name id=4 name=c",
      "object-created object=5 kind=Lazy fiber=2",
      "name id=5 name=l",
      "object-created object=6 kind=Semaphore fiber=2",
      "name id=6 name=s",
    ]);
    expect(only(lines, "try-get", "get", "put")).toEqual([
      "get object=6 fiber=2",
      "put object=6 fiber=2",
      "get object=3 fiber=8",
      "try-get object=4 fiber=8",
      "put object=3 fiber=8",
      "get object=3 fiber=2",
      "put object=4 fiber=2",
      "get object=4 fiber=8",
      "try-get object=3 fiber=8",
      "put object=3 fiber=2",
      "get object=3 fiber=8",
      "put object=3 fiber=8",
      "try-get object=5 fiber=8",
      "put object=5 fiber=2",
      "get object=5 fiber=2",
      "get object=3 fiber=2",
      "get object=5 fiber=8",
      "try-get object=4 fiber=8",
      "put object=3 fiber=2",
      "put object=4 fiber=2",
      "get object=4 fiber=8",
    ]);
  });

  it("TR-07 fibers run in the same order and have the same numbers with and without subscribers", () => {
    const program = () =>
      transcript(function* (note, { clock }) {
        const sem = new Semaphore(1);
        yield* Trace.withSpan("all", () =>
          Fiber.forEach([3, 1, 2], function* (n) {
            yield* clock.sleep(n);
            yield* sem.use(function* () {
              note(`${n} is fiber ${currentFiber().id}`);
              yield* Fiber.yield();
              Trace.log("used");
            });
            note(`${n} is done`);
          }),
        );
        note(`next is ${Trace.mintId()}`);
      });
    const untraced = program();
    let traced: string[] = [];
    expect(traceOf(() => (traced = program())).length).toBeGreaterThan(0);
    expect(traced).toEqual(untraced);
    expect(program()).toEqual(untraced);
  });

  it("TR-08 the mock world and the event loop give the same events", async () => {
    function* program(): Op<void> {
      const [cell, resolver] = Deferred.create<void>({ label: "ready" });
      yield* Fiber.both(
        () => cell.await(),
        function* () {
          yield* Fiber.yield();
          resolver.resolve();
        },
      );
      yield* Switch.run(function* (sw) {
        yield* Fiber.forkDaemon(sw, () => Fiber.awaitCancel(), { name: "daemon" });
        yield* Trace.withSpan("yielding", () => Fiber.yield());
      });
    }
    // The loop of the process counts on from where it was, and may be left and entered at other times.
    const relative = (lines: string[], base: number) =>
      lines
        .filter((text) => !/^(loop|domain)-/.test(text))
        .map((text) =>
          text.replace(/\b(fiber|context|parent|object|by|id)=(\d+)/g, (_, key, n) => `${key}=${+n - base}`),
        )
        .map((text) => text.replace(/switch (\d+)/, (_, n) => `switch ${+n - base}`));
    const mock = traceOf(() => run(program));

    const base = Trace.mintId();
    const node: string[] = [];
    const unsubscribe = Trace.subscribe((_time, event) => void node.push(line(event)));
    await runNode(program);
    unsubscribe();
    expect(relative(node, base)).toEqual(relative(mock, 0));
    expect(only(node, "loop-resumed", "loop-suspended").slice(0, 2)).toEqual(["loop-resumed", "loop-suspended"]);
  });

  it("under the mock times are those of its clock, rise with each event, and are the same on every run", () => {
    const program = () => {
      const times: [number, string][] = [];
      const unsubscribe = Trace.subscribe((time, event) => void times.push([time, line(event)]));
      run(function* ({ clock }) {
        yield* clock.sleep(2.5);
        yield* clock.sleep(1);
      });
      unsubscribe();
      return times;
    };
    const times = program();
    expect(program()).toEqual(times);
    times.forEach(([time], i) => expect(time).toBeGreaterThan(i === 0 ? -1 : times[i - 1]![0]));
    const woken = times.filter(([, text]) => text.startsWith("fiber-woken")).map(([time]) => time);
    expect(woken).toEqual([2_500_000, 3_500_000]);
  });

  it("the event loop's fibers are in domain 0, those of mock worlds in domains of their own", async () => {
    const domains: [string, number][] = [];
    const unsubscribe = Trace.subscribe((_time, event, domain) => {
      if (event.type === "log") domains.push([event.message, domain]);
    });
    const logging = (message: string) => () => {
      Trace.log(message);
      return Fiber.yield();
    };
    await runNode(logging("fiber"));
    run(logging("first world"));
    run(logging("second world"));
    Trace.log("outside");
    unsubscribe();
    expect(domains).toEqual([
      ["fiber", 0],
      ["first world", 1],
      ["second world", 2],
      ["outside", 0],
    ]);
  });

  it("a subscription that begins within a step knows whose step it is", () => {
    const lines: string[] = [];
    run(function* () {
      const [cell, resolver] = Deferred.create<void>();
      yield* Fiber.both(
        () => cell.await(),
        function* () {
          const unsubscribe = Trace.subscribe((_time, event) => void lines.push(line(event)));
          resolver.resolve();
          unsubscribe();
        },
      );
    });
    expect(lines).toEqual(["put object=3 fiber=2", "fiber-woken fiber=5 by=2 cancelled=false"]);
  });

  it("a wake by a fiber of another world, or by a callback, has no waker", async () => {
    const lines: string[] = [];
    const unsubscribe = Trace.subscribe((_time, event) => void lines.push(line(event)));
    for (const resolve of [
      (resolver: Resolver<void>) => resolver.resolve(),
      (resolver: Resolver<void>) =>
        run(function* () {
          resolver.resolve();
        }),
    ]) {
      const [cell, resolver] = Deferred.create<void>();
      const done = runNode(() => cell.await());
      resolve(resolver);
      await done;
    }
    unsubscribe();
    const woken = only(lines, "fiber-woken");
    expect(woken).toHaveLength(2);
    for (const text of woken) expect(text).toMatch(/^fiber-woken fiber=\d+ cancelled=false$/);
  });

  it("a step inside a step leaves the outer one where it was", () => {
    const lines = traceOf(() =>
      run(function* outer() {
        const { context } = currentFiber();
        startRoot(() => Fiber.yield(), { name: "inner", parent: context, onDone: () => {} });
        Trace.log("after");
        yield* Fiber.yield();
      }),
    );
    expect(only(lines, "fiber-running", "fiber-stopped", "log").slice(0, 5)).toEqual([
      "fiber-running fiber=2 name=outer",
      "fiber-running fiber=4 name=inner",
      "fiber-stopped fiber=4",
      "log message=after fiber=2",
      "fiber-stopped fiber=2",
    ]);
  });

  it("a subscriber that throws harms nobody, and what a subscriber does is not reported to it", () => {
    const errors: unknown[] = [];
    const heard: string[] = [];
    onUnhandledError((error) => errors.push(error));
    const unsubscribe = Trace.subscribe((_time, event) => {
      if (event.type !== "log") return;
      heard.push(event.message);
      Trace.log("from the subscriber");
      throw new Error(event.message);
    });
    const log = transcript(function* (note) {
      Trace.log("one");
      yield* Fiber.yield();
      Trace.log("two");
      note("unharmed");
    });
    unsubscribe();
    onUnhandledError(undefined);
    expect(log).toEqual(["unharmed"]);
    expect(heard).toEqual(["one", "two"]);
    expect(errors.map(String)).toEqual(["Error: one", "Error: two"]);
  });

  it("a subscription ends when told, or at the end of a block", () => {
    const heard: string[] = [];
    const hear = (_time: number, event: TraceEvent) => void (event.type === "log" && heard.push(event.message));
    {
      using _unsubscribe = Trace.subscribe(hear);
      Trace.log("inside");
    }
    Trace.log("outside");
    expect(heard).toEqual(["inside"]);
  });

  it("arguments are checked", () => {
    expect(() => Trace.subscribe("fn" as never)).toThrow(
      'Trace.subscribe: "fn" must be a function, got the string "fn"',
    );
    expect(() => Trace.log(1 as never)).toThrow('Trace.log: "message" must be a string, got the number 1');
    expect(() => Trace.name("1" as never, "x")).toThrow('Trace.name: "id" must be a number, got the string "1"');
    expect(() => Trace.name(1, 2 as never)).toThrow('Trace.name: "name" must be a string, got the number 2');
    expect(() => Trace.withSpan(1 as never, () => Fiber.yield())).toThrow('"label" must be a string');
    expect(() => Trace.withSpan("x", (async () => {}) as never)).toThrow('"body" must be a function returning an op');
  });
});

function* one(): Op<number> {
  return 1;
}

function* adding(a: number, b: number): Op<number> {
  yield* Fiber.yield();
  return a + b;
}

describe("startRecording", () => {
  const counting = (n: number) =>
    run(function* () {
      for (let i = 0; i < n; i++) Trace.log(String(i));
    });
  const logs = (recorder: Trace.Recorder) =>
    recorder.events().flatMap(({ event }) => (event.type === "log" ? [event.message] : []));

  it("keeps the latest events, oldest first, and says how many were dropped", () => {
    const recorder = Trace.startRecording({ capacity: 5 });
    counting(4);
    recorder.stop();
    // 6 events before the first log, 3 after the last one.
    expect(logs(recorder)).toEqual(["2", "3"]);
    expect(recorder.events()).toHaveLength(5);
    expect(recorder.dropped).toBe(8);
    expect(recorder.events().map(({ time }) => time)).toEqual([8, 9, 10, 11, 12]);
  });

  it("below its capacity it keeps everything; after stop nothing is added", () => {
    const recorder = Trace.startRecording({ capacity: 100 });
    counting(4);
    expect(recorder.dropped).toBe(0);
    expect(logs(recorder)).toEqual(["0", "1", "2", "3"]);
    recorder.stop();
    const { length } = recorder.events();
    counting(1);
    expect(recorder.events()).toHaveLength(length);
  });

  it("is stopped at the end of a block", () => {
    let kept: Trace.Recorder;
    {
      using recorder = Trace.startRecording();
      counting(1);
      kept = recorder;
    }
    counting(1);
    expect(logs(kept)).toEqual(["0"]);
  });

  it("refuses capacities that are no positive integers", () => {
    expect(() => Trace.startRecording({ capacity: "5" as never })).toThrow(
      'Trace.startRecording: "options.capacity" must be an integer, got the string "5"',
    );
    expect(() => Trace.startRecording({ capacity: 0.5 })).toThrow(TypeError);
    expect(() => Trace.startRecording({ capacity: 0 })).toThrow("capacity must be positive (got 0)");
    expect(() => Trace.startRecording(5 as never)).toThrow('"options" must be an object');
  });
});
