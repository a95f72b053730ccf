import { describe, expect, it } from "vitest";
import { Cancel, Cancelled, Fiber, Switch } from "trestle";
import { adopt, cancelSignal, fromPromise, toPromise, withSignal } from "@trestle/bridges";
import { countAbortListeners, expectNoUnhandledRejections, outcome, uncaughtDuring } from "./world.js";

expectNoUnhandledRejections();

const never = () => new Promise<never>(() => {});

describe("cancelSignal", () => {
  it("BA-20 BA-21 gives one signal a context, made when it is first asked for", async () => {
    const Before = globalThis.AbortController;
    let made = 0;
    globalThis.AbortController = class extends Before {
      constructor() {
        super();
        made++;
      }
    };
    try {
      await toPromise(function* () {
        yield* fromPromise(Promise.resolve());
        yield* Switch.run(() => Fiber.yield());
        expect(made).toBe(0);
        const signal = yield* cancelSignal();
        expect(yield* cancelSignal()).toBe(signal);
        expect(made).toBe(1);
      });
    } finally {
      globalThis.AbortController = Before;
    }
  });

  it("BA-22 is aborted in the turn of the cancellation, before any fiber resumes, with the reason as cause", async () => {
    const log: string[] = [];
    const reason = new Error("why");
    await toPromise(() =>
      Cancel.sub(function* (cc) {
        const signal = yield* cancelSignal();
        signal.addEventListener("abort", () => log.push("aborted"));
        yield* Switch.run(function* (sw) {
          yield* Fiber.fork(sw, function* () {
            try {
              yield* Fiber.awaitCancel();
            } finally {
              log.push("fiber");
            }
          });
          cc.cancel(reason);
          log.push("cancelled");
        });
        return signal;
      }),
    ).catch(() => {});
    expect(log).toEqual(["aborted", "cancelled", "fiber"]);
    await toPromise(() =>
      Cancel.sub(function* (cc) {
        const signal = yield* cancelSignal();
        cc.cancel(reason);
        expect(signal.reason).toMatchObject({ name: "AbortError", code: "ABORT_ERR", cause: reason });
      }),
    );
  });

  it("BA-22 is aborted already in a context that was cancelled before", async () => {
    await toPromise(() =>
      Cancel.sub(function* (cc) {
        cc.cancel("before");
        expect((yield* cancelSignal()).aborted).toBe(true);
      }),
    );
  });

  it("BA-23 is not aborted when the context ends normally", async () => {
    const signal = await toPromise(() => Switch.run(() => cancelSignal()));
    expect(signal.aborted).toBe(false);
  });

  it("BA-24 belongs to its own context: a child's cancellation leaves the parent's alone, not the other way round", async () => {
    await toPromise(() =>
      Cancel.sub(function* (parent) {
        const outer = yield* cancelSignal();
        yield* Cancel.sub(function* (child) {
          const inner = yield* cancelSignal();
          child.cancel("child");
          expect([outer.aborted, inner.aborted]).toEqual([false, true]);
        });
        yield* Cancel.sub(function* () {
          const inner = yield* cancelSignal();
          parent.cancel("parent");
          expect([outer.aborted, inner.aborted]).toEqual([true, true]);
        });
      }),
    );
  });

  it("BA-25 is not aborted from outside a protected section", async () => {
    await toPromise(() =>
      Cancel.sub(function* (cc) {
        yield* Cancel.protect(function* () {
          const inner = yield* cancelSignal();
          cc.cancel("outside");
          expect(inner.aborted).toBe(false);
        });
      }),
    );
  });

  it("BA-26 the cancellation goes on when a listener throws", async () => {
    const error = new Error("listener");
    const seen = await uncaughtDuring(async () => {
      const log: string[] = [];
      await toPromise(() =>
        Cancel.sub(function* (cc) {
          const signal = yield* cancelSignal();
          signal.addEventListener("abort", () => {
            throw error;
          });
          signal.addEventListener("abort", () => log.push("other"));
          cc.cancel("stop");
          try {
            yield* adopt(1);
          } catch (thrown) {
            log.push(String((thrown as Cancelled).reason));
          }
        }),
      );
      expect(log).toEqual(["other", "stop"]);
    });
    expect(seen).toEqual([error]);
  });

  it("BA-27 a listener can start a fiber, which nobody owns", async () => {
    let started: Promise<string> | undefined;
    await toPromise(() =>
      Cancel.sub(function* (cc) {
        (yield* cancelSignal()).addEventListener("abort", () => {
          started = toPromise(() => adopt("runs"));
        });
        cc.cancel("stop");
      }),
    );
    expect(await started).toBe("runs");
  });
});

describe("withSignal", () => {
  const caught = (promise: Promise<unknown>) =>
    promise.then(
      (value) => ({ value }),
      (thrown: unknown) => ({ thrown }),
    );

  it("BA-01 BA-03 cancels the body in the same turn and throws the very reason after the finalizers", async () => {
    for (const reason of [new Error("why"), null, "text", { any: 1 }]) {
      const controller = new AbortController();
      const log: string[] = [];
      const ended = toPromise(() =>
        withSignal(controller.signal, function* () {
          try {
            yield* fromPromise(never());
          } finally {
            yield* Cancel.protect(() => adopt(1));
            log.push("finalized");
          }
        }),
      );
      controller.abort(reason);
      expect(await caught(ended)).toEqual({ thrown: reason });
      expect(log).toEqual(["finalized"]);
    }
  });

  it("BA-02 does not start the body when the signal is aborted already", async () => {
    let started = false;
    const ended = toPromise(() =>
      withSignal(AbortSignal.abort("early"), function* () {
        started = true;
      }),
    );
    expect(await caught(ended)).toEqual({ thrown: "early" });
    expect(started).toBe(false);
  });

  it("BA-04 is the body itself without a signal", async () => {
    expect(await toPromise(() => withSignal(undefined, () => adopt("body")))).toBe("body");
  });

  it("BA-05 BA-10 takes its listener off when the body ends", async () => {
    const controller = new AbortController();
    const listeners = countAbortListeners(controller.signal);
    await toPromise(function* () {
      for (let i = 0; i < 100; i++) {
        yield* withSignal(controller.signal, function* () {
          expect(listeners()).toBe(1);
          yield* adopt(i);
        });
      }
      expect(listeners()).toBe(0);
      controller.abort();
      yield* adopt("not cancelled");
    });
  });

  it("BA-08 throws the TimeoutError of a timeout signal", async () => {
    const ended = toPromise(() => withSignal(AbortSignal.timeout(1), () => fromPromise(never())));
    expect(await outcome(ended)).toMatch(/^error TimeoutError/);
  });

  it("BA-09 takes a combined signal", async () => {
    const [a, b] = [new AbortController(), new AbortController()];
    const ended = toPromise(() => withSignal(AbortSignal.any([a.signal, b.signal]), () => fromPromise(never())));
    b.abort("b");
    expect(await caught(ended)).toEqual({ thrown: "b" });
  });

  it("BA-22 throws Cancelled, not the reason of the signal, when the fiber was cancelled first", async () => {
    const controller = new AbortController();
    const ended = toPromise(() =>
      Cancel.sub(function* (cc) {
        try {
          yield* withSignal(controller.signal, function* () {
            cc.cancel("fiber");
            controller.abort("signal");
            yield* adopt(1);
          });
        } catch (error) {
          return (error as Cancelled).reason;
        }
        return undefined;
      }),
    );
    expect(await ended).toBe("fiber");
  });

  it("refuses what is no signal", () => {
    const by = withSignal as (signal: unknown, body: unknown) => unknown;
    expect(() => by(new AbortController(), () => adopt(1))).toThrow(/"signal" must be an AbortSignal.*pass its signal/);
    expect(() => by(null, () => adopt(1))).toThrow(/"signal" must be an AbortSignal or undefined, got null/);
    expect(() => by(undefined, 1)).toThrow(/"body" must be a function returning an op/);
  });
});
