// The facts that hold at every border at which a fiber waits for one answer, run over every adapter.

import { EventEmitter } from "node:events";
import { Subject } from "rxjs";
import { describe, expect, it } from "vitest";
import { Cancel, Cancelled, Switch, type Op } from "trestle";
import {
  adopt,
  events,
  firstOf,
  fromAsync,
  fromCallback,
  fromNode,
  fromObservable,
  fromPromise,
  once,
  toPromise,
  withSignal,
  type Subscribed,
} from "@trestle/bridges";
import { Cell, expectNoUnhandledRejections, later, macrotask, outcome, ticks, unhandledDuring } from "./world.js";

expectNoUnhandledRejections();

/** One foreign source, and the op that waits for it. */
interface Source {
  /** An op that can be run any number of times. */
  readonly op: Op<unknown>;
  /** Answers all that wait. */
  readonly settle: (value: unknown) => void;
  readonly fail: (error: unknown) => void;
  /** How often the foreign side was touched. */
  readonly touched: () => number;
  /** How many registrations it has now. */
  readonly registered: () => number;
}

interface Traits {
  /** The fiber resumes only when the cancelled call has settled. */
  readonly waitsAfterCancel?: boolean;
  /** Registrations cannot be taken back; they are inert. */
  readonly keepsRegistration?: boolean;
  /** Answers arrive by a microtask of the platform. */
  readonly answersLater?: boolean;
  /** Errors come in a box. */
  readonly boxed?: boolean;
  /** Many waits make one registration. */
  readonly shares?: boolean;
  /** A subscription that outlives an answer, until its switch ends. */
  readonly live?: boolean;
}

const unwrap = (value: unknown): unknown => (Array.isArray(value) ? (value as unknown[])[0] : value);

function conformance(name: string, make: () => Source, traits: Traits = {}): void {
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
      if (!traits.answersLater && !traits.live) expect(source.registered()).toBe(0);
      source.settle("second");
      await run.ended;
      expect(source.registered()).toBe(0);
      expect(log).toEqual(["got first"]);
    });

    it("BG-30 BG-31 throws the very value that the foreign side failed with", async () => {
      for (const error of [new Error("e"), "text", 0, null, undefined, { any: 1 }]) {
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
      if (!traits.keepsRegistration) expect(source.registered()).toBe(0);
      log.push("cancelled");
      if (traits.waitsAfterCancel) source.settle("late");
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
          source[answer](traits.waitsAfterCancel ? Object.assign(new Error("late"), { name: "AbortError" }) : "late");
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
      if (traits.waitsAfterCancel) source.settle("late");
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
  });
}

function promised(wait: (promise: PromiseLike<unknown>) => Op<unknown>): () => Source {
  return () => {
    const cell = new Cell();
    let touched = 0;
    let settled = false;
    const thenable = {
      then(ok: (value: unknown) => void, fail: (error: unknown) => void) {
        touched++;
        void cell.promise.then(ok, fail);
      },
    } as PromiseLike<unknown>;
    return {
      op: wait(thenable),
      settle: (value) => ((settled = true), cell.resolve(value)),
      fail: (error) => ((settled = true), cell.reject(error)),
      touched: () => touched,
      registered: () => (settled ? 0 : touched),
    };
  };
}

conformance("fromPromise", promised(fromPromise), { keepsRegistration: true, answersLater: true });
conformance("adopt", promised(adopt), { keepsRegistration: true, answersLater: true });
conformance(
  "fromAsync",
  promised((promise) => fromAsync(() => promise)),
  { keepsRegistration: true, answersLater: true, waitsAfterCancel: true },
);
conformance(
  "fromAsync, abandoning",
  promised((promise) => fromAsync(() => promise, { onCancel: "abandon" })),
  { keepsRegistration: true, answersLater: true },
);

/** A source of callbacks: `register` is called by the adapter with the two ends, and gives what takes them back. */
function callbacks(
  wait: (register: (ok: (value: unknown) => void, fail: (error: unknown) => void) => () => void) => Op<unknown>,
): () => Source {
  return () => {
    const ends: [ok: (value: unknown) => void, fail: (error: unknown) => void][] = [];
    let live = 0;
    const answer = (i: 0 | 1, value: unknown) => {
      live = 0;
      // A source without manners: it goes on calling those who have left.
      for (const end of ends) end[i](value);
    };
    return {
      op: wait((ok, fail) => {
        ends.push([ok, fail]);
        live++;
        return () => void live--;
      }),
      settle: (value) => answer(0, value),
      fail: (error) => answer(1, error),
      touched: () => ends.length,
      registered: () => live,
    };
  };
}

conformance(
  "fromCallback",
  callbacks((register) => fromCallback(register)),
);
conformance(
  "fromNode",
  callbacks((register) =>
    fromNode((cb: (error: unknown, value: unknown) => void) => {
      // Error-first callbacks cannot fail with a falsy value: those travel in a box, which is opened below.
      register(
        (value) => cb(null, value),
        (error) => cb({ box: error }, undefined),
      );
    })(),
  ),
  { keepsRegistration: true, boxed: true },
);

class Emitter extends EventEmitter {
  added = 0;

  constructor() {
    super();
    // Somebody else listens for errors, so that emitting one is never an uncaught error.
    this.on("error", () => {});
  }

  override on(event: string | symbol, listener: (...args: unknown[]) => void): this {
    if (event === "x") this.added++;
    return super.on(event, listener);
  }

  ours(): number {
    return this.listenerCount("x") + this.listenerCount("error") - 1;
  }
}

function emitted(wait: (emitter: Emitter) => Op<unknown>): () => Source {
  return () => {
    const emitter = new Emitter();
    return {
      op: wait(emitter),
      settle: (value) => void emitter.emit("x", value),
      fail: (error) => void emitter.emit("error", error),
      touched: () => emitter.added,
      registered: () => (emitter.ours() > 0 ? 1 : 0),
    };
  };
}

conformance(
  "once",
  emitted((emitter) => once(emitter, "x")),
  { shares: true },
);

function observed(wait: (subject: Subject<unknown>) => Op<unknown>): () => Source {
  return () => {
    const subject = new Subject<unknown>();
    let touched = 0;
    subject.subscribe = new Proxy(subject.subscribe.bind(subject), {
      apply(target, self, args: [never]) {
        touched++;
        return Reflect.apply(target, self, args) as never;
      },
    });
    return {
      op: wait(subject),
      settle: (value) => subject.next(value),
      fail: (error) => subject.error(error),
      touched: () => touched,
      registered: () => (subject.observed ? 1 : 0),
    };
  };
}

conformance(
  "firstOf",
  observed((subject) => firstOf(subject)),
);

/** The first value of a live subscription, in a switch of its own. */
class FirstTaken implements Op<unknown> {
  private readonly subscribe: (sw: Switch) => Op<Subscribed<unknown>>;

  constructor(subscribe: (sw: Switch) => Op<Subscribed<unknown>>) {
    this.subscribe = subscribe;
  }

  [Symbol.iterator]() {
    return Switch.run((sw) => takeOne(this.subscribe(sw)))[Symbol.iterator]();
  }
}

function* takeOne(subscribing: Op<Subscribed<unknown>>): Op<unknown> {
  const subscribed = yield* subscribing;
  return yield* subscribed.next();
}

conformance(
  "fromObservable",
  observed((subject) => new FirstTaken((sw) => fromObservable(sw, subject))),
  { live: true },
);
conformance(
  "events",
  emitted((emitter) => new FirstTaken((sw) => events(sw, emitter, "x"))),
  { live: true, shares: true },
);
