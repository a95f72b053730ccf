// What every adapter through which foreign code holds a fiber promises, run over one of them.

import { describe, expect, it } from "vitest";
import { Cancel, Cancelled, Fiber, onUnhandledError, Switch, type Op } from "trestle";
import { fromAsync, fromCallback, toPromise } from "@trestle/bridges";
import type { Outgoing } from "./contract.js";
import { macrotask, ticks } from "./world.js";

/** A fiber in foreign hands. */
export interface Held {
  /** What came of it: its value, or its error. */
  readonly outcome: Promise<{ value: unknown } | { error: unknown }>;
  /** Stops it by the means that the foreign side has, with a reason where there is room for one. */
  readonly stop: (reason: unknown) => void;
  /** Is resolved when the foreign side is told that it has stopped; what it is told went wrong, if anything. */
  readonly stopped?: Promise<unknown>;
}

/** Hands a fiber over, and has it run. */
export type HandOver = (body: () => Op<unknown>, sw: Switch | undefined) => Held;

/** What an adapter's foreign side is like. */
export interface Traits {
  /** It cannot give the fiber to a switch. */
  readonly withoutSwitch?: boolean;
}

const local = Fiber.createKey<string>("local");

const errorOf = async (held: Held): Promise<unknown> => {
  const outcome = await held.outcome;
  if ("value" in outcome) throw new Error(`there was no error, but ${String(outcome.value)}`);
  return outcome.error;
};

export function outgoing(name: string, contract: Outgoing, handOver: HandOver, traits: Traits = {}): void {
  /** Waits for nothing, and notes what happens to it. */
  function waiting(log: string[], cleaningUp?: () => Op<void>) {
    return function* (): Op<unknown> {
      log.push("started");
      try {
        return yield* fromCallback(() => () => log.push("told"));
      } catch (error) {
        log.push(error instanceof Cancelled ? "Cancelled" : "threw");
        throw error;
      } finally {
        if (cleaningUp) yield* cleaningUp();
      }
    };
  }

  function cleaningUp(log: string[]): () => Op<void> {
    return () => fromAsync(() => ticks(5).then(() => void log.push("finalized")));
  }

  /** Cleans up in spite of the cancellation, with some waiting. */
  const protectedly = (work: () => Op<void>) => () => Cancel.protect(work);

  describe(name, () => {
    it("BP-41 BC-30 BS-20 gives the value", async () => {
      const held = handOver(function* () {
        yield* Fiber.yield();
        return "v";
      }, undefined);
      expect(await held.outcome).toEqual({ value: "v" });
    });

    if (contract.error === "same" || contract.error === "boxed")
      it("BG-30 BG-31 BG-32 gives the very object that the fiber threw", async () => {
        for (const thrown of [new Error("e"), "text", { any: 1 }]) {
          for (const atOnce of [true, false]) {
            const held = handOver(function* () {
              if (!atOnce) yield* Fiber.yield();
              throw thrown;
            }, undefined);
            expect(await errorOf(held)).toBe(thrown);
          }
        }
      });

    if (contract.error === "same")
      it("BG-31 BG-32 gives falsy errors, too", async () => {
        for (const thrown of [0, null, undefined]) {
          const held = handOver(function* () {
            yield* Fiber.yield();
            throw thrown;
          }, undefined);
          expect(await errorOf(held)).toBe(thrown);
        }
      });

    if (contract.error === "boxed")
      it("BC-32 BS-48 gives falsy errors in an Error", async () => {
        for (const thrown of [0, null, undefined]) {
          const held = handOver(function* () {
            yield* Fiber.yield();
            throw thrown;
          }, undefined);
          const error = await errorOf(held);
          expect(error).toBeInstanceOf(Error);
          expect((error as Error).cause).toBe(thrown);
        }
      });

    if (!traits.withoutSwitch && (contract.error === "same" || contract.error === "boxed"))
      it("BG-36 gives an AbortError when the fiber's switch is cancelled, after the finalizers", async () => {
        const log: string[] = [];
        const reason = new Error("stop");
        let held!: Held;
        const ended = toPromise(() =>
          Switch.run(function* (sw) {
            held = handOver(waiting(log, protectedly(cleaningUp(log))), sw);
            held.outcome.then(
              () => log.push("outcome"),
              () => {},
            );
            yield* fromAsync(macrotask);
            sw.fail(reason);
          }),
        );
        await expect(ended).rejects.toBe(reason);
        expect(await errorOf(held)).toMatchObject({ name: "AbortError", code: "ABORT_ERR", cause: reason });
        expect(log).toEqual(["started", "told", "Cancelled", "finalized", "outcome"]);
      });

    if (contract.cancel === "told")
      it("BG-20 BG-21 BG-22 stops the fiber in the same turn, and says so after the finalizers if there is a way", async () => {
        const log: string[] = [];
        await toPromise(() =>
          Switch.run(function* (sw) {
            const held = handOver(waiting(log, protectedly(cleaningUp(log))), traits.withoutSwitch ? undefined : sw);
            void held.outcome.catch(() => {});
            void held.stopped?.then(() => log.push("acknowledged"));
            yield* fromAsync(macrotask);
            log.push("stop");
            held.stop(new Error("enough"));
            log.push("stopping");
            if (contract.release === "settles") yield* fromAsync(() => held.stopped);
          }),
        );
        log.push("switch ended");
        const acknowledged = contract.release === "settles" ? ["acknowledged"] : [];
        expect(log).toEqual([
          "started",
          "stop",
          "told",
          "stopping",
          "Cancelled",
          "finalized",
          ...acknowledged,
          "switch ended",
        ]);
      });

    if (contract.late === "joined" || contract.late === "told" || contract.late === "unhandled")
      it("BG-23 BG-33 BP-48 loses no error of a finalizer", async () => {
        const late = new Error("late");
        const reason = new Error("enough");
        const unhandled: unknown[] = [];
        onUnhandledError((error) => unhandled.push(error));
        try {
          const held = handOver(
            waiting([], function* () {
              throw late;
            }),
            undefined,
          );
          void held.outcome.catch(() => {});
          await macrotask();
          held.stop(reason);
          const told = await held.stopped;
          await macrotask();
          const seen = told instanceof AggregateError ? (told.errors as unknown[]) : told;
          if (contract.late === "unhandled") expect(unhandled).toEqual([late]);
          else {
            if (contract.late === "joined") expect(seen).toEqual([reason, late]);
            else expect(seen).toBe(late);
            expect(unhandled).toEqual([]);
          }
        } finally {
          onUnhandledError(undefined);
        }
      });

    if (contract.context === "caller" || contract.context === "attached")
      it("BG-60 has the locals of the fiber that made it, or of the one that has called foreign code", async () => {
        const seen = await toPromise(() =>
          Fiber.withBinding(local, "mine", function* () {
            const look = () => handOver(lookAtLocal, undefined).outcome;
            const inside = yield* fromAsync(look);
            const directly = look();
            return [inside, yield* fromAsync(() => directly)];
          }),
        );
        const directly = contract.context === "caller" ? "mine" : "none";
        expect(seen).toEqual([{ value: "mine" }, { value: directly }]);
      });
  });
}

function* lookAtLocal(): Op<unknown> {
  yield* Fiber.yield();
  return Fiber.get(local) ?? "none";
}
