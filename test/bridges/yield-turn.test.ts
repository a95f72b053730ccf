/** `Fiber.yield` after a wait for a promise: the turn goes to what was asked for before it. */
import { fromPromise, toPromise } from "@trestle/bridges";
import { Fiber } from "trestle";
import { expect, it } from "vitest";

it("SC-06 BG-44 a fiber that yields lets microtasks go first that were queued before, however it was resumed", async () => {
  const log: string[] = [];
  await toPromise(function* () {
    yield* fromPromise(Promise.resolve());
    queueMicrotask(() => log.push("microtask"));
    yield* Fiber.yield();
    log.push("after the yield");
    queueMicrotask(() => log.push("second microtask"));
    yield* Fiber.yield();
    log.push("after the second yield");
  });
  expect(log).toEqual(["microtask", "after the yield", "second microtask", "after the second yield"]);
});
