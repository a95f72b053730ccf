import { describe, expect, it } from "vitest";
import { Fiber, type Op } from "trestle";
import { run } from "trestle/mock";
import { badCalls } from "./bad-calls.js";
import { errorsOf, type BadCall } from "./bad-input.js";

describe("wrong calls", () => {
  it.each(Object.entries(badCalls as unknown as Record<string, BadCall[]>))(
    "of %s are refused, with what was expected and what was received",
    (_, calls) => {
      const [got, wanted] = run(() => errorsOf(calls));
      expect(got).toEqual(wanted);
    },
  );

  it("leave the scheduler as it was", () => {
    const steps: string[] = [];
    run(function* () {
      yield* Fiber.both(
        function* (): Op<void> {
          for (const calls of Object.values(badCalls as unknown as Record<string, BadCall[]>)) yield* errorsOf(calls);
          steps.push("all refused");
        },
        function* () {
          yield* Fiber.yield();
          steps.push("another fiber");
        },
      );
    });
    expect(steps).toEqual(expect.arrayContaining(["all refused", "another fiber"]));
  });
});
