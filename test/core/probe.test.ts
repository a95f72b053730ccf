import { expect, it } from "vitest";
import { Deferred, Fiber, Switch, currentFiber } from "trestle";
import { run } from "trestle/mock";
import { listen } from "../../core/engine/probe.js";

it("TR-04 a fiber made by forkPromise has the number of its promise", () => {
  run(() =>
    Switch.run(function* (sw) {
      let inside = 0;
      const job = yield* Fiber.forkPromise(sw, function* () {
        inside = currentFiber().id;
      });
      expect(job.id).toBe(inside);
      expect(Deferred.createResolved(1).id).toBe(inside + 1);
    }),
  );
});

it("a promise without a fiber, because the switch has failed, has a number of its own", () => {
  const ids: number[] = [];
  const failing = () =>
    Switch.run(function* (sw) {
      sw.fail(new Error("failed"));
      const job = yield* Fiber.forkPromise(sw, function* () {});
      ids.push(job.id, Deferred.createResolved(1).id);
    });
  expect(() => run(failing)).toThrow("failed");
  expect(ids[1]).toBe(ids[0]! + 1);
});

it("a switch has the number of its context", () => {
  run(() =>
    Switch.run(function* (sw) {
      expect(sw.id).toBe(sw.context.id);
    }),
  );
});

it("several listeners each hear what they ask for, until they leave", () => {
  const log: string[] = [];
  const stop = listen({ fiberCreated: ({ name }) => log.push(`a: ${name}`) });
  const stopOther = listen({
    fiberCreated: ({ name }) => log.push(`b: ${name}`),
    loopSuspended: () => log.push("b: idle"),
  });
  run(function* one({ clock }) {
    yield* clock.sleep(1);
  });
  stop();
  stop();
  run(function* two() {});
  stopOther();
  run(function* three() {});
  expect(log).toEqual(["a: one", "b: one", "b: idle", "b: two"]);
});
