/** Effects and fibers wait for, fail with and cancel each other: with both versions of `effect` that are in use. */
import { describe, expect, it, vi } from "vitest";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as ManagedRuntime from "effect/ManagedRuntime";
import { Cancel, Cancelled, Fiber, NotInFiberError, onUnhandledError, Switch, type Op } from "trestle";
import { fromAsync, fromPromise, toPromise } from "@trestle/bridges";
import { EffectInterrupted, fromEffect, toEffect } from "@trestle/bridges/effect";
import { expectNoUnhandledRejections, macrotask } from "./world.js";

expectNoUnhandledRejections();

/** What an effect ends with: its value, its failures and defects, or an interruption alone. */
async function ended(effect: Effect.Effect<unknown, unknown>, signal?: AbortSignal): Promise<string[]> {
  const exit = await Effect.runPromiseExit(effect, signal ? { signal } : {});
  if (exit._tag === "Success") return [`value ${String(exit.value)}`];
  return exit.cause.reasons.map((reason) =>
    reason._tag === "Fail"
      ? `failure ${String(reason.error)}`
      : reason._tag === "Die"
        ? `defect ${String(reason.defect)}`
        : "interrupted",
  );
}

const thrownBy = (op: Op<unknown>): Promise<unknown> =>
  toPromise(function* () {
    try {
      yield* op;
    } catch (error) {
      return error;
    }
    throw new Error("nothing was thrown");
  });

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

class OutOfStock extends Error {}

describe("fromEffect", () => {
  it("BO-01 gives the value, throws the failure and the defect themselves", async () => {
    const failure = new OutOfStock("apples");
    const defect = new TypeError("a mistake");
    const values = await toPromise(function* () {
      return [
        yield* fromEffect(Effect.succeed(1)),
        yield* fromEffect(
          Effect.delay(
            Effect.sync(() => 2),
            "1 millis",
          ),
        ),
      ];
    });
    expect(values).toEqual([1, 2]);
    expect(await thrownBy(fromEffect(Effect.fail(failure)))).toBe(failure);
    expect(await thrownBy(fromEffect(Effect.die(defect)))).toBe(defect);
    expect(await thrownBy(fromEffect(Effect.fail(undefined)))).toBe(undefined);
  });

  it("BO-01 throws a failure together with what a finalizer threw", async () => {
    const [failure, defect] = [new Error("failure"), new Error("defect")];
    const both = Effect.fail(failure).pipe(Effect.onExit(() => Effect.die(defect)));
    const thrown = await thrownBy(fromEffect(both));
    expect(thrown).toBeInstanceOf(AggregateError);
    expect((thrown as AggregateError).errors).toEqual([failure, defect]);
  });

  it("BO-01 an interruption by somebody else is an AbortError", async () => {
    const thrown = await thrownBy(fromEffect(Effect.interrupt));
    expect(thrown).toMatchObject({ name: "AbortError", code: "ABORT_ERR" });
    expect(thrown).not.toBeInstanceOf(Cancelled);
  });

  it("BO-01 a cancelled fiber interrupts the effect in the same turn, and waits for its finalizers", async () => {
    const log: string[] = [];
    const effect = Effect.never.pipe(
      Effect.onExit(() => {
        log.push("interrupted");
        return Effect.sync(() => void log.push("finalized")).pipe(Effect.delay("2 millis"));
      }),
    );
    await toPromise(() =>
      Cancel.sub(function* (cc) {
        yield* Fiber.both(
          function* () {
            try {
              yield* fromEffect(effect);
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
    ).catch(() => {});
    expect(log).toEqual(["interrupted", "told", "finalized", "Cancelled enough"]);
  });

  it("BO-01 what a finalizer throws after a cancellation is not lost", async () => {
    const defect = new Error("finalizer");
    const effect = Effect.never.pipe(Effect.onExit(() => Effect.die(defect)));
    const thrown = await thrownBy(
      Fiber.first(
        () => fromEffect(effect),
        () => fromAsync(macrotask),
      ),
    );
    expect(thrown).toBe(defect);
  });

  it('BO-01 with "abandon" the fiber goes on at once', async () => {
    const log: string[] = [];
    const slow = Effect.never.pipe(
      Effect.onExit(() => Effect.sync(() => void log.push("finalized")).pipe(Effect.delay("2 millis"))),
    );
    await toPromise(() =>
      Fiber.first<unknown, unknown>(
        () => fromEffect(slow, { onCancel: "abandon" }),
        () => fromAsync(macrotask),
      ),
    );
    log.push("gone on");
    await vi.waitFor(() => expect(log).toEqual(["gone on", "finalized"]));
  });

  it("BO-01 a runtime gives the effect its services", async () => {
    class Greeting extends Context.Service<Greeting, { readonly text: string }>()("Greeting") {}
    const runtime = ManagedRuntime.make(Layer.succeed(Greeting, { text: "hello" }));
    const effect = Effect.map(Greeting, ({ text }) => `${text}!`);
    expect(await toPromise(() => fromEffect(effect, { runtime }))).toBe("hello!");
    await runtime.dispose();
  });

  it("BO-01 refuses what is no effect", () => {
    expect(() => fromEffect(Promise.resolve(1) as never)).toThrow(
      new TypeError('fromEffect: "effect" must be an effect, got a promise'),
    );
    expect(() => fromEffect(Fiber.yield() as never)).toThrow("run an op with yield* directly");
    expect(() => fromEffect(Effect.void, { onCancel: "later" as never })).toThrow('"options.onCancel"');
    expect(() => fromEffect(Effect.void, { runtime: {} as never })).toThrow('"options.runtime"');
    expect(() => [...(fromEffect(Effect.void) as unknown as Iterable<unknown>)]).toThrow(NotInFiberError);
  });
});

describe("toEffect", () => {
  it("BO-02 gives the value, and the error in the error channel, by a mapper", async () => {
    expect(await ended(toEffect(() => fromPromise(Promise.resolve(3))))).toEqual(["value 3"]);
    const failing = function* (): Op<number> {
      yield* Fiber.yield();
      throw new OutOfStock("pears");
    };
    expect(await ended(toEffect(failing))).toEqual(["failure Error: pears"]);
    const typed: Effect.Effect<number, string> = toEffect(failing, { catch: (error) => (error as Error).message });
    expect(await ended(typed)).toEqual(["failure pears"]);
    expect(await ended(Effect.catch(typed, (message) => Effect.succeed(`no ${message}`)))).toEqual(["value no pears"]);
    const broken = toEffect(failing, {
      catch: () => {
        throw new Error("a bad mapper");
      },
    });
    expect(await ended(broken)).toEqual(["defect Error: a bad mapper"]);
  });

  it("BO-02 is run anew each time, at once", async () => {
    let runs = 0;
    const effect = toEffect(function* () {
      yield* [];
      return ++runs;
    });
    expect(runs).toBe(0);
    expect(Effect.runSync(effect)).toBe(1);
    expect(await ended(Effect.all([effect, effect]))).toEqual(["value 2,3"]);
  });

  it("BO-02 an interruption cancels the fiber, and waits for its finalizers", async () => {
    const log: string[] = [];
    let reason: unknown;
    const controller = new AbortController();
    const over = ended(
      toEffect(function* () {
        try {
          yield* forever(log);
        } catch (error) {
          reason = (error as Cancelled).reason;
          throw error;
        }
      }),
      controller.signal,
    );
    await macrotask();
    controller.abort();
    expect(await over).toEqual(["interrupted"]);
    expect(log).toEqual(["cancelled", "cleaned up"]);
    expect(reason).toBeInstanceOf(EffectInterrupted);
  });

  it("BO-02 what finalizers throw after an interruption is a defect", async () => {
    const controller = new AbortController();
    const over = ended(
      toEffect(function* () {
        try {
          yield* Fiber.awaitCancel();
        } finally {
          throw new Error("finalizer");
        }
      }),
      controller.signal,
    );
    await macrotask();
    controller.abort();
    expect(await over).toContain("defect Error: finalizer");
  });

  it("BO-02 a cancellation from the side of the fibers interrupts the effect", async () => {
    const log: string[] = [];
    let over!: Promise<string[]>;
    const failure = new Error("stop");
    const outside = toPromise(() =>
      Switch.run(function* (sw) {
        over = ended(toEffect(() => forever(log), { sw }));
        yield* fromAsync(macrotask);
        sw.fail(failure);
      }),
    );
    await expect(outside).rejects.toBe(failure);
    expect(await over).toEqual(["interrupted"]);
    expect(log).toEqual(["cancelled", "cleaned up"]);
  });

  it("BO-02 in a finished switch it fails, and runs nothing", async () => {
    let finished!: Switch;
    await toPromise(() =>
      Switch.run(function* (sw) {
        finished = sw;
        yield* Fiber.yield();
      }),
    );
    const [failure] = await ended(toEffect(() => forever([]), { sw: finished }));
    expect(failure).toMatch(/^failure SwitchFinishedError/);
  });

  it("BO-01 BO-02 both ways inside each other, cancelled from outside", async () => {
    const log: string[] = [];
    const unhandled: unknown[] = [];
    onUnhandledError((error) => unhandled.push(error));
    const inner = toEffect(() => forever(log)).pipe(Effect.onExit(() => Effect.sync(() => void log.push("effect"))));
    await toPromise(() =>
      Fiber.first<unknown, unknown>(
        () => fromEffect(inner),
        () => fromAsync(macrotask),
      ),
    );
    log.push("outer");
    onUnhandledError(undefined);
    expect(log).toEqual(["cancelled", "cleaned up", "effect", "outer"]);
    expect(unhandled).toEqual([]);
  });

  it("BO-02 refuses what is no fiber function", () => {
    expect(() => toEffect((async () => 1) as never)).toThrow('toEffect: "body" must be a function returning an op');
    expect(() => toEffect(() => Fiber.yield(), { catch: 1 as never })).toThrow('"options.catch"');
  });
});
