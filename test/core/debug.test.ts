// Debug mode: mistakes that a program does not notice are reported once for each place, and nothing else changes.

import { afterEach, describe, expect, it, vi } from "vitest";
import {
  Cancel,
  Deferred,
  Fiber,
  Recipe,
  Semaphore,
  Stream,
  Switch,
  currentFiber,
  fiber,
  onUnhandledError,
  setDebug,
  startRoot,
  suspend,
  type Finding,
  type Op,
} from "trestle";
import { adopt, fromAsync, fromPromise } from "@trestle/bridges";
import { configure } from "trestle/debug";
import { run } from "trestle/mock";
import { run as runNode } from "trestle/node";
import * as Trace from "trestle/trace";
import { run as runWeb } from "trestle/web";
import { tellOutside } from "../../core/debug/ops.js";
import { LiftedCall } from "../../core/engine/lift.js";
import { Primitive } from "../../core/engine/primitive.js";
import * as engine from "../../core/engine/probe.js";
import { steps, thrownBy, transcript } from "./transcript.js";

afterEach(() => {
  setDebug(false);
  vi.restoreAllMocks();
});

/** What debug mode changes. */
function state(): unknown[] {
  const generators = Object.getPrototypeOf(function* () {}.prototype) as object;
  const marked = function* (): Op<void> {};
  /* eslint-disable @typescript-eslint/unbound-method -- only compared */
  return [
    Array.prototype.forEach,
    Map.prototype.forEach,
    globalThis.setTimeout,
    globalThis.queueMicrotask,
    Reflect.ownKeys(generators),
    Object.getPrototypeOf(Primitive),
    Primitive.prototype[Symbol.iterator],
    Object.getPrototypeOf(Recipe),
    Recipe.prototype[Symbol.iterator],
    LiftedCall.prototype.next,
    Stream.prototype.take,
    fiber(marked) === marked,
    engine.probe,
    Fiber.yield(),
  ];
  /* eslint-enable @typescript-eslint/unbound-method */
}

const pristine = state();

/** What is found from now on, without the folder of this file. */
function findings(options: { blockedAfter?: number } = {}): string[] {
  const found: string[] = [];
  setDebug({ blockedAfter: Infinity, ...options, report: ({ message }) => found.push(tidy(message)) });
  return found;
}

const tidy = (message: string) => message.replace(/[^\s(]*\/debug\.test\.ts:\d+:\d+/g, "HERE");

/** The line that the caller is on. */
const line = () => Number(/debug\.test\.ts:(\d+):/.exec(new Error().stack!.split("\n")[2]!)![1]);

const NEVER_RUN = "and never run: put yield* before it";

describe("ops that nobody runs", () => {
  it("an op of the library without yield* is reported when its fiber has ended, with its place", () => {
    const found: Finding[] = [];
    setDebug({ report: (finding) => found.push(finding) });
    let made = 0;
    run(function* main({ clock }) {
      made = line() + 1;
      clock.sleep(1);
      yield* clock.sleep(1);
      expect(found).toEqual([]);
    });
    expect(found).toHaveLength(1);
    const { kind, message, place } = found[0]!;
    expect([kind, tidy(message)]).toEqual([
      "op-never-run",
      `Clock.sleep was made at HERE, in fiber 2 "main", ${NEVER_RUN}`,
    ]);
    expect(place).toMatch(new RegExp(`^/.*/debug\\.test\\.ts:${made}:\\d+$`));
  });

  it.each<[string, (sw: Switch) => unknown]>([
    ["Fiber.yield", () => Fiber.yield()],
    ["Fiber.fork", (sw) => Fiber.fork(sw, () => Fiber.yield())],
    ["Fiber.all", () => Fiber.all([() => Fiber.yield()])],
    ["Fiber.first", () => Fiber.first(Fiber.yield, Fiber.yield)],
    ["Fiber.map", () => Fiber.map([1], () => Fiber.yield())],
    ["Switch.run", () => Switch.run(() => Fiber.yield())],
    ["Semaphore.acquire", () => new Semaphore(1).acquire()],
    ["Semaphore.use", () => new Semaphore(1).use(() => Fiber.yield())],
    ["Stream.take", () => new Stream(1).take()],
    ["Deferred.await", () => Deferred.createResolved(1).await()],
    ["my wait", () => suspend("my wait", () => {})],
    ["Switch.onRelease", (sw) => sw.onRelease(() => {})],
  ])("that goes for %s", (name, make) => {
    const found = findings();
    run(() =>
      Switch.run(function* (sw) {
        make(sw);
      }),
    );
    expect(found).toEqual([`${name} was made at HERE, in fiber 2 "main", ${NEVER_RUN}`]);
  });

  it("that goes for each call of an operation that hands one op out again", () => {
    const found = findings();
    run(function* () {
      const stream = new Stream<number>(4);
      const items = stream.iterate();
      for (let i = 0; i < 2; i++) {
        yield* stream.add(i);
        yield* stream.take();
        yield* stream.add(i);
        yield* items.next();
      }
      stream.take();
      items.next();
    });
    expect(found.map((text) => text.split(" ")[0])).toEqual(["Stream.take", "Stream.iterate"]);
  });

  it("performed by others of ours in a cancelled context, it is as good as run", () => {
    const found = findings();
    const caught = run(() =>
      Cancel.sub(function* (cc) {
        const held = new Semaphore(0);
        cc.cancel(new Error("stop"));
        try {
          yield* held.use(() => Fiber.yield());
        } catch (error) {
          return String(error);
        }
        return "nothing";
      }),
    );
    expect(caught).toBe("Cancelled: Error: stop");
    expect(found).toEqual([]);
  });

  it("ops of bridges are looked after, too", async () => {
    const found = findings();
    await runNode(function* () {
      fromPromise(Promise.resolve());
      fromAsync(() => Promise.resolve());
      adopt(Fiber.yield());
      const early = new Recipe(() => steps(() => {}, "x", 1)[Symbol.iterator](), "early");
      const [used, later] = [adopt(steps(() => {}, "x", 2)), early];
      yield* used;
      yield* later;
      yield* later;
    });
    expect(found.map((text) => text.split(" ")[0])).toEqual(["fromPromise", "fromAsync", "Fiber.yield", "adopt"]);
  });

  it("an op that is run, at once or later, by its fiber or by another one, once or more, is not", () => {
    const found = findings();
    run(function* ({ clock }) {
      const meeting = new Stream<number>(0);
      const give = meeting.add(1);
      const take = meeting.take();
      // The first of each pair waits, the second one need not.
      for (const pair of [
        [give, take],
        [take, give],
        [give, take],
      ] as Op<unknown>[][])
        yield* Fiber.all(pair.map((op) => () => op));
      const nap = clock.sleep(1);
      const add = new Stream<number>(4).add(1);
      const held = new Semaphore(0);
      const use = held.use(() => Fiber.yield());
      yield* Fiber.yield();
      yield* nap;
      yield* nap;
      yield* Fiber.all([() => add, () => nap]);
      yield* Fiber.both(
        () => use,
        function* () {
          held.release();
        },
      );
      yield* Switch.run((sw) => Fiber.fork(sw, () => add));
    });
    expect(found).toEqual([]);
  });

  it("an op that its function returns instead of running it is", () => {
    const found = findings();
    run(function* () {
      return new Semaphore(1).acquire();
    });
    expect(found).toEqual([`Semaphore.acquire was made at HERE, in fiber 2 "main", ${NEVER_RUN}`]);
  });

  it("after an error nothing is said of ops that were only prepared", () => {
    const found = findings();
    const log = transcript(function* () {
      yield* Fiber.both(
        function* () {
          const [first, second] = [new Semaphore(0).acquire(), Fiber.yield()];
          yield* first;
          yield* second;
        },
        function* () {
          throw new Error("other");
        },
      );
    });
    expect(log).toEqual(["threw Error: other"]);
    expect(found).toEqual([]);
  });

  it("a place is reported once, however often it is passed", () => {
    const found = findings();
    run(function* () {
      for (let i = 0; i < 3; i++) {
        Fiber.yield();
        yield* Fiber.yield();
      }
      Fiber.yield();
    });
    expect(found).toHaveLength(2);
  });

  it("calls of functions marked with fiber while debug mode is on are looked after, too", () => {
    const found = findings();
    const work = fiber(function* work(n: number): Op<number> {
      return n < 2 ? n : (yield* work(n - 1)) + (yield* work(n - 2));
    });
    const result = run(function* () {
      work(1);
      const later = work(3);
      yield* Fiber.yield();
      return (yield* work(10)) + (yield* later);
    });
    expect(result).toBe(57);
    expect(found).toEqual([`work was made at HERE, in fiber 2 "main", ${NEVER_RUN}`]);
  });
});

describe("generators that are run again", () => {
  const AGAIN = "which does nothing and gives undefined: call its function once for each run";

  function* work(log?: string[]): Op<string> {
    log?.push("ran");
    yield* Fiber.yield();
    return "value";
  }

  it("a second yield* of the same generator is reported, and gives undefined as ever", () => {
    const found = findings();
    const log: string[] = [];
    run(function* () {
      const op = work(log);
      expect(yield* op).toBe("value");
      expect(yield* op).toBe(undefined);
    });
    expect(log).toEqual(["ran"]);
    expect(found).toEqual([`a generator that has run already was run again at HERE, in fiber 2 "main", ${AGAIN}`]);
  });

  it.each<[string, () => () => Op<unknown>]>([
    ["one that threw at once", () => failing],
    ["one that threw after it had suspended", () => failingLater],
    ["one that never suspends", () => quick],
    ["one of a function marked with fiber", () => fiber(quickMarked)],
    ["one of a function marked with fiber that suspends", () => fiber(markedWork)],
  ])("that goes for %s", (_what, make) => {
    const found = findings();
    const fn = make();
    run(function* () {
      const op = fn();
      for (let i = 0; i < 2; i++) {
        try {
          yield* op;
        } catch {
          // Once only.
        }
      }
    });
    expect(found).toEqual([`a generator that has run already was run again at HERE, in fiber 2 "main", ${AGAIN}`]);
  });

  function* failing(): Op<void> {
    throw new Error("first");
  }

  function* failingLater(): Op<void> {
    yield* Fiber.yield();
    throw new Error("second");
  }

  function* quickMarked(): Op<void> {}

  function* markedWork(): Op<void> {
    yield* Fiber.yield();
  }

  it("generators outside of fibers, and those that yield values, are left alone", () => {
    findings();
    const outside = quick();
    expect([...outside]).toEqual([]);
    expect(Reflect.ownKeys(outside)).toEqual([]);
    run(function* () {
      const values = (function* () {
        yield 1;
        yield 2;
      })();
      for (const value of values) if (value === 2) expect(Reflect.ownKeys(values)).toEqual([]);
    });
  });

  it("functions that were marked before debug mode was on are known by their second run", () => {
    setDebug(false);
    const marked = fiber(function* (): Op<number> {
      return 1;
    });
    const found = findings();
    run(function* () {
      const op = marked();
      yield* op;
      yield* op;
    });
    expect(found).toHaveLength(1);
  });

  it("a generator that is the body of two fibers is reported at the fork", () => {
    const found: Finding[] = [];
    setDebug({ report: (finding) => found.push(finding) });
    let forked = 0;
    run(() =>
      Switch.run(function* (sw) {
        const op = quick();
        yield* op;
        forked = line() + 1;
        yield* Fiber.fork(sw, () => op);
      }),
    );
    expect(found.map(({ message }) => tidy(message))).toEqual([
      `a generator that has run already was run again at HERE, in fiber 4, ${AGAIN}`,
    ]);
    expect(found[0]!.place).toContain(`:${forked}:`);
  });

  it("ops of the library may be run again; so may everything that yields values, and code outside of fibers", () => {
    const found = findings();
    function* numbers(): Generator<number, void> {
      yield 1;
      yield 2;
    }
    run(function* () {
      const op = new Semaphore(2).acquire();
      yield* op;
      yield* op;
      const all = numbers();
      expect([...all, ...all]).toEqual([1, 2]);
      const some = numbers();
      for (const n of some) if (n === 1) break;
      expect([...some]).toEqual([]);
    });
    const outside = quick();
    expect([...outside, ...outside]).toEqual([]);
    expect(found).toEqual([]);
  });

  function* quick(): Op<void> {}
});

describe("fiber functions given to what only calls them", () => {
  it("a function* as the callback of forEach or of a timer is reported at once", () => {
    vi.useFakeTimers();
    try {
      const found = findings();
      const work = function* (): Op<void> {};
      run(function* () {
        [1].forEach(work);
        new Map([[1, 1]]).forEach(work);
        new Set([1]).forEach(work);
      });
      setTimeout(work, 1);
      const LOOP = "and nobody runs its body: use Fiber.forEach, or a loop with yield*";
      const TIMER =
        "and nobody runs its body: sleep in a fiber, with clock.sleep, or start one in a callback, with toPromise";
      const calls = [
        `forEach was given a function* at HERE, ${LOOP}`,
        `setTimeout was given a function* at HERE, ${TIMER}`,
      ];
      expect(found.filter((text) => text.includes("function*"))).toEqual([calls[0], calls[0], calls[0], calls[1]]);
    } finally {
      vi.useRealTimers();
    }
  });

  it("an op that a callback of forEach returns and nobody runs is reported; one that is run is not", () => {
    const found = findings();
    run(function* () {
      const ops: Op<void>[] = [];
      [1].forEach((n) => steps(() => {}, `${n}`, 1));
      [1].forEach((n) => {
        const op = steps(() => {}, `${n}`, 1);
        ops.push(op);
        return op;
      });
      for (const op of ops) yield* op;
      // Nor is one that has run before, or that somebody iterates by hand.
      ops.forEach((op) => op);
      const kept: Iterator<unknown>[] = [];
      [1].forEach(() => {
        const numbers = (function* () {
          yield 1;
        })();
        kept.push(numbers);
        return numbers;
      });
      kept[0]!.next();
    });
    expect(found).toEqual([
      `the op that a callback of forEach returned was made at HERE, in fiber 2 "main", ${NEVER_RUN}`,
    ]);
  });

  it("callbacks are called as ever: with their arguments and `this`, and their results are passed on", async () => {
    findings();
    const seen: unknown[] = [];
    const self = {};
    ["a"].forEach(function (this: unknown, ...args) {
      seen.push(this, ...args);
    }, self);
    expect(seen).toEqual([self, "a", 0, ["a"]]);
    expect(await new Promise((resolve) => setTimeout(resolve, 0, "argument"))).toBe("argument");
    expect(() => [].forEach(undefined as never)).toThrow("is not a function");
    expect(setTimeout.name).toBe("setTimeout");
  });

  it("what others have put in the place of a timer is left there", () => {
    const { setTimeout: original } = globalThis;
    findings();
    const theirs = (() => {}) as unknown as typeof setTimeout;
    globalThis.setTimeout = theirs;
    setDebug(false);
    expect(globalThis.setTimeout).toBe(theirs);
    globalThis.setTimeout = original;
  });
});

describe("steps that keep the thread", () => {
  /** A clock that steps move themselves. */
  function clocked(limit: number): { found: string[]; pass: (ms: number) => void } {
    const found: string[] = [];
    let time = 0;
    configure({ blockedAfter: limit, report: ({ message }) => found.push(tidy(message)) }, () => time);
    return { found, pass: (ms) => (time += ms) };
  }

  it("a step of a fiber of the event loop that takes longer than the limit is reported with its fiber", async () => {
    const { found, pass } = clocked(0.1);
    await runNode(() =>
      Switch.run(function* (sw) {
        yield* Fiber.fork(sw, function* parse() {
          pass(99);
          yield* Fiber.yield();
          pass(250);
        });
      }),
    );
    expect(found).toEqual([
      expect.stringMatching(
        /^fiber \d+ "parse", forked at HERE, kept the thread for 250 ms in one step: give others a turn now and then, with yield\* Fiber.yield\(\)$/,
      ),
    ]);
  });

  it("what a step within a step takes counts for that one alone", () => {
    const { found, pass } = clocked(0.1);
    void runNode(function* outer() {
      startRoot(
        function* inner() {
          pass(200);
        },
        { onDone: () => {} },
      );
      pass(90);
    });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^fiber \d+ "inner", forked at HERE, kept the thread for 200 ms/);
  });

  it("the default limit is a tenth of a second, and Infinity is none", () => {
    let time = 0;
    const found: Finding[] = [];
    const program = (ms: number) =>
      void runNode(function* () {
        time += ms;
      });
    configure({ report: (finding) => found.push(finding) }, () => time);
    program(99);
    expect(found).toEqual([]);
    program(100);
    expect(found.map(({ kind }) => kind)).toEqual(["loop-blocked"]);
    configure({ blockedAfter: Infinity, report: (finding) => found.push(finding) }, () => time);
    program(1e9);
    expect(found).toHaveLength(1);
  });

  it("a mock world has no event loop that it could block", () => {
    const { found, pass } = clocked(0.1);
    run(function* () {
      pass(1000);
    });
    expect(found).toEqual([]);
  });

  it("a step under way when debug mode is switched on is not measured", () => {
    let found: string[] = [];
    void runNode(function* () {
      const debug = clocked(0.1);
      found = debug.found;
      debug.pass(1000);
    });
    expect(found).toEqual([]);
  });
});

describe("switching", () => {
  it("each fork has its place, however many there are", () => {
    const places = () => {
      const known: unknown[] = [];
      using _unsubscribe = Trace.subscribe((_time, event) => {
        if (event.type === "fiber-created" && event.parent !== undefined) known.push(event.forkedAt);
      });
      run(() =>
        Switch.run(function* (sw) {
          for (let i = 0; i < 2_100; i++) yield* Fiber.fork(sw, () => Fiber.yield());
        }),
      );
      return known.filter((place) => place !== undefined).length;
    };
    expect(places()).toBe(2_000);
    findings();
    expect(places()).toBe(2_100);
    setDebug(false);
    expect(places()).toBe(2_000);
  });

  it("off, everything is as it was before", () => {
    findings();
    expect(Array.prototype.forEach).not.toBe(pristine[0]);
    setDebug(true);
    setDebug(false);
    setDebug(false);
    const after = state();
    pristine.forEach((value, i) =>
      Array.isArray(value) ? expect(after[i]).toEqual(value) : expect(after[i]).toBe(value),
    );
    // Neither ops nor generators carry anything.
    expect(Reflect.ownKeys(new Semaphore(1).acquire()).filter((key) => typeof key === "symbol")).toEqual([]);
    run(function* () {
      const op = steps(() => {}, "x", 1);
      yield* op;
      expect(Reflect.ownKeys(op)).toEqual([]);
    });
  });

  it("what was found before is found again after switching on anew, and nothing is found while off", () => {
    const program = () =>
      run(function* () {
        const op = steps(() => {}, "x", 1);
        yield* op;
        yield* op;
        Fiber.yield();
      });
    const first = findings();
    program();
    const second = findings();
    program();
    setDebug(false);
    program();
    expect(first).toHaveLength(2);
    expect(second).toEqual(first);
  });

  it("what was begun while it was on is no matter any more when it is off, or on again", () => {
    const before = findings();
    const generator = steps(() => {}, "x", 1);
    run(() => generator);
    const forgotten = new Semaphore(1).acquire();
    setDebug(false);
    run(() => generator);
    const after = findings();
    tellOutside();
    expect([...before, ...after]).toEqual([]);
    expect(forgotten).toBeDefined();
  });

  it("fibers run in the same order, with the same numbers", () => {
    const program = () =>
      transcript(function* (note, { clock }) {
        const sem = new Semaphore(1);
        yield* Fiber.forEach([3, 1, 2], function* (n) {
          yield* clock.sleep(n);
          yield* sem.use(() => steps(note, `fiber ${currentFiber().id} `, 2));
        });
        note(`next is ${Trace.mintId()}`);
      });
    const plain = program();
    findings();
    expect(program()).toEqual(plain);
  });

  it("findings go to the console, unless a reporter is given; one that throws harms nobody", () => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
    const program = () =>
      run(() =>
        Switch.run(function* () {
          Fiber.yield();
          return "result";
        }),
      );
    setDebug(true);
    expect(program()).toBe("result");
    expect(warned.mock.calls.map(([text]) => tidy(text as string))).toEqual([
      `trestle: Fiber.yield was made at HERE, in fiber 2 "main", ${NEVER_RUN}`,
    ]);
    const errors: unknown[] = [];
    onUnhandledError((error) => errors.push(error));
    setDebug({
      report() {
        throw new Error("reporter");
      },
    });
    expect(program()).toBe("result");
    onUnhandledError(undefined);
    expect(errors.map(String)).toEqual(["Error: reporter"]);
  });

  it("each entry point can switch it on and off", async () => {
    const found: string[] = [];
    const debug = { report: ({ message }: Finding) => found.push(message) };
    function* main(): Op<void> {
      Fiber.yield();
    }
    await runNode(main, { debug });
    await runNode(main, { debug: false });
    await runWeb(main, { debug });
    await runWeb(main, { debug: false });
    run(main, { debug });
    run(main, { debug: false });
    run(main);
    expect(found).toHaveLength(3);
  });

  it("arguments are checked", () => {
    expect(() => setDebug(undefined as never)).toThrow(
      'setDebug: "options" must be a boolean or an object with options, got undefined',
    );
    expect(() => setDebug({ blockedAfter: "1" as never })).toThrow(
      'setDebug: "options.blockedAfter" must be a number, got the string "1"',
    );
    expect(() => setDebug({ report: 1 as never })).toThrow('setDebug: "options.report" must be a function');
    for (const entry of [run, runNode, runWeb] as ((...args: unknown[]) => unknown)[]) {
      expect(String(thrownBy(() => entry(() => Fiber.yield(), { debug: "yes" })))).toMatch(
        /run: "options.debug" must be a boolean or an object with options, got the string "yes"/,
      );
    }
    expect(engine.probe).toBeUndefined();
  });
});
