// Node only: a listener that other listeners cannot keep from being called.

import { afterEach, describe, expect, it } from "vitest";
import { Cancel, Cancelled, Deferred, Fiber, Semaphore, setDebug, trailOf, type Op } from "trestle";
import { fromAsync, fromPromise, toPromise, waitAborted, withSignal } from "@trestle/bridges";
import { countAbortListeners, expectNoUnhandledRejections, outcome } from "./world.js";

expectNoUnhandledRejections();
afterEach(() => setDebug(false));

const never = () => new Promise<never>(() => {});

describe("waitAborted", () => {
  it("BA-12 gives the reason, at once if there is one already, and leaves no listener", async () => {
    for (const reason of [new Error("why"), null, "text"]) {
      const controller = new AbortController();
      const listeners = countAbortListeners(controller.signal);
      const waiting = toPromise(() => waitAborted(controller.signal));
      expect(listeners()).toBe(1);
      controller.abort(reason);
      expect(listeners()).toBe(0);
      expect(await waiting).toBe(reason);
      expect(await toPromise(() => waitAborted(controller.signal))).toBe(reason);
      expect(listeners()).toBe(0);
    }
    expect(() => waitAborted(undefined as never)).toThrow('waitAborted: "signal" must be an AbortSignal');
  });

  it("BA-12 a cancelled wait takes its listener off in the same turn", async () => {
    const controller = new AbortController();
    const listeners = countAbortListeners(controller.signal);
    let context!: Cancel.Context;
    const ended = toPromise(() =>
      Cancel.sub(function* (cc) {
        context = cc;
        try {
          return yield* waitAborted(controller.signal);
        } catch (error) {
          return error;
        }
      }),
    );
    expect(listeners()).toBe(1);
    context.cancel("stop");
    expect(listeners()).toBe(0);
    expect(await ended).toBeInstanceOf(Cancelled);
  });
});

describe("withSignal", () => {
  it("BA-11 a listener that stops the event keeps nobody of ours from being told", async () => {
    const controller = new AbortController();
    controller.signal.addEventListener("abort", (event) => event.stopImmediatePropagation());
    const ended = [
      toPromise(() => withSignal(controller.signal, () => fromPromise(never()))),
      toPromise(() => fromPromise(never()), { signal: controller.signal }),
      toPromise(() => waitAborted(controller.signal)),
    ];
    controller.abort("why");
    expect(await Promise.all(ended.map(outcome))).toEqual(["error why", "error why", "value why"]);
  });

  it("BA-06 an error and an abort during its clean-up are both thrown; after the body an abort is ignored", async () => {
    const controller = new AbortController();
    const [done, resolver] = Deferred.create<void>();
    const ended = toPromise(() =>
      withSignal(controller.signal, function* () {
        try {
          throw new Error("first");
        } finally {
          yield* Cancel.protect(() => done.await());
        }
      }),
    );
    controller.abort(new Error("abort"));
    resolver.resolve();
    const error = (await ended.catch((thrown: unknown) => thrown)) as { errors: Error[] };
    expect(error.errors.map(({ message }) => message)).toEqual(["abort", "first"]);

    const late = new AbortController();
    const failed = toPromise(function* () {
      try {
        yield* withSignal(late.signal, function* () {
          throw new Error("first");
        });
      } finally {
        late.abort("late");
      }
    });
    expect(await outcome(failed)).toBe("error Error: first");
  });
});

describe("what awaits the wrong thing", () => {
  const ops: (() => Op<unknown>)[] = [
    () => Fiber.yield(),
    () => new Semaphore(1).acquire(),
    () => fromAsync(() => 1),
    () => fromPromise(Promise.resolve(1)),
  ];

  it("BM-01 in debug mode to await an op fails and says what to write; otherwise an op has no then", async () => {
    for (const make of ops) expect("then" in make()).toBe(false);
    setDebug({ report: () => {} });
    const awaiting: ((op: unknown) => Promise<unknown>)[] = [
      async (op) => await op,
      (op) => Promise.resolve(op),
      async (op) => op,
    ];
    for (const make of ops)
      for (const wait of awaiting)
        expect(await outcome(wait(make()))).toBe(
          "error TypeError: fiber operations are run with yield*, not await; from async code use toPromise(() => op)",
        );
    for (const make of ops) expect(Object.keys(make())).not.toContain("then");
    // In fibers all is as ever.
    expect(await toPromise(() => ops[3]!())).toBe(1);
    setDebug(false);
    for (const make of ops) expect("then" in make()).toBe(false);
  });

  it("BM-02 to await a call of a fiber function gives the generator, and nothing has run", async () => {
    let ran = false;
    const work = function* (): Op<void> {
      ran = true;
    };
    const made: unknown = work();
    const awaited: unknown = await made;
    expect(typeof (awaited as Iterator<unknown>).next).toBe("function");
    expect(ran).toBe(false);
  });

  it("BM-04 to yield* a promise is an error of the language", async () => {
    const body = function* (): Op<unknown> {
      return yield* Promise.resolve(1) as unknown as Op<unknown>;
    };
    expect(await outcome(toPromise(body))).toMatch(/^error TypeError: .*not (iterable|a function)/);
  });
});

it("BG-61 a foreign error keeps its stack and its properties; the way it took is kept beside it", async () => {
  const error = new Error("foreign");
  const { stack } = error;
  const keys = Reflect.ownKeys(error);
  const ended = toPromise(() => Fiber.all([() => fromPromise(Promise.reject(error))]), { name: "load" });
  await expect(ended).rejects.toBe(error);
  expect(error.stack).toBe(stack);
  expect(Reflect.ownKeys(error)).toEqual(keys);
  expect(trailOf(error).map((step) => (step.kind === "omitted" ? "" : step.name))).toContain("load");
});
