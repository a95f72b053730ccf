// Fiber code that goes through a promise to reach fiber code.

import { runningFiber } from "../engine/drive.js";
import type { FiberCore } from "../engine/fiber-core.js";
import { listen } from "../engine/probe.js";
import { captureStack, placeOf, report, type Capture } from "./finding.js";

interface Made {
  readonly fiber: FiberCore;
  readonly by: string;
  readonly capture: Capture;
}

/** Begins to watch who makes promises of fiber code, and who waits for them. Returns what ends it. */
export function watchWorlds(): () => void {
  const promises = new WeakMap<object, Made>();
  return listen({
    promiseMade(promise, by) {
      const fiber = runningFiber();
      if (fiber) promises.set(promise, { fiber, by, capture: captureStack() });
    },
    promiseAwaited(promise, by) {
      const made = promises.get(promise);
      if (!made || made.fiber !== runningFiber()) return;
      const place = placeOf(made.capture);
      const where = place === undefined ? "" : `, made at ${place}`;
      report(
        "wrong-world",
        `${made.fiber.describe()} waits with ${by} for the promise of ${made.by}${where}: it is in fiber code already; ` +
          "run the body with yield*, or fork it",
        place,
      );
    },
  });
}
