// Lifetimes that a block declares with `using` and `await using`.

import { describe, expect, it } from "vitest";
import {
  Cancel,
  Cancelled,
  type DeadlockDetected,
  Disposed,
  Fiber,
  Multiple,
  Mutex,
  Poisoned,
  ReleaseError,
  Semaphore,
  Stream,
  Switch,
  SwitchFinishedError,
  SysError,
  asyncDispose,
  dispose,
  flush,
  startRoot,
  type Op,
  type Result,
} from "trestle";
import { run } from "trestle/mock";
import { steps, thrownBy, transcript, type Note } from "./transcript.js";

/** Runs a body on the event loop. */
function inReality<T>(body: () => Op<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    startRoot(body, { onDone: (outcome) => (outcome.ok ? resolve(outcome.value) : reject(outcome.error)) });
  });
}

async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

function* finished(): Op<Switch> {
  return yield* Switch.run(function* (sw) {
    return sw;
  });
}

describe("a permit of a semaphore", () => {
  it("is given back at the end of the block, however that ends", () => {
    const sem = new Semaphore(1);
    function* block(error?: Error): Op<string> {
      using _permit = yield* sem.hold();
      expect(sem.value).toBe(0);
      yield* Fiber.yield();
      if (error) throw error;
      return "value";
    }
    expect(run(() => block())).toBe("value");
    expect(sem.value).toBe(1);
    const error = new Error("block");
    expect(thrownBy(() => run(() => block(error)))).toBe(error);
    expect(sem.value).toBe(1);
    run(() =>
      Fiber.first(
        () => block(),
        () => Fiber.yield(),
      ),
    );
    expect(sem.value).toBe(1);
  });

  it("can be given back before; disposing twice is harmless", () => {
    const sem = new Semaphore(1);
    run(function* () {
      using permit = yield* sem.hold();
      permit.release();
      expect(sem.value).toBe(1);
      permit.release();
      permit[Symbol.dispose]();
    });
    expect(sem.value).toBe(1);
  });

  it("SM-02 SM-03 SM-08 hold takes a permit as acquire does: at once, in order of arrival, and in spite of a cancellation", () => {
    const log = transcript((note) =>
      Cancel.sub((cc) => {
        const sem = new Semaphore(1);
        const visit = (name: string) =>
          function* () {
            using _permit = yield* sem.hold();
            note(`${name}, cancelled: ${Fiber.isCancelled()}`);
            yield* Cancel.protect(() => Fiber.yield());
          };
        return Fiber.all([
          visit("a"),
          visit("b"),
          () => Cancel.protect(() => steps(note, "other", 2)),
          function* () {
            yield* Fiber.yield();
            // By now a has given its permit to b, which has not resumed.
            cc.cancel("stop");
          },
        ]);
      }),
    );
    expect(log).toEqual(["a, cancelled: false", "other1", "other2", "b, cancelled: true"]);
  });

  it("tryHold does not wait", () => {
    const sem = new Semaphore(1);
    {
      using permit = sem.tryHold();
      expect(permit).toBeDefined();
      using none = sem.tryHold();
      expect(none).toBe(undefined);
    }
    expect(sem.value).toBe(1);
  });
});

describe("the lock of a mutex", () => {
  it("is given back at the end of the block; a throw, or a cancellation, does not poison it", () => {
    const mutex = new Mutex();
    function* block(error?: Error): Op<string> {
      using _held = yield* mutex.hold();
      expect(mutex.isLocked()).toBe(true);
      yield* Fiber.yield();
      if (error) throw error;
      return "value";
    }
    expect(run(() => block())).toBe("value");
    expect([mutex.isLocked(), mutex.getError()]).toEqual([false, undefined]);
    const error = new Error("block");
    expect(thrownBy(() => run(() => block(error)))).toBe(error);
    expect([mutex.isLocked(), mutex.getError()]).toEqual([false, undefined]);
    run(() =>
      Fiber.first(
        () => block(),
        () => Fiber.yield(),
      ),
    );
    expect([mutex.isLocked(), mutex.getError()]).toEqual([false, undefined]);
  });

  it("can be given back before; disposing twice is harmless, also when somebody else has the lock by then", () => {
    const mutex = new Mutex();
    run(function* () {
      using held = yield* mutex.hold();
      held.unlock();
      expect(mutex.tryLock()).toBe(true);
      held.unlock();
      held[Symbol.dispose]();
      expect(mutex.isLocked()).toBe(true);
    });
    expect(mutex.isLocked()).toBe(true);
  });

  it("unlocked behind its back, it says so at the end of the block", () => {
    const mutex = new Mutex();
    const thrown = thrownBy(() =>
      run(function* () {
        using _held = yield* mutex.hold();
        mutex.unlock();
      }),
    );
    expect(thrown).toBeInstanceOf(SysError);
    expect(thrownBy(() => run(() => mutex.hold()))).toBeInstanceOf(Poisoned);
  });

  it("tryHold does not wait", () => {
    const mutex = new Mutex();
    {
      using held = mutex.tryHold();
      expect(held).toBeDefined();
      using none = mutex.tryHold();
      expect(none).toBe(undefined);
    }
    expect(mutex.isLocked()).toBe(false);
  });
});

describe("a stream", () => {
  it("is closed at the end of the block: what is queued is taken, and then loops over it end", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        using jobs = new Stream<string>(2);
        yield* Fiber.fork(sw, function* () {
          const items = jobs.iterate();
          while (yield* items.next()) note(items.value);
          note(`closed: ${jobs.isClosed()}`);
        });
        yield* jobs.add("a");
        yield* jobs.add("b");
      }),
    );
    expect(log).toEqual(["a", "b", "closed: true"]);
  });
});

describe("a release hook", () => {
  it("is taken back at the end of the block, without being run; disposing twice is harmless", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        {
          using hook = yield* sw.onReleaseCancellable(() => note("never"));
          using _none = Switch.nullHook;
          hook[Symbol.dispose]();
        }
        try {
          using _hook = sw.addHook(() => note("never"));
          throw new Error("block");
        } catch (error) {
          note(String(error));
        }
        using kept = yield* sw.onReleaseCancellable(() => note("runs"));
        yield* sw.onRelease(() => note(`removed: ${kept.tryRemove()}`));
        sw.fail(new Error("failed"));
        yield* Fiber.forkDaemon(sw, () => Fiber.yield());
        sw.addHook(() => note("first"));
      }),
    );
    expect(log).toEqual(["Error: block", "first", "removed: false", "threw Error: failed"]);
  });
});

describe("a root fiber", () => {
  it("is cancelled at the end of the block, which waits for its end", async () => {
    const log: string[] = [];
    let outcome: Result<unknown> | undefined;
    {
      await using root = startRoot(
        function* () {
          try {
            yield* Fiber.awaitCancel();
          } finally {
            yield* Cancel.protect(() => steps((line) => void log.push(line), "clean-up", 3));
          }
        },
        { onDone: (result) => (outcome = result) },
      );
      log.push(`finished: ${root.context.isFinished}`);
    }
    log.push("after the block");
    expect(log).toEqual(["finished: false", "clean-up1", "clean-up2", "clean-up3", "after the block"]);
    const error = (outcome as { error?: unknown }).error;
    expect(error).toBeInstanceOf(Cancelled);
    expect((error as Cancelled).reason).toBeInstanceOf(Disposed);
    expect((error as Cancelled).reason).toMatchObject({ name: "Disposed", code: "DISPOSED" });
  });

  it("one that has ended is left alone; disposing twice, also at once, waits for the same end", async () => {
    const outcomes: Result<number>[] = [];
    const onDone = (outcome: Result<number>) => outcomes.push(outcome);
    const ended = startRoot(
      function* () {
        return 1;
      },
      { onDone },
    );
    await ended[asyncDispose]();
    expect(outcomes).toEqual([{ ok: true, value: 1 }]);

    let done = 0;
    const root = startRoot(() => Fiber.awaitCancel(), { onDone: () => (done += 1) });
    const ends = [root[asyncDispose](), root[asyncDispose]()].map((end) => end.then(() => (done += 10)));
    expect(done).toBe(0);
    flush();
    await Promise.all([...ends, root[asyncDispose]()]);
    expect(done).toBe(21);
  });

  it("the promise is not rejected, whatever the fiber throws, and an earlier reason stays", async () => {
    const errors: unknown[] = [];
    const onDone = (outcome: Result<never>) => errors.push(!outcome.ok && outcome.error);
    {
      await using _failing = startRoot(
        function* () {
          try {
            return yield* Fiber.awaitCancel();
          } catch {
            throw new Error("clean-up");
          }
        },
        { onDone },
      );
    }
    {
      await using stopped = startRoot(() => Fiber.awaitCancel(), { onDone });
      stopped.cancel("before");
    }
    expect(errors.map(String)).toEqual(["Error: clean-up", "Cancelled: before"]);
  });
});

describe("Switch.own", () => {
  const sync = (note: Note, name: string) => ({ name, [dispose]: () => note(`${name} disposed`) });
  const async_ = (note: Note, name: string) => ({
    name,
    async [asyncDispose]() {
      note(`${name} begins`);
      await Promise.resolve();
      note(`${name} disposed`);
    },
  });

  it("gives the resource back, and disposes of it with the other handlers, last owned first", () => {
    for (const fails of [false, true]) {
      const log = transcript((note) =>
        Switch.run(function* (sw) {
          yield* sw.onRelease(() => note("handler 1"));
          const resource = sync(note, "resource");
          expect(yield* sw.own(resource)).toBe(resource);
          const callable = Object.assign(() => {}, { [dispose]: () => note("function disposed") });
          expect(yield* sw.own(callable)).toBe(callable);
          yield* sw.onRelease(() => note("handler 2"));
          yield* Fiber.fork(sw, () => steps(note, "fiber", 2));
          if (fails) throw new Error("failed");
          note("body returns");
        }),
      );
      expect(log).toEqual([
        "fiber1",
        ...(fails ? [] : ["body returns", "fiber2"]),
        "handler 2",
        "function disposed",
        "resource disposed",
        "handler 1",
        ...(fails ? ["threw Error: failed"] : []),
      ]);
    }
  });

  it("is called with the resource as this, by the method it had when it was owned", () => {
    class Counter {
      disposed = 0;
      [dispose](): void {
        this.disposed++;
      }
    }
    const counter = new Counter();
    run(() =>
      Switch.run(function* (sw) {
        yield* sw.own(counter);
        Object.defineProperty(counter, dispose, { value: () => expect.unreachable() });
      }),
    );
    expect(counter.disposed).toBe(1);
  });

  it("waits for a promise that the disposal gives, before the next handler and protected from cancellation", async () => {
    const log: string[] = [];
    const note = (line: string) => void log.push(line);
    const thrown = await rejectionOf(
      inReality(() =>
        Cancel.sub((cc) =>
          Switch.run(function* (sw) {
            yield* sw.own(sync(note, "a"));
            yield* sw.own(async_(note, "b"));
            yield* sw.own(async_(note, "c"));
            cc.cancel("stop");
            yield* Fiber.yield();
          }),
        ),
      ),
    );
    expect(thrown).toBeInstanceOf(Cancelled);
    expect(log).toEqual(["c begins", "c disposed", "b begins", "b disposed", "a disposed"]);
  });

  it("takes the asynchronous disposal where there are both; one that gives no promise is over at once", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        yield* sw.own({
          [dispose]: () => note("never"),
          [asyncDispose]: () => note("asynchronous") as unknown as PromiseLike<void>,
        });
        // A promise given by the synchronous one is not waited for, as `await using` does not.
        yield* sw.own({
          [dispose]() {
            note("synchronous");
            return new Promise(() => {});
          },
        });
        yield* sw.own({ [asyncDispose]: undefined, [dispose]: () => note("the other is undefined") } as never);
      }),
    );
    expect(log).toEqual(["the other is undefined", "synchronous", "asynchronous"]);
  });

  it("knows objects of programs whose compiler made up for the symbols before the platform had them", () => {
    const log = transcript((note) =>
      Switch.run(function* (sw) {
        yield* sw.own({ [Symbol.for("Symbol.dispose")]: () => note("synchronous") } as never);
        yield* sw.own({ [Symbol.for("Symbol.asyncDispose")]: () => note("asynchronous") } as never);
      }),
    );
    expect(log).toEqual(["asynchronous", "synchronous"]);
  });

  it("under the mock nothing can wait for a promise, and the report says whose disposal it is", () => {
    class Connection {
      [asyncDispose](): Promise<void> {
        return Promise.resolve();
      }
    }
    const thrown = thrownBy(() => run(() => Switch.run((sw) => sw.own(new Connection())))) as DeadlockDetected;
    expect(thrown.waiting.map(({ waitsFor }) => waitsFor)).toEqual(["the disposal of an object of class Connection"]);
  });

  it("a disposal that fails, by a throw or a rejection, fails the switch; the others still run", async () => {
    const log: string[] = [];
    const thrown = (await rejectionOf(
      inReality(() =>
        Switch.run(function* (sw) {
          yield* sw.own(sync((line) => void log.push(line), "first"));
          yield* sw.own({
            [dispose]() {
              throw new Error("throws");
            },
          });
          yield* sw.own({ [asyncDispose]: () => Promise.reject<void>(new Error("rejects")) });
          yield* sw.own({
            [asyncDispose]() {
              throw new Error("throws at once");
            },
          });
        }),
      ),
    )) as Multiple;
    expect(thrown.errors.map(String)).toEqual(["Error: throws at once", "Error: rejects", "Error: throws"]);
    expect(log).toEqual(["first disposed"]);
  });

  it("SW-25 SW-26 SW-27 a late resource is disposed of at once, protected, and then the call throws", async () => {
    const log: string[] = [];
    const note = (line: string) => void log.push(line);
    const late = (own: (sw: Switch) => Op<unknown>, cancelled: boolean) =>
      rejectionOf(
        inReality(function* () {
          const sw = yield* finished();
          yield* Cancel.sub(function* (cc) {
            if (cancelled) cc.cancel("stop");
            yield* own(sw);
          });
        }),
      );
    for (const cancelled of [false, true]) {
      expect(await late((sw) => sw.own(sync(note, "a")), cancelled)).toBeInstanceOf(SwitchFinishedError);
      expect(await late((sw) => sw.own(async_(note, "b")), cancelled)).toBeInstanceOf(SwitchFinishedError);
    }
    const once = ["a disposed", "b begins", "b disposed"];
    expect(log).toEqual([...once, ...once]);
    const error = new Error("disposal");
    const failing = { [asyncDispose]: () => Promise.reject<void>(error) };
    const thrown = (await late((sw) => sw.own(failing), false)) as ReleaseError;
    expect(thrown).toBeInstanceOf(ReleaseError);
    expect(thrown.error).toBe(error);
    expect(thrown.cause).toBeInstanceOf(SwitchFinishedError);

    const inHandler = transcript((note) =>
      Switch.run(function* (sw) {
        yield* sw.onRelease(() => sw.own(sync(note, "late")) as Op<never>);
      }),
    );
    expect(inHandler).toEqual(["late disposed", "threw SwitchFinishedError: Switch finished!"]);
  });

  it("owns what this library gives: permits, locks, hooks, root fibers", async () => {
    const mutex = new Mutex();
    const sem = new Semaphore(1);
    let ended = 0;
    await inReality(() =>
      Switch.run(function* (sw) {
        yield* sw.own(yield* mutex.hold());
        yield* sw.own(yield* sem.hold());
        yield* sw.own(startRoot(() => Fiber.awaitCancel(), { onDone: () => ended++ }));
        expect([mutex.isLocked(), sem.value, ended]).toEqual([true, 0, 0]);
      }),
    );
    expect([mutex.isLocked(), sem.value, ended]).toEqual([false, 1, 1]);
  });

  it("refuses at the door what nothing disposes of", () => {
    run(() =>
      Switch.run(function* (sw) {
        const refused: [unknown, string][] = [
          [null, "null"],
          [undefined, "undefined"],
          ["text", 'the string "text"'],
          [{}, "an object"],
          [{ [dispose]: 1 }, "an object"],
          [Promise.resolve(), "a Promise"],
        ];
        for (const [resource, received] of refused) {
          const thrown = thrownBy(() => sw.own(resource as never));
          expect(thrown).toBeInstanceOf(TypeError);
          expect((thrown as Error).message).toBe(
            `Switch.own: "resource" must be an object with Symbol.dispose or Symbol.asyncDispose, got ${received}`,
          );
        }
        yield* Fiber.yield();
      }),
    );
  });
});
