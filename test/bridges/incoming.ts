// What every adapter through which a fiber waits for foreign code promises, run over one of them.

import { describe, expect, it } from "vitest";
import { Cancel, Cancelled, Fiber, Switch, type Op } from "trestle";
import { Done, fromPromise, OverflowError, toPromise, withSignal, type Subscribed } from "@trestle/bridges";
import type { Incoming } from "./contract.js";
import { later, macrotask, outcome, ticks, unhandledDuring } from "./world.js";

/** One foreign source, and the op that waits for it. */
export interface Source {
  /** An op that can be run any number of times. */
  readonly op: Op<unknown>;
  /** Answers all that wait. */
  readonly settle: (value: unknown) => void;
  readonly fail: (error: unknown) => void;
  /** How often the foreign side was touched. */
  readonly touched: () => number;
  /** How many registrations it has now. */
  readonly registered: () => number;
  /** The same op with an `onDiscard`. */
  readonly discarding?: (onDiscard: (value: unknown) => void) => Op<unknown>;
  /** How many signals the adapter has aborted. */
  readonly aborted?: () => number;
  /** Gives a value that is not the end. */
  readonly push?: (value: unknown) => void;
  /** Subscribes on behalf of a switch. */
  readonly subscribe?: (sw: Switch) => Op<Live>;
  /** Adopts a stream on behalf of a switch. */
  readonly adopt?: (sw: Switch, owned: boolean) => Flow;
}

/** A subscription that stays. */
export type Live = Pick<Subscribed<unknown>, "next" | "close">;

/** A stream that a switch has taken on. */
export interface Flow {
  readonly step: () => Op<unknown>;
  readonly settle: (value: unknown) => void;
  readonly fail: (error: unknown) => void;
  readonly ended: () => boolean;
}

/** What an adapter's foreign side is like. */
export interface Traits {
  /** The fiber resumes only when what it has cancelled has ended, whatever the contract's words for it. */
  readonly waitsAfterCancel?: boolean;
  /** Answers arrive by a later step of the platform. */
  readonly answersLater?: boolean;
  /** Errors come in a box. */
  readonly boxed?: boolean;
  /** The foreign side has no falsy errors. */
  readonly truthy?: boolean;
  /** Many waits make one registration. */
  readonly shares?: boolean;
  /** Answers in one turn may run together. */
  readonly bytes?: boolean;
  /** Of several answers in one turn the last one counts. */
  readonly newest?: boolean;
}

const unwrap = (value: unknown): unknown => (Array.isArray(value) ? (value as unknown[])[0] : value);
const local = Fiber.createKey<string>("local");

export function incoming(name: string, contract: Incoming, make: () => Source, traits: Traits = {}): void {
  const waits = traits.waitsAfterCancel ?? contract.cancel === "settles";
  const keeps = contract.cancel === "watched" || typeof contract.cancel === "object";
  const live = contract.release === "switch" || contract.release === "ended";

  /** The outcomes of fibers that wait for `source`, as words; `cancel` cancels them all. */
  function start(source: Source, log: string[], label = "", wrap: (op: Op<unknown>) => Op<unknown> = (op) => op) {
    let context!: Cancel.Context;
    const ended = toPromise(() =>
      Cancel.sub(function* (cc) {
        context = cc;
        try {
          log.push(`${label}got ${String(unwrap(yield* wrap(source.op)))}`);
        } catch (error) {
          log.push(
            `${label}${error instanceof Cancelled ? `Cancelled ${String(error.reason)}` : `threw ${String(error)}`}`,
          );
        }
      }),
    );
    return { ended, cancel: () => context.cancel("stop") };
  }

  describe(name, () => {
    it("BG-01 BG-02 touches nothing until it is run, and does so again each time", async () => {
      const source = make();
      await ticks();
      expect(source.touched()).toBe(0);
      const log: string[] = [];
      const runs = [start(source, log, "a "), start(source, log, "b ")];
      await ticks();
      expect(source.touched()).toBe(traits.shares ? 1 : 2);
      source.settle("v");
      for (const run of runs) await run.ended;
      expect(log).toEqual(["a got v", "b got v"]);
    });

    it("BG-07 does not touch the foreign side in a cancelled fiber", async () => {
      const source = make();
      const log: string[] = [];
      const cancelled = outcome(
        toPromise(() =>
          Cancel.sub(function* (cc) {
            cc.cancel("before");
            try {
              yield* source.op;
              log.push("got something");
            } catch (error) {
              log.push(error instanceof Cancelled ? "Cancelled" : "threw");
            }
          }),
        ),
      );
      await cancelled;
      expect(log).toEqual(["Cancelled"]);
      expect(source.touched()).toBe(0);
    });

    it("BG-04 BG-09 BG-50 counts the first answer, and has no registration left in the same turn", async () => {
      const source = make();
      const log: string[] = [];
      const run = start(source, log);
      source.settle("first");
      if (!traits.answersLater && !live) expect(source.registered()).toBe(0);
      source.settle("second");
      await run.ended;
      expect(source.registered()).toBe(0);
      const got = traits.newest ? "got second" : "got first";
      if (traits.bytes) expect(log).toEqual([expect.stringContaining(got)]);
      else expect(log).toEqual([got]);
    });

    it("BG-30 BG-31 throws the very value that the foreign side failed with", async () => {
      for (const error of [new Error("e"), "text", { any: 1 }, ...(traits.truthy ? [] : [0, null, undefined])]) {
        const source = make();
        const ended = toPromise(() => source.op);
        source.fail(error);
        const thrown = await ended.then(
          () => "not thrown",
          (reason: unknown) => (traits.boxed ? (reason as { box: unknown }).box : reason),
        );
        expect(thrown).toBe(error);
        expect(source.registered()).toBe(0);
      }
    });

    it("BG-35 takes a foreign AbortError for an error", async () => {
      const source = make();
      const error = new DOMException("foreign", "AbortError");
      const ended = toPromise(() => source.op);
      source.fail(error);
      const thrown: unknown = await ended.catch((reason: unknown) => reason);
      expect(traits.boxed ? (thrown as { box: unknown }).box : thrown).toBe(error);
    });

    it("BG-10 BG-11 is torn down inside the cancel call, before the fiber sees Cancelled", async () => {
      const source = make();
      const log: string[] = [];
      const run = start(source, log);
      log.push("cancel");
      run.cancel();
      if (!keeps) expect(source.registered()).toBe(0);
      log.push("cancelled");
      if (waits) source.settle("late");
      await run.ended;
      expect(log).toEqual(["cancel", "cancelled", "Cancelled stop"]);
    });

    it("BG-12 delivers what was first: an answer, then a cancellation", async () => {
      const source = make();
      const log: string[] = [];
      const run = start(source, log);
      source.settle("answer");
      // The reaction of a promise answers and resumes in one microtask: there is nothing between the two.
      if (!traits.answersLater) run.cancel();
      await run.ended;
      expect(log).toEqual(["got answer"]);
    });

    it("BG-12 BG-15 delivers what was first: a cancellation, then an answer", async () => {
      const seen = await unhandledDuring(async () => {
        for (const answer of ["settle", "fail"] as const) {
          const source = make();
          const log: string[] = [];
          const run = start(source, log);
          run.cancel();
          source[answer](waits ? Object.assign(new Error("late"), { name: "AbortError" }) : "late");
          await run.ended;
          expect(log).toEqual(["Cancelled stop"]);
        }
      });
      expect(seen).toEqual([]);
    });

    it("BG-16 is not torn down while it is protected", async () => {
      const source = make();
      const log: string[] = [];
      const run = start(source, log, "", (op) => Cancel.protect(() => op));
      await ticks();
      run.cancel();
      expect(source.registered()).toBe(1);
      source.settle("v");
      await run.ended;
      expect(log).toEqual(["got v"]);
    });

    it("BG-37 ends with the reason of a foreign signal", async () => {
      const source = make();
      const controller = new AbortController();
      const reason = { why: 1 };
      const ended = toPromise(() => source.op, { signal: controller.signal });
      const nested = toPromise(() => withSignal(controller.signal, () => source.op));
      controller.abort(reason);
      if (waits) source.settle("late");
      await expect(ended).rejects.toBe(reason);
      await expect(nested).rejects.toBe(reason);
    });

    it("BG-40 BG-41 BG-42 resumes fibers in order, after the foreign call has returned, before the next macrotask", async () => {
      const source = make();
      const log: string[] = [];
      const runs = ["a ", "b ", "c "].map((label) => start(source, log, label));
      await macrotask();
      later(() => log.push("macrotask"));
      source.settle("v");
      log.push("returned");
      for (const run of runs) await run.ended;
      await macrotask();
      expect(log).toEqual(["returned", "a got v", "b got v", "c got v", "macrotask"]);
    });

    it("BG-46 sees the fiber's own locals afterwards, whoever answers", async () => {
      const source = make();
      const ended = toPromise(() =>
        Fiber.withBinding(local, "mine", function* () {
          yield* source.op;
          return Fiber.get(local);
        }),
      );
      await ticks();
      await toPromise(() =>
        Fiber.withBinding(local, "theirs", function* () {
          source.settle("v");
          yield* Fiber.yield();
        }),
      );
      expect(await ended).toBe("mine");
    });

    if (contract.cancel === "settles" || contract.cancel === "abandons")
      it("BP-24 BP-25 BP-27 aborts the signal in the same turn", async () => {
        const source = make();
        const log: string[] = [];
        const run = start(source, log);
        await ticks();
        expect(source.aborted!()).toBe(0);
        run.cancel();
        expect(source.aborted!()).toBe(1);
        await ticks();
        expect(log).toEqual(waits ? [] : ["Cancelled stop"]);
        source.settle("late");
        await run.ended;
        expect(log).toEqual(["Cancelled stop"]);
      });

    if (contract.late === "discards")
      it("BG-13 BP-17 gives a late value to onDiscard", async () => {
        const source = make();
        const discarded: unknown[] = [];
        const run = start(source, [], "", () => source.discarding!((value) => discarded.push(value)));
        await ticks();
        run.cancel();
        source.settle("late");
        await run.ended;
        await ticks();
        expect(discarded).toEqual(["late"]);
      });

    if (contract.late === "bounded") {
      const subscribed = (body: (source: Source, subscription: Live) => Op<void>) => {
        const source = make();
        return toPromise(() =>
          Switch.run(function* (sw) {
            yield* body(source, yield* source.subscribe!(sw));
          }),
        );
      };

      it("BX-23 BX-24 BE-09 gives the values before an error, the very error once, then the end", () =>
        subscribed(function* (source, subscription) {
          const error = { any: 1 };
          for (const value of [1, 2]) source.push!(value);
          source.fail(error);
          const seen: unknown[] = [];
          for (let i = 0; i < 5; i++) {
            try {
              seen.push(unwrap(yield* subscription.next()));
            } catch (thrown) {
              seen.push(thrown);
            }
          }
          expect(seen).toEqual([1, 2, error, Done, Done]);
          expect(seen[2]).toBe(error);
        }));

      it("BX-25 BE-10 keeps sixteen values, and says so when there is one more", () =>
        subscribed(function* (source, subscription) {
          for (let i = 0; i < 16; i++) source.push!(i);
          expect(source.registered()).toBe(1);
          source.push!(16);
          expect(source.registered()).toBe(0);
          for (let i = 0; i < 16; i++) expect(unwrap(yield* subscription.next())).toBe(i);
          let thrown: unknown;
          try {
            yield* subscription.next();
          } catch (error) {
            thrown = error;
          }
          expect(thrown).toBeInstanceOf(OverflowError);
          expect(yield* subscription.next()).toBe(Done);
        }));
    }

    if (contract.release === "switch") {
      it("BG-52 BX-31 BE-32 is given back by close, by the end of the switch, and in the turn of its cancellation", async () => {
        const log: unknown[] = [];
        const closed = make();
        const ended = make();
        const cancelled = make();
        await toPromise(() =>
          Switch.run(function* (sw) {
            const subscription = yield* closed.subscribe!(sw);
            log.push(closed.registered());
            subscription.close();
            log.push(closed.registered());
            yield* ended.subscribe!(sw);
          }),
        );
        log.push(ended.registered());
        await outcome(
          toPromise(() =>
            Switch.run(function* (sw) {
              yield* cancelled.subscribe!(sw);
              sw.fail(new Error("stop"));
              log.push(cancelled.registered());
            }),
          ),
        );
        expect(log).toEqual([1, 0, 0, 0]);
      });
    }

    if (contract.release === "destroyed") {
      it("BG-52 BG-55 BS-07 BS-32 ends with the switch, unless it is not owned", async () => {
        for (const owned of [true, false]) {
          const source = make();
          let flow!: Flow;
          await toPromise(() =>
            Switch.run(function* (sw) {
              flow = source.adopt!(sw, owned);
              yield* Fiber.yield();
              expect(flow.ended()).toBe(false);
            }),
          );
          expect(flow.ended()).toBe(owned);
        }
      });
    }

    if (contract.error === "again")
      it("BS-03 BS-41 BG-30 fails with the same object at every call", async () => {
        const error = new Error("e");
        const source = make();
        const thrown = await toPromise(() =>
          Switch.run(function* (sw) {
            const flow = source.adopt!(sw, false);
            flow.fail(error);
            const seen: unknown[] = [];
            for (let i = 0; i < 3; i++) {
              try {
                seen.push(yield* flow.step());
              } catch (reason) {
                seen.push(reason);
              }
            }
            return seen;
          }),
        );
        expect(thrown.map((reason) => reason === error)).toEqual([true, true, true]);
      });

    if (contract.late === "kept")
      it("BS-06 BS-32 gives what comes after a cancelled wait to the next one", async () => {
        const source = make();
        const seen = await toPromise(() =>
          Switch.run(function* (sw) {
            const flow = source.adopt!(sw, false);
            const log: string[] = [];
            const run = start({ ...source, op: flow.step() }, log);
            run.cancel();
            yield* fromPromise(run.ended);
            flow.settle("late");
            log.push(`then ${String(yield* flow.step())}`);
            return log;
          }),
        );
        expect(seen).toEqual(["Cancelled stop", "then late"]);
      });
  });
}

/** The first value of a live subscription, in a switch of its own. */
export class FirstTaken implements Op<unknown> {
  private readonly subscribe: (sw: Switch) => Op<Live>;

  constructor(subscribe: (sw: Switch) => Op<Live>) {
    this.subscribe = subscribe;
  }

  [Symbol.iterator]() {
    return Switch.run((sw) => takeOne(this.subscribe(sw)))[Symbol.iterator]();
  }
}

function* takeOne(subscribing: Op<Live>): Op<unknown> {
  const subscribed = yield* subscribing;
  return yield* subscribed.next();
}
