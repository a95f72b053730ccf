import { describe, expect, it } from "vitest";
import { Cancel, Fiber, RuntimeClosedError, Switch, SwitchFinishedError, type Op } from "trestle";
import {
  captureBridge,
  createBridge,
  fromAsync,
  fromPromise,
  toCallback,
  toPromise,
  type Bridge,
} from "@trestle/bridges";
import { Cell, expectNoUnhandledRejections, macrotask, outcome, ticks } from "./world.js";

expectNoUnhandledRejections();

const key = Fiber.createKey<string>("request");

describe("captureBridge", () => {
  it("BK-13 BG-60 gives foreign code the fiber it works for: fiber-locals, cancellation and the switch that waits", async () => {
    const log: string[] = [];
    let cell = new Cell<string>();
    let context!: Cancel.Context;
    const foreign = async (bridge: Bridge) => {
      await macrotask();
      const kept = bridge.toPromise(function* () {
        log.push(`locals ${Fiber.get(key)}`);
        try {
          return yield* fromPromise(cell.promise);
        } finally {
          log.push("fiber ended");
        }
      });
      log.push(await outcome(kept));
    };
    const body = (sw: Switch) => {
      context = sw.context;
      return Fiber.withBinding(key, "r-17", function* () {
        const bridge = yield* captureBridge();
        void foreign(bridge);
        yield* fromPromise(macrotask());
        yield* fromPromise(ticks());
      });
    };
    const first = toPromise(function* () {
      yield* Switch.run(body);
      log.push("switch ended");
    });
    await macrotask();
    await macrotask();
    expect(log).toEqual(["locals r-17"]);
    cell.resolve("value");
    await first;
    await ticks();
    expect(log).toEqual(["locals r-17", "fiber ended", "switch ended", "value value"]);

    log.length = 0;
    cell = new Cell<string>();
    const second = outcome(toPromise(() => Switch.run(body)));
    await macrotask();
    await ticks();
    context.cancel("stop");
    await second;
    await ticks();
    expect(log).toEqual(["locals r-17", "fiber ended", "error AbortError: The operation was aborted"]);
  });

  it("BK-13 run has whatever is called start its fibers for the fiber", async () => {
    const seen: (string | undefined)[] = [];
    const look = function* (): Op<void> {
      seen.push(Fiber.get(key));
    };
    await toPromise(() =>
      Switch.run(() =>
        Fiber.withBinding(key, "r-17", function* () {
          const bridge = yield* captureBridge();
          const callback = () => {
            expect(bridge.run(() => (toCallback(look, () => {}), "result"))).toBe("result");
            toCallback(look, () => {});
            // Inside a fiber of somebody else what is called in passing is nobody's, as ever.
            void bridge.run(() => toPromise(() => look2()));
          };
          const look2 = function* (): Op<void> {
            void toPromise(look);
          };
          yield* fromPromise(macrotask().then(callback));
        }),
      ),
    );
    expect(seen).toEqual(["r-17", undefined, undefined]);
  });

  it("BK-12 BG-53 refuses to start anything for a fiber that has ended, or outside the scope it was captured in", async () => {
    const bridge = await toPromise(() => captureBridge(), { name: "load" });
    let started = false;
    const body = function* (): Op<void> {
      started = true;
    };
    const refused = bridge.toPromise(body);
    await expect(refused).rejects.toBeInstanceOf(SwitchFinishedError);
    await expect(refused).rejects.toThrow(/^toPromise: called on behalf of fiber \d+ "load", which has ended/);
    await toPromise(function* () {
      const inner = yield* Switch.run(() => captureBridge());
      const late: unknown = yield* fromAsync(() => inner.toPromise(body).catch((error: unknown) => error));
      expect(late).toBeInstanceOf(SwitchFinishedError);
    });
    expect(started).toBe(false);
  });
});

describe("createBridge", () => {
  it("BG-56 cancels its fibers when it is closed, and is closed when their finalizers are done", async () => {
    const log: string[] = [];
    const gate = new Cell<void>();
    const bridge = createBridge({ name: "server" });
    const ended = ["a", "b"].map((name) =>
      outcome(
        bridge.toPromise(function* () {
          try {
            yield* Fiber.awaitCancel();
          } finally {
            yield* Cancel.protect(() => fromPromise(gate.promise));
            log.push(`${name} done`);
          }
        }),
      ).then((word) => log.push(word)),
    );
    const closed = bridge.close().then(() => log.push("closed"));
    const again = bridge.close();
    await macrotask();
    expect(log).toEqual([]);
    gate.resolve();
    await Promise.all([...ended, closed, again]);
    const aborted = "error AbortError: The operation was aborted";
    expect(log.slice(0, 2)).toEqual(["a done", "b done"]);
    expect(log.slice(2).sort()).toEqual(["closed", aborted, aborted]);
  });

  it("BG-57 starts nothing any more from the moment of close", async () => {
    const bridge = createBridge({ name: "server" });
    const gate = new Cell<void>();
    let started = 0;
    const body = function* (): Op<void> {
      started++;
      yield* Cancel.protect(() => fromPromise(gate.promise));
    };
    const running = outcome(bridge.toPromise(body));
    const closed = bridge.close();
    for (const refused of [bridge.toPromise(body), bridge.run(() => toPromise(body))]) {
      await expect(refused).rejects.toBeInstanceOf(RuntimeClosedError);
      await expect(refused).rejects.toMatchObject({
        code: "RUNTIME_CLOSED",
        message: 'toPromise: the bridge "server" is closed',
      });
    }
    gate.resolve();
    await closed;
    await running;
    expect(started).toBe(1);
    await expect(createBridge().close()).resolves.toBe(undefined);
  });

  it("BG-56 owns what is started through it in any way, and leaves alone what says otherwise", async () => {
    const bridge = createBridge();
    const log: string[] = [];
    const wait = function* (): Op<void> {
      yield* Fiber.awaitCancel();
    };
    bridge.run(() => toCallback(wait, (error) => log.push((error as Error).name)));
    const cell = new Cell<string>();
    const alone = bridge.run(() => toPromise(() => fromPromise(cell.promise), { inherit: false }));
    await bridge.close();
    expect(log).toEqual(["AbortError"]);
    cell.resolve("went on");
    expect(await alone).toBe("went on");
  });

  it("BG-56 a failure stays with its promise", async () => {
    const bridge = createBridge();
    const failed = bridge.toPromise(function* () {
      throw new Error("broken");
    });
    expect(await outcome(failed)).toBe("error Error: broken");
    expect(await bridge.toPromise(() => fromPromise(Promise.resolve(1)))).toBe(1);
    await bridge.close();
  });
});
