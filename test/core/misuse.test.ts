import { describe, expect, it } from "vitest";
import {
  Cancel,
  Condition,
  Deferred,
  Fiber,
  Lazy,
  Mutex,
  NotInFiberError,
  Pool,
  Semaphore,
  Stream,
  Switch,
  currentFiber,
  fiber,
  startRoot,
  suspend,
  type Body,
  type Op,
} from "trestle";
import { MockClock, run, type MockEnv } from "trestle/mock";
import { run as runOnNode } from "trestle/node";
import { run as runInPage } from "trestle/web";
import { thrownBy, transcript } from "./transcript.js";

const wrong = (value: unknown) => value as never;

describe("what is yielded", () => {
  it("BM-03 yield promise and yield op throw into the fiber, naming yield*", () => {
    const caught = (value: unknown) =>
      run(function* () {
        try {
          yield wrong(value);
        } catch (error) {
          return String(error);
        }
        return "nothing";
      });
    expect(caught(Promise.resolve())).toBe("TypeError: a Promise was yielded; use yield* fromPromise(p)");
    expect(caught(Fiber.awaitCancel().constructor)).toMatch(/^TypeError: a function was yielded/);
    expect(caught([])).toMatch(/use yield\*/);
    expect(caught(42)).toBe(
      "TypeError: the number 42 was yielded; a fiber runs ops with yield* and yields nothing else",
    );
    expect(
      caught(
        (function* () {
          yield* Fiber.yield();
        })(),
      ),
    ).toBe("TypeError: an op was yielded; use yield* (with a star) to run it");
    const semaphore = new Semaphore(1);
    expect(caught(semaphore.acquire())).toBe(
      "TypeError: Semaphore.acquire was yielded; use yield* (with a star) to run it",
    );
    expect(semaphore.value).toBe(1);
  });

  it("an op of this library that is yielded without a star is not run, and says its name", () => {
    const sem = new Semaphore(0);
    const [d] = Deferred.create<void>();
    const used = Fiber.awaitCancel();
    const ops: [string, Op<unknown>][] = [
      ["Semaphore.acquire", sem.acquire()],
      ["Deferred.await", d.await()],
      ["Switch.run", Switch.run(() => Fiber.yield())],
      ["Fiber.both", Fiber.both(Fiber.yield, Fiber.yield)],
      ["Clock.sleep", new MockClock().sleep(1)],
      ["an op", Fiber.yield()],
      ["tick", suspend("tick", () => expect.unreachable())],
      ["Fiber.awaitCancel", used],
    ];
    const log = transcript(function* (note) {
      // Run by another fiber, it is still not this one's.
      yield* Fiber.first(() => used, Fiber.yield);
      for (const [, op] of ops) {
        try {
          yield wrong(op);
        } catch (error) {
          note(String(error));
        }
      }
      sem.release();
      note(`value ${sem.value}`);
    });
    expect(log).toEqual([
      ...ops.map(([name]) => `TypeError: ${name} was yielded; use yield* (with a star) to run it`),
      "value 1",
    ]);
  });

  it("an op whose steps somebody hands on in results of their own runs as well", () => {
    const wrapped = <T>(op: Op<T>): Op<T> => ({
      [Symbol.iterator]() {
        const inner = op[Symbol.iterator]();
        return { next: (value) => ({ ...inner.next(value) }) };
      },
    });
    const log = transcript(function* (note, { clock }) {
      yield* wrapped(Fiber.yield());
      yield* wrapped(clock.sleep(1));
      note(yield* wrapped(Switch.run(() => wrapped(Deferred.createResolved("done").await()))));
    });
    expect(log).toEqual(["done"]);
  });

  it("BM-14 an op of another copy of the runtime gives a clear error", () => {
    const foreign = { [Symbol.for("trestle.instruction")]: 99 };
    expect(() =>
      run(function* () {
        yield wrong(foreign);
      }),
    ).toThrow(/two versions of the fiber runtime are loaded.*protocol 99, here 1/);
  });

  it("BM-06 an op iterated by foreign code throws before anything is registered", () => {
    let registered = false;
    const sem = new Semaphore(1);
    const mutex = new Mutex();
    const condition = new Condition();
    const [d] = Deferred.create<void>();
    const ops: Op<unknown>[] = [
      suspend("op", () => {
        registered = true;
      }),
      Fiber.yield(),
      d.await(),
      sem.acquire(),
      sem.hold(),
      Lazy.fromVal(1).force(),
      mutex.lock(),
      mutex.hold(),
      mutex.useRw(() => Fiber.yield()),
      condition.awaitNoMutex(),
      condition.await(mutex),
      condition.loopNoMutex(() => Fiber.yield()),
      Switch.run(() => Fiber.yield()),
      Fiber.both(
        () => Fiber.yield(),
        () => Fiber.yield(),
      ),
      new MockClock().sleep(1),
    ];
    for (const op of ops) expect(thrownBy(() => [...(op as Iterable<unknown>)])).toBeInstanceOf(NotInFiberError);
    expect(registered).toBe(false);
    expect(sem.value).toBe(1);
    expect([mutex.isLocked(), mutex.getError()]).toEqual([false, undefined]);
    expect(() =>
      run(function* () {
        return [...(Fiber.yield() as Iterable<unknown>)];
      }),
    ).toThrow(NotInFiberError);
  });

  it("BM-07 functions that need a current fiber name themselves outside of one", () => {
    const key = Fiber.createKey<string>();
    expect(() => Fiber.check()).toThrow("Fiber.check needs a current fiber, and no fiber is running here");
    expect(() => Fiber.isCancelled()).toThrow("Fiber.isCancelled needs");
    expect(() => Fiber.get(key)).toThrow("Fiber.get needs");
    expect(() => currentFiber()).toThrow("currentFiber needs");
    expect(() => currentFiber()).toThrow(NotInFiberError);
  });

  it("BM-08 a generator shared by two fibers is noticed", () => {
    const [d] = Deferred.create<void>();
    const shared = (function* () {
      yield* d.await();
    })();
    expect(() => run(() => Fiber.all([() => shared, () => shared]))).toThrow(
      /this generator is already owned by fiber \d+/,
    );
  });
});

it("without another copy, errors do not speak of one", () => {
  class Switch {}
  expect(() => Fiber.fork(wrong(new Switch()), () => Fiber.yield())).toThrow(/got an object of class Switch$/);
});

describe("wrong arguments", () => {
  const promise = Promise.resolve();
  const asyncFn = async () => {};
  const body: Body<void> = () => Fiber.yield();

  it.each<[string, () => unknown]>([
    ['Fiber.fork: "sw" must be a Switch, got undefined', () => Fiber.fork(wrong(undefined), body)],
    ['Fiber.both: "g" must be a function returning an op, got a Promise', () => Fiber.both(body, wrong(promise))],
    [
      'Fiber.pair: "f" must be a function returning an op, got an async function',
      () => Fiber.pair(wrong(asyncFn), body),
    ],
    ['Fiber.all: "bodies" must be an array of functions returning ops, got a function', () => Fiber.all(wrong(body))],
    ['Fiber.all: "bodies[1]" must be a function returning an op, got an op', () => Fiber.all([body, wrong(body())])],
    ['Fiber.any: "bodies[0]" must be a function returning an op, got null', () => Fiber.any([wrong(null)])],
    [
      'Fiber.first: "options.combine" must be a function, got the number 1',
      () => Fiber.first(body, body, { combine: wrong(1) }),
    ],
    ['Fiber.map: "items" must be an array or another iterable, got the number 3', () => Fiber.map(wrong(3), body)],
    ['Fiber.map: "fn" must be a function returning an op, got an async function', () => Fiber.map([1], wrong(asyncFn))],
    [
      'Fiber.map: "options.maxFibers" must be a number, got the string "2"',
      () => Fiber.map([1], body, { maxFibers: wrong("2") }),
    ],
    ['Switch.run: "body" must be a function returning an op, got a Promise', () => Switch.run(wrong(promise))],
    ['Switch.run: "options.name" must be a string, got the number 7', () => Switch.run(body, { name: wrong(7) })],
    ['Cancel.sub: "body" must be a function returning an op, got undefined', () => Cancel.sub(wrong(undefined))],
    ['Cancel.protect: "body" must be a function returning an op, got an op', () => Cancel.protect(wrong(body()))],
    ['Cancel.cancel: "context" must be a CancelContext, got an object', () => Cancel.cancel(wrong({}), 1)],
    ['Fiber.withBinding: "key" must be a key made by Fiber.createKey', () => Fiber.withBinding(wrong("k"), 1, body)],
    ['Deferred.create: "options.label" must be a string', () => Deferred.create({ label: wrong(1) })],
    ['new Semaphore: "n" must be an integer, got the number 1.5', () => new Semaphore(1.5)],
    ['Semaphore.use: "body" must be a function returning an op', () => new Semaphore(1).use(wrong(undefined))],
    ['new Semaphore: "options.name" must be a string, got the number 1', () => new Semaphore(1, { name: wrong(1) })],
    ['new Mutex: "options" must be an object, got the string "m"', () => new Mutex(wrong("m"))],
    ['Mutex.useRo: "body" must be a function returning an op, got a Promise', () => new Mutex().useRo(wrong(promise))],
    [
      'Mutex.useRw: "body" must be a function returning an op, got an async function',
      () => new Mutex().useRw(wrong(asyncFn)),
    ],
    [
      'Mutex.useRw: "options.protect" must be a boolean, got the number 0',
      () => new Mutex().useRw(body, { protect: wrong(0) }),
    ],
    ['new Condition: "options.name" must be a string, got null', () => new Condition({ name: wrong(null) })],
    ['Condition.await: "mutex" must be a Mutex, got undefined', () => new Condition().await(wrong(undefined))],
    [
      'Condition.await: "mutex" must be a Mutex, got an object of class Semaphore',
      () => new Condition().await(wrong(new Semaphore(1))),
    ],
    [
      'Condition.loopNoMutex: "update" must be a function returning an op',
      () => new Condition().loopNoMutex(wrong(asyncFn)),
    ],
    [
      'Condition.registerImmediate: "fn" must be a function, got an op',
      () => new Condition().registerImmediate(wrong(body())),
    ],
    ['Condition.cancel: "request" must be a Request, got an object', () => Condition.cancel(wrong({}))],
    [
      'Lazy.fromFun: "fn" must be a function returning an op, got a Promise',
      () => Lazy.fromFun(wrong(promise), { cancel: "record" }),
    ],
    [
      'Lazy.fromFun: "options.cancel" must be "restart", "record" or "protect", got undefined',
      () => Lazy.fromFun(body, wrong(undefined)),
    ],
    [
      'Lazy.fromFun: "options.cancel" must be "restart", "record" or "protect", got the string "retry"',
      () => Lazy.fromFun(body, { cancel: wrong("retry") }),
    ],
    ['Lazy.fromFun: "options.name" must be a string', () => Lazy.fromFun(body, { cancel: "record", name: wrong(1) })],
    ['suspend: "label" must be a string, got a function', () => suspend(wrong(body), wrong(undefined))],
    ['suspend: "register" must be a function, got undefined', () => suspend("x", wrong(undefined))],
    ['startRoot: "options.onDone" must be a function', () => startRoot(body, wrong({}))],
    ['run: "body" must be a function returning an op', () => run(wrong(promise))],
    ['fiber: "fn" must be a function*, got a function', () => fiber(wrong(() => body()))],
    ['Clock.sleep: "seconds" must be a number of seconds, got the string "1"', () => new MockClock().sleep(wrong("1"))],
  ])("%s", (message, call) => {
    const thrown = thrownBy(call);
    expect(thrown).toBeInstanceOf(TypeError);
    expect((thrown as Error).message.replace("mock.run", "run")).toContain(message);
  });

  it('Fiber.fork: "body" must be a function returning an op, got a Promise', () => {
    run(() =>
      Switch.run(function* (sw) {
        expect(() => Fiber.fork(sw, wrong(promise))).toThrow(
          new TypeError('Fiber.fork: "body" must be a function returning an op, got a Promise'),
        );
        yield* Fiber.yield();
      }),
    );
  });

  it("a body that returns a promise, or no op, fails with a TypeError that says so", () => {
    const log = transcript(() => Cancel.protect(wrong(() => promise)));
    expect(log[0]).toMatch(/TypeError: a fiber body must return an op, got a Promise: write function\*/);
    expect(transcript(() => Cancel.protect(wrong(() => {})))[0]).toMatch(/got undefined/);
  });
});

describe("misuse that depends on state is an error of its own, and everything else goes on", () => {
  const finished = run(() =>
    Switch.run(
      function* (sw) {
        return sw;
      },
      { name: "gone" },
    ),
  );
  const gone = ["SwitchFinishedError", 'Switch finished! ("gone")'] as const;
  const [, resolved] = Deferred.create<number>();
  resolved.resolve(1);
  function* none(_done?: void): Op<void> {}
  function* forks(fork: Op<unknown>): Op<void> {
    yield* fork;
  }

  it.each<[string, string, string | RegExp, (env: MockEnv) => Op<unknown>]>([
    ["a finished switch: fork", ...gone, () => forks(Fiber.fork(finished, none))],
    ["a finished switch: forkDaemon", ...gone, () => forks(Fiber.forkDaemon(finished, none))],
    ["a finished switch: forkPromise", ...gone, () => forks(Fiber.forkPromise(finished, none))],
    ["a finished switch: check", ...gone, () => none(void finished.check())],
    ["a finished switch: fail", ...gone, () => none(void finished.fail("late"))],
    ["a finished switch: onRelease", ...gone, () => forks(finished.onRelease(() => {}))],
    ["a finished switch: hold", ...gone, () => none(void finished.hold())],
    ["a finished context", "InvalidArgument", "Cancellation context finished!", () => none(finished.context.cancel(1))],
    ["a cell resolved twice", "InvalidArgument", /already-resolved/, () => none(resolved.resolve(2))],
    ["a mutex unlocked twice", "SysError", /already unlocked/, () => none(unlockTwice())],
    [
      "a pool of nothing",
      "InvalidArgument",
      "Pool.create: max_size is <= 0",
      () => none(void new Pool(0, () => none())),
    ],
    ["a closed stream", "StreamClosed", /closed/, () => addToClosed()],
    ["a finished switch: forkSeq", ...gone, () => forks(Fiber.forkSeq(finished, () => none()))],
    ["a stream of negative capacity", "InvalidArgument", "capacity < 0", () => none(void new Stream(-1))],
    ["a negative number of permits", "InvalidArgument", "n < 0", () => none(void new Semaphore(-1))],
    [
      "no fiber at all",
      "Failure",
      "max_fibers must be positive (got 0)",
      () => Fiber.map([1], () => none(), { maxFibers: 0 }),
    ],
    ["a negative number of fibers", "Failure", /got -2/, () => Fiber.forEach([1], () => none(), { maxFibers: -2 })],
    ["an op without a star", "TypeError", /use yield\* \(with a star\)/, () => starless(Fiber.yield())],
    ["a promise yielded", "TypeError", /yield\* fromPromise\(p\)/, () => starless(Promise.resolve())],
    ["a fiber operation outside of any fiber", "NotInFiberError", /no fiber is running/, outside],
    [
      "a program in a program: mock.run",
      "NestedRunError",
      /^mock\.run: .* yield\* the body/,
      () => run(() => none()) as never,
    ],
    [
      "a program in a program: run",
      "NestedRunError",
      /^run: .* or start it apart with toPromise$/,
      () => runOnNode(() => none()) as never,
    ],
    ["a program in a program: run of a page", "NestedRunError", /^run: /, () => runInPage(() => none()) as never],
    ["a body that returns no op", "TypeError", /must return an op, got undefined/, () => Cancel.sub(wrong(() => {}))],
    ["a body that returns a promise", "TypeError", /got a Promise/, () => Cancel.sub(wrong(() => Promise.resolve()))],
    ["an async function as a body", "TypeError", /got an async function/, () => Cancel.sub(wrong(async () => {}))],
    ["a generator that two fibers share", "Error", /already owned by fiber \d+/, sharing],
  ])("%s", (_, name, message, misuse) => {
    const log = transcript(function* (note, env) {
      const { id } = currentFiber();
      yield* Fiber.both(
        function* () {
          yield* env.clock.sleep(1);
          note("the other fiber");
        },
        function* () {
          try {
            yield* misuse(env);
          } catch (error) {
            expect(error).toMatchObject({ name });
            const text = (error as Error).message;
            if (typeof message === "string") expect(text).toBe(message);
            else expect(text).toMatch(message);
            note("refused");
          }
          expect(currentFiber().id).toBe(id);
          yield* Fiber.yield();
          yield* Switch.run((sw) => Fiber.fork(sw, () => env.clock.sleep(2)));
          note("the misuser");
        },
      );
    });
    expect(log).toEqual(["refused", "the other fiber", "the misuser"]);
    expect(() => Fiber.check()).toThrow(NotInFiberError);
    expect(run(() => Deferred.createResolved("sound").await())).toBe("sound");
  });

  function addToClosed(): Op<void> {
    const stream = new Stream<number>(1);
    stream.close();
    return stream.add(1);
  }

  function unlockTwice(): void {
    const mutex = new Mutex();
    mutex.tryLock();
    mutex.unlock();
    mutex.unlock();
  }

  function* starless(value: unknown): Op<void> {
    yield wrong(value);
  }

  /** The error of a plain callback, given to the fiber. */
  function outside({ clock }: MockEnv): Op<never> {
    return suspend("callback", (_, enqueue) => {
      clock.startTimer(clock.now() + 0.1, () => enqueue({ ok: false, error: thrownBy(() => Fiber.check()) }));
    });
  }

  function* sharing({ clock }: MockEnv): Op<void> {
    const shared = clock.sleep(0.5);
    const work = (function* () {
      yield* shared;
    })();
    yield* Fiber.both(
      () => work,
      () => work,
    );
  }
});
