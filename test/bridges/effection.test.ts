/** Operations of Effection and fibers wait for, fail with and cancel each other. */
import { createContext, createScope, ensure, run, sleep, spawn, suspend, type Operation } from "effection";
import { describe, expect, it } from "vitest";
import { Cancel, Cancelled, Fiber, NotInFiberError, Switch, type Op } from "trestle";
import { fromAsync, fromPromise, toPromise } from "@trestle/bridges";
import { fromOperation, OperationHalted, toOperation } from "@trestle/bridges/effection";
import { expectNoUnhandledRejections, macrotask } from "./world.js";

expectNoUnhandledRejections();

const thrownBy = (op: Op<unknown>): Promise<unknown> =>
  toPromise(function* () {
    try {
      yield* op;
    } catch (error) {
      return error;
    }
    throw new Error("nothing was thrown");
  });

/** Runs an operation, and cancels the fiber that waits for it a little later. */
const cancelled = (operation: () => Operation<unknown>, options?: Parameters<typeof fromOperation>[1]): Op<unknown> =>
  Fiber.first<unknown, unknown>(
    () => fromOperation(operation, options),
    () => fromAsync(macrotask),
  );

/** A fiber function that waits for ever, and cleans up with some waiting. */
function* forever(log: string[]): Op<never> {
  try {
    return yield* Fiber.awaitCancel();
  } finally {
    log.push("cancelled");
    yield* Cancel.protect(() => fromAsync(macrotask));
    log.push("cleaned up");
  }
}

describe("fromOperation", () => {
  it("BO-03 gives the value of an operation, and throws its error itself", async () => {
    const failure = new Error("failure");
    const value = await toPromise(() =>
      fromOperation(function* () {
        yield* sleep(1);
        return 1;
      }),
    );
    expect(value).toBe(1);
    const failing = function* (): Operation<number> {
      yield* sleep(1);
      throw failure;
    };
    expect(await thrownBy(fromOperation(failing))).toBe(failure);
    expect(await thrownBy(fromOperation({ [Symbol.iterator]: () => failing()[Symbol.iterator]() }))).toBe(failure);
  });

  it("BO-03 a cancelled fiber halts the task in the same turn, and waits until all of it has shut down", async () => {
    const log: string[] = [];
    const operation = function* (): Operation<void> {
      void (yield* spawn(function* () {
        yield* ensure(function* () {
          yield* sleep(2);
          log.push("child has ended");
        });
        yield* suspend();
      }));
      try {
        yield* suspend();
      } finally {
        log.push("halted");
        yield* sleep(2);
        log.push("task has ended");
      }
    };
    const ended = toPromise(() =>
      Cancel.sub(function* (cc) {
        yield* Fiber.both(
          function* () {
            try {
              yield* fromOperation(operation);
            } catch (error) {
              log.push(error instanceof Cancelled ? `Cancelled ${String(error.reason)}` : "other");
            }
          },
          function* () {
            yield* fromAsync(macrotask);
            cc.cancel("enough");
            log.push("told");
          },
        );
      }),
    );
    await ended.catch(() => {});
    expect(log.slice(0, 2)).toEqual(["halted", "told"]);
    expect(log.slice(2, -1).sort()).toEqual(["child has ended", "task has ended"]);
    expect(log.at(-1)).toBe("Cancelled enough");
  });

  it("BO-03 what shutting down throws after a cancellation is not lost", async () => {
    const failure = new Error("shutting down");
    const operation = function* (): Operation<void> {
      yield* ensure(() => {
        throw failure;
      });
      yield* suspend();
    };
    expect(await thrownBy(cancelled(operation))).toBe(failure);
  });

  it('BO-03 with "abandon" the fiber goes on at once', async () => {
    const log: string[] = [];
    let over!: () => void;
    const ended = new Promise<void>((resolve) => (over = resolve));
    const operation = function* (): Operation<void> {
      try {
        yield* suspend();
      } finally {
        yield* sleep(2);
        log.push("task has ended");
        over();
      }
    };
    await toPromise(() => cancelled(operation, { onCancel: "abandon" }));
    log.push("gone on");
    await ended;
    expect(log).toEqual(["gone on", "task has ended"]);
  });

  it("BO-03 runs in a given scope, and finds its contexts", async () => {
    const colour = createContext("colour", "none");
    const [scope, destroy] = createScope();
    scope.set(colour, "blue");
    const look = function* (): Operation<string> {
      return yield* colour.expect();
    };
    const seen = await toPromise(function* () {
      return [yield* fromOperation(look), yield* fromOperation(look, { scope })];
    });
    expect(seen).toEqual(["none", "blue"]);
    await destroy();
  });

  it("BO-03 a task that its scope halts is an error, no cancellation", async () => {
    const [scope, destroy] = createScope();
    const waiting = thrownBy(fromOperation(suspend, { scope }));
    await macrotask();
    await destroy();
    const thrown = await waiting;
    expect(thrown).not.toBeInstanceOf(Cancelled);
    expect(String(thrown)).toBe("Error: halted");
  });

  it("BO-03 refuses what is no operation", () => {
    expect(() => fromOperation(Promise.resolve(1) as never)).toThrow(
      new TypeError('fromOperation: "operation" must be an operation, or a function that gives one, got a promise'),
    );
    expect(() => fromOperation(suspend, { onCancel: "later" as never })).toThrow('"options.onCancel"');
    expect(() => fromOperation(suspend, { scope: {} as never })).toThrow('"options.scope"');
    expect(() => [...(fromOperation(suspend) as unknown as Iterable<unknown>)]).toThrow(NotInFiberError);
  });
});

describe("toOperation", () => {
  it("BO-03 gives the value of a fiber, and throws its error itself; each time anew", async () => {
    let runs = 0;
    const operation = toOperation(function* () {
      yield* fromPromise(Promise.resolve());
      return ++runs;
    });
    expect(runs).toBe(0);
    const values = await run(function* () {
      return [yield* operation, yield* operation];
    });
    expect(values).toEqual([1, 2]);
    const failure = new Error("failure");
    const failing = toOperation(function* () {
      yield* Fiber.yield();
      throw failure;
    });
    await expect(run(() => failing)).rejects.toBe(failure);
  });

  it("BO-03 a halt cancels the fiber, and waits for its finalizers", async () => {
    const log: string[] = [];
    let reason: unknown;
    const task = run(() =>
      toOperation(function* () {
        try {
          yield* forever(log);
        } catch (error) {
          reason = (error as Cancelled).reason;
          throw error;
        }
      }),
    );
    await macrotask();
    await task.halt();
    expect(log).toEqual(["cancelled", "cleaned up"]);
    expect(reason).toBeInstanceOf(OperationHalted);
    await expect(task).rejects.toThrow("halted");
  });

  it("BO-03 what finalizers throw after a halt fails it", async () => {
    const task = run(() =>
      toOperation(function* () {
        try {
          yield* Fiber.awaitCancel();
        } finally {
          throw new Error("finalizer");
        }
      }),
    );
    task.catch(() => {});
    await macrotask();
    await expect(task.halt()).rejects.toThrow("finalizer");
  });

  it("BO-03 a cancellation from the side of the fibers is an AbortError", async () => {
    const failure = new Error("stop");
    let task!: Promise<unknown>;
    const outside = toPromise(() =>
      Switch.run(function* (sw) {
        task = run(() => toOperation(() => forever([]), { sw }));
        task.catch(() => {});
        yield* fromAsync(macrotask);
        sw.fail(failure);
      }),
    );
    await expect(outside).rejects.toBe(failure);
    await expect(task).rejects.toMatchObject({ name: "AbortError", cause: failure });
  });

  it("BO-03 both ways inside each other, cancelled from outside", async () => {
    const log: string[] = [];
    const operation = function* (): Operation<void> {
      yield* ensure(() => void log.push("operation"));
      yield* toOperation(() => forever(log));
    };
    await toPromise(() => cancelled(operation));
    log.push("outer");
    expect(log).toEqual(["cancelled", "cleaned up", "operation", "outer"]);
  });

  it("BO-03 refuses what is no fiber function", () => {
    expect(() => toOperation((async () => 1) as never)).toThrow(
      'toOperation: "body" must be a function returning an op',
    );
  });
});
