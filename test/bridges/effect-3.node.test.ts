// Node only: version 3 of `effect` takes the place of version 4.

/** The bridge to effects with version 3 of `effect`, whose causes are trees and whose `callback` is called `async`. */
import * as Effect from "effect-3/Effect";
import * as EffectFiber from "effect-3/Fiber";
import { describe, expect, it, vi } from "vitest";
import { Cancel, Cancelled, Fiber, type Op } from "trestle";
import { fromAsync, toPromise } from "@trestle/bridges";
import { fromEffect, toEffect } from "@trestle/bridges/effect";
import { macrotask } from "./world.js";

vi.mock("effect/Effect", () => import("effect-3/Effect"));

const from = fromEffect as unknown as <A, E>(effect: Effect.Effect<A, E>) => Op<A>;
const to = toEffect as unknown as <A>(body: () => Op<A>) => Effect.Effect<A, unknown>;

const thrownBy = (op: Op<unknown>): Promise<unknown> =>
  toPromise(function* () {
    try {
      return ["value", yield* op];
    } catch (error) {
      return error;
    }
  });

describe("version 3 of effect", () => {
  it("BO-01 gives the value, the failure, the defect, and several together", async () => {
    const [failure, defect] = [new Error("failure"), new Error("defect")];
    expect(await toPromise(() => from(Effect.delay(Effect.succeed(1), "1 millis")))).toBe(1);
    expect(await thrownBy(from(Effect.fail(failure)))).toBe(failure);
    expect(await thrownBy(from(Effect.die(defect)))).toBe(defect);
    expect(await thrownBy(from(Effect.interrupt))).toMatchObject({ name: "AbortError" });
    const both = Effect.onExit(Effect.fail(failure), () => Effect.die(defect));
    expect(((await thrownBy(from(both))) as AggregateError).errors).toEqual([failure, defect]);
  });

  it("BO-01 a cancelled fiber interrupts the effect and waits for its finalizers", async () => {
    const log: string[] = [];
    const effect = Effect.onExit(Effect.never, () =>
      Effect.delay(
        Effect.sync(() => void log.push("fin")),
        "2 millis",
      ),
    );
    await toPromise(() =>
      Fiber.first<unknown, unknown>(
        () => from(effect),
        () => fromAsync(macrotask),
      ),
    );
    expect(log).toEqual(["fin"]);
  });

  it("BO-02 values and failures go over, an interruption cancels the fiber and waits for it", async () => {
    expect(await Effect.runPromise(to(() => fromAsync(() => Promise.resolve(2))))).toBe(2);
    const failure = new Error("failure");
    const failing = to(function* () {
      yield* Fiber.yield();
      throw failure;
    });
    expect(await Effect.runPromise(Effect.flip(failing))).toBe(failure);
    const log: string[] = [];
    const fiber = Effect.runFork(
      to(function* () {
        try {
          yield* Fiber.awaitCancel();
        } catch (error) {
          log.push(error instanceof Cancelled ? "Cancelled" : "other");
          yield* Cancel.protect(() => fromAsync(macrotask));
          log.push("cleaned up");
          throw error;
        }
      }),
    );
    await macrotask();
    await Effect.runPromise(EffectFiber.interrupt(fiber));
    expect(log).toEqual(["Cancelled", "cleaned up"]);
  });
});
