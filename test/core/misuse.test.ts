import { describe, expect, it } from "vitest";
import {
  Cancel,
  Deferred,
  Fiber,
  NotInFiberError,
  Semaphore,
  Switch,
  currentFiber,
  fiber,
  startRoot,
  suspend,
  type Body,
  type Op,
} from "trestle";
import { MockClock, run } from "trestle/mock";
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
    expect(caught(semaphore.acquire())).toBe("TypeError: an op was yielded; use yield* (with a star) to run it");
    expect(semaphore.value).toBe(1);
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
    const [d] = Deferred.create<void>();
    const ops: Op<unknown>[] = [
      suspend("op", () => {
        registered = true;
      }),
      Fiber.yield(),
      d.await(),
      sem.acquire(),
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
