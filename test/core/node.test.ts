// Node only: its entry point, which listens to the process.

import { expect, it } from "vitest";
import { DeadlockDetected, Deferred, Fiber, Switch } from "trestle";
import { run } from "trestle/node";

it("SC-18 when the process has nothing left to do and main still waits, run fails with the list of waiters", async () => {
  const [never, late] = Deferred.create<void>({ label: "reply" });
  const before = process.listenerCount("beforeExit");
  const done = run(() =>
    Switch.run(function* (sw) {
      yield* Fiber.fork(sw, () => never.await(), { name: "client" });
    }),
  );
  expect(process.listenerCount("beforeExit")).toBe(before + 1);
  // What the platform does before it exits for want of anything to do.
  const { exitCode } = process;
  process.emit("beforeExit", 0);
  expect(process.exitCode).toBe(1);
  process.exitCode = exitCode;
  const error = await done.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(DeadlockDetected);
  expect((error as Error).message).toMatch(/"client" waits for Deferred "reply", forked at .*node\.test\.ts/);
  expect(process.listenerCount("beforeExit")).toBe(before);
  late.resolve();
});

it("SC-23 nothing of a finished run is left: no listener, no timer", async () => {
  const before = process.listenerCount("beforeExit");
  await run(function* ({ clock, backendId }) {
    expect(backendId).toBe("node");
    yield* clock.sleep(0.001);
  });
  await run(function* () {});
  expect(process.listenerCount("beforeExit")).toBe(before);
});

it("the first step of main runs before run returns", () => {
  const log: string[] = [];
  void run(function* () {
    log.push("first step");
    yield* Fiber.yield();
  });
  log.push("run has returned");
  expect(log).toEqual(["first step", "run has returned"]);
});
