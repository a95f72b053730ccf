// Node only: its domains are worker threads.

import { MessageChannel } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import {
  Cancel,
  Cancelled,
  Condition,
  Deferred,
  DomainCrashed,
  DomainExited,
  DomainLost,
  DomainOutOfMemory,
  DomainTerminated,
  EndOfFile,
  ExecutorPool,
  Fiber,
  InvalidArgument,
  IoError,
  jobOf,
  Multiple,
  Mutex,
  Semaphore,
  Stream,
  Switch,
  Timeout,
  type Domain,
  type DomainOptions,
  type Op,
  type Result,
} from "trestle";
import { run } from "trestle/node";
import { expectNoUnhandledRejections } from "../platform.js";
import type * as jobs from "./jobs.js";
import { job, module, shared, started, threads } from "./threads.js";
import { failureOf } from "./transcript.js";

expectNoUnhandledRejections();

/** What `op` throws. */
function* thrownBy(op: Op<unknown>): Op<unknown> {
  let value: unknown;
  try {
    value = yield* op;
  } catch (error) {
    return error;
  }
  throw new Error(`nothing was thrown, and ${String(value)} returned`);
}

/** Starts `body`, cancels it when its job has started, and gives its outcome. */
function* cancelledOnceStarted(
  seen: Int32Array,
  reason: unknown,
  body: () => Op<unknown>,
  afterwards: () => void = () => {},
): Op<Result<unknown>> {
  return yield* Switch.run(function* (sw) {
    let context: Cancel.Context;
    const outcome = yield* Fiber.forkPromise(sw, () =>
      Cancel.sub(function* (cc) {
        context = cc;
        return yield* body();
      }),
    );
    yield* started(seen);
    context!.cancel(reason);
    afterwards();
    return yield* outcome.await();
  });
}

describe("a domain of Node", () => {
  it("DM-01 gives the result of the job, whose arguments are copied or go over", () =>
    run(function* ({ domainMgr }) {
      expect(yield* domainMgr.run(jobOf<typeof jobs.add>(module, "add", [1, 2]))).toBe(3);
      expect(yield* domainMgr.run<number>({ module: module.pathname, name: "add", args: [1, 2] })).toBe(3);
      const buffer = new ArrayBuffer(8);
      expect(yield* domainMgr.run(jobOf<typeof jobs.size>(module, "size", [buffer], { transfer: [buffer] }))).toBe(8);
      expect(buffer.byteLength).toBe(0);
      expect(yield* domainMgr.run(job<string[]>("capabilities"))).toContain("domainMgr");
    }));

  it("DM-01 throws what the job throws, with its class, code, steps and stack", () =>
    run(function* ({ domainMgr }) {
      yield* Switch.run(function* (sw) {
        const domain = yield* domainMgr.open({ sw });
        const io = (yield* thrownBy(domain.run(job("fail", "steps")))) as IoError;
        expect(io).toBeInstanceOf(IoError);
        expect(io.err).toMatchObject({ area: "Fs", kind: "Not_found" });
        expect(io.context).toEqual(["opening a.txt", "running the job"]);
        expect(String(io)).toBe("IoError: Fs Not_found, opening a.txt, running the job");
        expect(io.stack).toMatch(/jobs\.js:\d+/);

        const own = yield* thrownBy(domain.run(job("fail", "own")));
        expect(own).toBeInstanceOf(RangeError);
        expect(own).toMatchObject({ name: "Unlucky", code: "UNLUCKY", message: "out of luck", places: [1, 2] });
        expect((own as Error).cause).toBeInstanceOf(TypeError);
        expect((own as Error).stack).toMatch(/jobs\.js:\d+/);

        const multiple = (yield* thrownBy(domain.run(job("fail", "multiple")))) as Multiple;
        expect(multiple).toBeInstanceOf(Multiple);
        expect(multiple.errors[0]).toBeInstanceOf(EndOfFile);
        expect(multiple.errors[1]).toBeInstanceOf(Timeout);

        const cancelled = yield* thrownBy(domain.run(job("fail", "cancelled")));
        expect(cancelled).toBeInstanceOf(Cancelled);
        expect((cancelled as Cancelled).reason).toBe("by itself");

        expect(yield* thrownBy(domain.run(job("fail", "a text")))).toBe("a text");
        expect(yield* thrownBy(domain.runRaw(job("failNow")))).toMatchObject({ name: "Unlucky" });
      });
    }));

  it("DM-02 lets other fibers run meanwhile", () =>
    run(function* ({ domainMgr }) {
      const seen = shared();
      let meanwhile = 0;
      const result = yield* Fiber.pair(
        () => domainMgr.run(job<string>("compute", seen)),
        function* () {
          yield* started(seen);
          meanwhile++;
          Atomics.store(seen, 2, 1);
          Atomics.notify(seen, 2);
        },
      );
      expect([result[0], meanwhile]).toEqual(["computed", 1]);
    }));

  it("DM-03 cancels the job along with the caller, with the same reason, and waits for its end", () =>
    run(function* ({ domainMgr }) {
      const seen = shared();
      const reason = new Error("enough");
      const outcome = yield* cancelledOnceStarted(seen, reason, () => domainMgr.run(job("wait", seen)));
      expect(Atomics.load(seen, 1)).toBe(1);
      const { error } = outcome as { error: Cancelled };
      expect(error).toBeInstanceOf(Cancelled);
      expect(error.reason).toBe(reason);

      // The job was told the same; what it throws instead is thrown here.
      const again = shared();
      const told = yield* cancelledOnceStarted(again, reason, () => domainMgr.run(job("wait", again, "reason")));
      expect(String((told as { error: unknown }).error)).toBe("Error: stopped: Error: enough");
    }));

  it("DM-04 starts nothing in a cancelled context", () =>
    run(function* ({ domainMgr }) {
      const seen = shared();
      yield* Cancel.sub(function* (cc) {
        cc.cancel("enough");
        for (const op of [domainMgr.run(job("wait", seen)), domainMgr.runRaw(job("computeNow", seen))])
          expect(yield* failureOf(op)).toBe("Cancelled: enough");
      });
      yield* Switch.run(function* (sw) {
        const domain = yield* domainMgr.open({ sw });
        yield* Cancel.sub(function* (cc) {
          cc.cancel("enough");
          for (const op of [domain.run(job("wait", seen)), domain.runRaw(job("computeNow", seen))])
            expect(yield* failureOf(op)).toBe("Cancelled: enough");
        });
        yield* domain.run(job("add", 1, 2));
      });
      expect(Atomics.load(seen, 0)).toBe(0);
    }));

  it("DM-05 DM-06 DM-07 DM-10 refuses what belongs to the fibers of one domain, in both directions", () =>
    run(function* ({ domainMgr }) {
      yield* Switch.run(function* (sw) {
        const domain = yield* domainMgr.open({ sw });
        const hook = yield* sw.onReleaseCancellable(() => {});
        for (const [value, name] of [
          [sw.context, "Cancellation context"],
          [sw, "Switch"],
          [hook, "Hook"],
          [new Stream(1), "Stream"],
          [new Semaphore(1), "Semaphore"],
          [new Mutex(), "Mutex"],
          [new Condition(), "Condition"],
          [Deferred.createResolved(1), "Deferred"],
        ] as const) {
          const error = yield* thrownBy(domain.run(job("add", { value })));
          expect(error).toBeInstanceOf(InvalidArgument);
          expect((error as Error).message).toBe(`${name} accessed from wrong domain!`);
        }
        for (const [what, name] of [
          ["switch", "Switch"],
          ["stream", "Stream"],
        ]) {
          const error = yield* thrownBy(domain.run(job("give", what)));
          expect(error).toBeInstanceOf(InvalidArgument);
          expect((error as Error).message).toBe(`${name} accessed from wrong domain!`);
        }
      });
    }));

  it("DM-10 domains talk over ports", () =>
    run(function* ({ domainMgr }) {
      const { port1, port2 } = new MessageChannel();
      const heard: unknown[] = [];
      port1.on("message", (message) => heard.push(message));
      const [closed, resolver] = Deferred.create<void>();
      port1.on("close", () => resolver.resolve());
      yield* domainMgr.run({ module, name: "answer", args: [port2], transfer: [port2] });
      yield* closed.await();
      expect(heard).toEqual(["hello"]);
    }));

  it("DM-08 does not inherit fiber-locals", () =>
    run(function* ({ domainMgr }) {
      const key = Fiber.createKey<string>("key");
      expect(yield* Fiber.withBinding(key, "bound", () => domainMgr.run(job("local")))).toBeUndefined();
    }));

  it("DM-09 runRaw is not cancelled while it runs, and gives its result; the cancellation comes later", () =>
    run(function* ({ domainMgr }) {
      const seen = shared();
      let given: unknown;
      const outcome = yield* cancelledOnceStarted(
        seen,
        "enough",
        function* () {
          given = yield* domainMgr.runRaw(job("computeNow", seen));
          Fiber.check();
        },
        () => {
          expect(given).toBeUndefined();
          Atomics.store(seen, 2, 1);
          Atomics.notify(seen, 2);
        },
      );
      expect(given).toBe("computed");
      expect(outcome).toMatchObject({ ok: false, error: { reason: "enough" } });
    }));

  it("DM-09 runRaw refuses fiber functions and async ones, run refuses async ones", () =>
    run(function* ({ domainMgr }) {
      yield* Switch.run(function* (sw) {
        const domain = yield* domainMgr.open({ sw });
        for (const name of ["add", "asyncJob"] as const)
          expect(yield* failureOf(domain.runRaw(job(name, 1, 2)))).toBe(
            `TypeError: runRaw: "${name}" must be a plain function; "run" runs fiber functions`,
          );
        expect(yield* failureOf(domain.run(job("asyncJob")))).toMatch(
          /^TypeError: run: "asyncJob" must be a fiber function, and gave a Promise; "runRaw" calls plain functions/,
        );
        expect(yield* domain.runRaw(job("addNow", 1, 2))).toBe(3);
      });
    }));

  it("DM-11 reports the cancellation when the job ends normally in spite of it", () =>
    run(function* ({ domainMgr }) {
      const seen = shared();
      const outcome = yield* cancelledOnceStarted(seen, "enough", () => domainMgr.run(job("wait", seen, "goes on")));
      expect(outcome).toMatchObject({ ok: false, error: { name: "Cancelled", reason: "enough" } });
    }));

  it("does several jobs at once, in one thread, which ends with its switch", () =>
    run(function* ({ domainMgr }) {
      const before = threads();
      yield* Switch.run(function* (sw) {
        const domain = yield* domainMgr.open({ sw });
        const ids = yield* Fiber.map([0.01, 0.01, 0.01], (seconds) => domain.run(job<number>("sleep", seconds)));
        expect(new Set(ids).size).toBe(1);
        expect(threads()).toBe(before + 1);
        expect(yield* domain.runRaw(job("threadNow"))).toBe(ids[0]);
      });
      expect(threads()).toBe(before);
    }));

  it("cancels a job whose module is still being loaded", () =>
    run(function* ({ domainMgr }) {
      const seen = shared();
      const outcome = yield* Fiber.first<unknown>(() => domainMgr.run(job("wait", seen)), Fiber.yield);
      expect(outcome).toBeUndefined();
      expect(Atomics.load(seen, 0)).toBe(Atomics.load(seen, 1));
    }));
});

describe("what goes wrong in a domain of Node", () => {
  /** Runs `body` with a domain that stays, which afterwards does another job. */
  function inDomain(options: DomainOptions, body: (domain: Domain, sw: Switch) => Op<unknown>): Promise<void> {
    return run(function* ({ domainMgr }) {
      const before = threads();
      yield* Switch.run(function* (sw) {
        const domain = yield* domainMgr.open({ sw, name: "domain 7", ...options });
        yield* body(domain, sw);
        expect(yield* domain.run(job("add", 1, 2))).toBe(3);
      });
      expect(threads()).toBe(before);
    });
  }

  it("a closure is refused", () =>
    inDomain({}, function* (domain) {
      const error = yield* thrownBy(domain.run(() => Fiber.yield()));
      expect(error).toBeInstanceOf(InvalidArgument);
      expect((error as Error).message).toBe(
        "Domain.run: a closure cannot be sent to another domain; export the function, and name it by its module",
      );
    }));

  it("so are arguments that cannot be copied, and results", () =>
    inDomain({}, function* (domain) {
      expect(yield* failureOf(domain.run(job("add", 1, { then: [() => 1] })))).toBe(
        'TypeError: Domain.run: "job.args[1].then[0]" must be something that can be copied to another domain, got a function',
      );
      const error = (yield* thrownBy(domain.run(job("add", new WeakMap())))) as Error;
      expect(String(error)).toBe(
        "TypeError: Domain.run: the arguments of a job must be something that can be copied to another domain: " +
          "DataCloneError: #<WeakMap> could not be cloned.",
      );
      expect(error.cause).toMatchObject({ name: "DataCloneError" });
      expect(yield* failureOf(domain.run(job("give", "function")))).toBe(
        'TypeError: the job: "its result" must be something that can be copied to another domain, got a function',
      );
      expect(yield* failureOf(domain.run(job("give", "promise")))).toMatch(
        /^TypeError: the job: its result must be something that can be copied to another domain: DataCloneError/,
      );
    }));

  it("a module that there is not, or that does not export the function", () =>
    inDomain({}, function* (domain) {
      expect(
        yield* thrownBy(domain.run({ module: new URL("./no-such.js", import.meta.url), name: "x" })),
      ).toMatchObject({
        code: "ERR_MODULE_NOT_FOUND",
      });
      for (const name of ["noSuch", "notAFunction"])
        expect(yield* failureOf(domain.run({ module, name }))).toBe(
          `TypeError: the module ${module.href} exports no function "${name}"`,
        );
    }));

  it("a thread that throws outside of its fibers: DomainCrashed for each job that it was at", () =>
    inDomain({}, function* (domain) {
      const seen = shared();
      const [waiting, crashed] = yield* Fiber.pair(
        () => thrownBy(domain.run(job("wait", seen))),
        () => thrownBy(domain.run(job("crash"))),
      );
      for (const error of [waiting, crashed]) {
        expect(error).toBeInstanceOf(DomainCrashed);
        expect(error).toBeInstanceOf(DomainLost);
        expect(String(error)).toMatch(/^DomainCrashed: domain 7: an error was not caught in the thread: .*out of luck/);
        expect(error).toMatchObject({ code: "DOMAIN_CRASHED", cause: { message: "out of luck" } });
      }
    }));

  it("a thread that exits: DomainExited", () =>
    inDomain({}, function* (domain) {
      const error = yield* thrownBy(domain.run(job("exit", 3)));
      expect(error).toBeInstanceOf(DomainExited);
      expect(error).toMatchObject({
        code: "DOMAIN_EXITED",
        exitCode: 3,
        message: "domain 7: the thread has exited with code 3",
      });
    }));

  it("a thread that uses up its memory: DomainOutOfMemory", () =>
    inDomain({ maxMemory: 16 }, function* (domain) {
      const error = yield* thrownBy(domain.run(job("fillMemory")));
      expect(error).toBeInstanceOf(DomainOutOfMemory);
      expect(error).toMatchObject({ code: "DOMAIN_OUT_OF_MEMORY" });
    }));

  it("a job that neither ends nor waits is terminated after its grace when it is cancelled; others there get DomainTerminated", () =>
    inDomain({ grace: 0.05 }, function* (domain, sw) {
      const seen = shared();
      const other = yield* Fiber.forkPromise(sw, () => domain.run(job("wait", seen)));
      yield* started(seen);
      const spinning = shared();
      const outcome = yield* cancelledOnceStarted(spinning, "enough", () => domain.run(job("spin", spinning)));
      expect(outcome).toMatchObject({ ok: false, error: { name: "Cancelled", reason: "enough" } });
      const { error } = (yield* other.await()) as { error: unknown };
      expect(error).toBeInstanceOf(DomainTerminated);
      expect(error).toMatchObject({ code: "DOMAIN_TERMINATED" });
    }));

  it("without a grace it is waited for", () =>
    inDomain({}, function* (domain) {
      const seen = shared();
      let ended = false;
      const outcome = yield* cancelledOnceStarted(
        seen,
        "enough",
        () => domain.run(job("compute", seen)),
        () => {
          setTimeout(() => {
            ended = true;
            Atomics.store(seen, 2, 1);
            Atomics.notify(seen, 2);
          }, 20);
        },
      );
      expect(ended).toBe(true);
      expect(outcome).toMatchObject({ ok: false, error: { reason: "enough" } });
    }));
});

describe("an executor pool over threads", () => {
  it("EP-01 EP-06 does its jobs in as many threads as it has; one that is lost is replaced", () =>
    run(function* ({ domainMgr }) {
      const before = threads();
      yield* Switch.run(function* (sw) {
        const pool = yield* ExecutorPool.create(domainMgr, { sw, domainCount: 2 });
        const ids = yield* Fiber.map([1, 2, 3, 4], () => pool.submitOrThrow(job<number>("sleep", 0.02)));
        expect(new Set(ids).size).toBe(2);
        expect(threads()).toBe(before + 2);
        expect(yield* pool.submit(job("fail", "own"))).toMatchObject({ ok: false, error: { name: "Unlucky" } });
        expect(yield* pool.submit(job("exit", 1))).toMatchObject({ ok: false, error: { name: "DomainExited" } });
        const sums = yield* Fiber.map([1, 2, 3, 4], (n) => pool.submitOrThrow(job<number>("add", n, n)));
        expect(sums).toEqual([2, 4, 6, 8]);
      });
      expect(threads()).toBe(before);
    }));

  it("EP-01 cancels the jobs in the threads when its switch ends, finalizers included", () =>
    run(function* ({ domainMgr }) {
      const seen = shared();
      const outcome = yield* Switch.run(function* (outer) {
        return yield* Switch.run(function* (sw) {
          const pool = yield* ExecutorPool.create(domainMgr, { sw, domainCount: 1 });
          const cell = yield* pool.submitFork(job("wait", seen), { sw: outer });
          yield* started(seen);
          return cell;
        });
      });
      expect(Atomics.load(seen, 1)).toBe(1);
      expect(yield* outcome.await()).toMatchObject({ ok: false, error: { name: "Cancelled" } });
    }));

  it("refuses a closure, and goes on", () =>
    run(function* ({ domainMgr }) {
      yield* Switch.run(function* (sw) {
        const pool = yield* ExecutorPool.create(domainMgr, { sw, domainCount: 1 });
        expect(yield* pool.submit(() => Fiber.yield())).toMatchObject({
          ok: false,
          error: { name: "InvalidArgument" },
        });
        expect(yield* pool.submitOrThrow(job("add", 1, 2))).toBe(3);
      });
    }));
});
