import { describe, expect, it } from "vitest";
import { asyncDispose, dispose, Fiber, Multiple, Switch } from "trestle";
import { fromPromise, openSwitch, toPromise } from "@trestle/bridges";
import { expectNoUnhandledRejections, macrotask, outcome, ticks } from "./world.js";

expectNoUnhandledRejections();

describe("Switch.own", () => {
  it("BI-40 disposes of foreign resources, asynchronously if they can, last first, waiting, once", async () => {
    const log: string[] = [];
    await toPromise(() =>
      Switch.run(function* (sw) {
        yield* sw.own({ [dispose]: () => log.push("first, disposed") as never });
        yield* sw.own({
          [dispose]: () => log.push("not this") as never,
          async [asyncDispose]() {
            await macrotask();
            log.push("second, disposed");
          },
        });
        log.push("body");
      }),
    );
    expect(log).toEqual(["body", "second, disposed", "first, disposed"]);
  });

  it("BI-41 refuses what cannot be disposed of, before anything is registered", async () => {
    const run = Switch.run(function* (sw) {
      yield* sw.own({} as never);
    });
    expect(await outcome(toPromise(() => run))).toContain("error TypeError");
  });

  it("BI-42 tells the failure of a disposal beside that of the body", async () => {
    const failed = toPromise(() =>
      Switch.run(function* (sw) {
        yield* sw.own({ [asyncDispose]: () => Promise.reject(new Error("of the disposal")) });
        throw new Error("of the body");
      }),
    );
    const error: unknown = await failed.catch((thrown: unknown) => thrown);
    expect((error as Multiple).errors.map(String)).toEqual(["Error: of the body", "Error: of the disposal"]);
  });
});

describe("openSwitch", () => {
  it("BI-43 cancels nothing when its fibers have ended", async () => {
    const log: string[] = [];
    const scope = openSwitch();
    const value = await toPromise(
      function* () {
        yield* scope.sw.onRelease(() => void log.push("released"));
        yield* fromPromise(macrotask());
        return "v";
      },
      { sw: scope.sw },
    );
    await scope[asyncDispose]();
    expect([value, ...log]).toEqual(["v", "released"]);
    expect(() => scope.sw.check()).toThrow(/finished/);
  });

  it("BI-43 cancels what still runs at the end of the block, and waits for it", async () => {
    const log: string[] = [];
    const scope = openSwitch();
    const running = outcome(
      toPromise(
        function* () {
          try {
            yield* Fiber.awaitCancel();
          } finally {
            log.push("finally");
          }
        },
        { sw: scope.sw },
      ),
    );
    await ticks();
    expect(log).toEqual([]);
    await scope[asyncDispose]();
    expect(log).toEqual(["finally"]);
    expect(await running).toContain("AbortError");
    await scope[asyncDispose]();
  });

  it("BI-43 rejects with the failure of the switch; a signal cancels it", async () => {
    const failing = openSwitch({ name: "failing" });
    const error = new Error("of a fiber");
    failing.sw.fail(error);
    await expect(failing[asyncDispose]()).rejects.toBe(error);

    const controller = new AbortController();
    const scope = openSwitch({ signal: controller.signal });
    controller.abort("enough");
    expect(scope.sw.getError()).toBeDefined();
    await scope[asyncDispose]();
  });
});
