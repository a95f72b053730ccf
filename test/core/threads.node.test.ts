// Node only: it runs functions in worker threads.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { Cancel, Fiber, Switch } from "trestle";
import { run, runInThread, sleep } from "trestle/node";
import { expectNoUnhandledRejections } from "../platform.js";
import { job, module, shared, started, threads } from "./threads.js";
import { failureOf } from "./transcript.js";

expectNoUnhandledRejections();

function finish(seen: Int32Array): void {
  Atomics.store(seen, 2, 1);
  Atomics.notify(seen, 2);
}

describe("sleep", () => {
  it("EN-04 needs no clock, and lets other fibers run", async () => {
    const log: string[] = [];
    await run(() =>
      Fiber.both(
        function* () {
          log.push("first starts");
          yield* sleep(0.01);
          log.push("slept");
        },
        function* () {
          log.push("second starts");
        },
      ),
    );
    expect(log).toEqual(["first starts", "second starts", "slept"]);
  });
});

describe("runInThread", () => {
  it("EN-07 does not start in a cancelled context", () =>
    run(function* () {
      const seen = shared();
      yield* Cancel.sub(function* (cc) {
        cc.cancel("enough");
        expect(yield* failureOf(runInThread(job("computeNow", seen)))).toBe("Cancelled: enough");
      });
      yield* runInThread(job("addNow", 1, 2));
      expect(Atomics.load(seen, 0)).toBe(0);
    }));

  it("EN-07 once started it is not cancelled: the caller gets the result, and meets the cancellation later", () =>
    run(function* () {
      const seen = shared();
      const log: string[] = [];
      yield* Switch.run(function* (sw) {
        let context: Cancel.Context;
        yield* Fiber.fork(sw, () =>
          Cancel.sub(function* (cc) {
            context = cc;
            log.push(yield* runInThread<string>(job("computeNow", seen)));
            log.push(yield* failureOf(Fiber.yield()));
          }),
        );
        yield* started(seen);
        context!.cancel("enough");
        yield* Fiber.yield();
        log.push("cancelled");
        finish(seen);
      });
      expect(log).toEqual(["cancelled", "computed", "Cancelled: enough"]);
    }));

  it("EN-08 throws what the function throws, with its class and stack", () =>
    run(function* () {
      let thrown: unknown;
      try {
        yield* runInThread(job("failNow"));
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(RangeError);
      expect(thrown).toMatchObject({ name: "Unlucky", code: "UNLUCKY" });
      expect((thrown as Error).stack).toMatch(/jobs\.js:\d+/);
    }));

  it("EN-08 makes a thread when all are busy, uses idle ones again, and ends them at the end of the loop", async () => {
    const before = threads();
    await run(function* () {
      const one = yield* runInThread(job("threadNow"));
      expect(yield* runInThread(job("threadNow"))).toBe(one);
      expect(threads()).toBe(before + 1);
      const seen = shared();
      const [, another] = yield* Fiber.pair(
        () => runInThread(job("computeNow", seen)),
        function* () {
          yield* started(seen);
          const id = yield* runInThread(job("threadNow"));
          finish(seen);
          return id;
        },
      );
      expect(another).not.toBe(one);
      expect(threads()).toBe(before + 2);
      const ids = yield* Fiber.map([1, 2], () => runInThread(job("threadNow")));
      expect(new Set(ids)).toEqual(new Set([one, another]));
    });
    while (threads() > before) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  it("EN-08 a process ends although one of its threads is idle", async () => {
    const text = `
      import { toPromise } from "@trestle/bridges";
      import { runInThread } from "trestle/node";
      const job = { module: ${JSON.stringify(module.href)}, name: "addNow", args: [1, 2] };
      console.log(await toPromise(() => runInThread(job)));
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", text], {
      cwd: import.meta.dirname,
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.on("data", (bytes) => (said += String(bytes)));
    expect(await once(child, "close")).toEqual([0, null]);
    expect(said).toBe("3\n");
  });

  it("goes on in another thread when one has exited, and after arguments that cannot be copied", () =>
    run(function* () {
      const first = yield* runInThread(job("threadNow"));
      expect(yield* failureOf(runInThread(job("exitNow", 3)))).toBe(
        "DomainExited: runInThread: the thread has exited with code 3",
      );
      const second = yield* runInThread(job("threadNow"));
      expect(second).not.toBe(first);
      expect(yield* failureOf(runInThread(job("addNow", new WeakMap())))).toMatch(
        /^TypeError: runInThread: the arguments of a job must be something that can be copied/,
      );
      expect(yield* runInThread(job("threadNow"))).toBe(second);
    }));

  it("refuses closures and fiber functions", () =>
    run(function* () {
      expect(yield* failureOf(runInThread(() => Fiber.yield()))).toMatch(/^InvalidArgument: runInThread: a closure/);
      expect(yield* failureOf(runInThread(job("add", 1, 2)))).toMatch(/"add" must be a plain function/);
    }));
});
