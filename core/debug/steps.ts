// Steps of fibers that keep the thread from everybody else.

import type { FiberCore } from "../engine/fiber-core.js";
import { hostLoop } from "../engine/host-loop.js";
import { listen } from "../engine/probe.js";
import { report } from "./finding.js";

interface RunningStep {
  readonly fiber: FiberCore;
  readonly begin: number;
  /** Time of the steps that were made inside of it. */
  inside: number;
}

/**
 * Begins to measure steps. Returns what ends it.
 *
 * @param limit  seconds
 * @param now  milliseconds
 */
export function watchSteps(limit: number, now: () => number): () => void {
  const running: RunningStep[] = [];
  return listen({
    fiberRunning: (fiber) => void running.push({ fiber, begin: now(), inside: 0 }),
    fiberStopped(fiber) {
      const at = running.findLastIndex((step) => step.fiber === fiber);
      // A step that was under way at the begin.
      if (at < 0) return;
      const step = running[at]!;
      running.length = at;
      const time = now() - step.begin;
      const outer = running[running.length - 1];
      if (outer) outer.inside += time;
      const own = time - step.inside;
      if (own / 1000 < limit || fiber.queue !== hostLoop) return;
      const { forkedAt } = fiber;
      const forked = forkedAt === undefined ? "" : `, forked at ${forkedAt},`;
      report(
        "loop-blocked",
        `${fiber.describe()}${forked} kept the thread for ${Math.round(own)} ms in one step: give others a turn now and then, ` +
          "with yield* Fiber.yield()",
        forkedAt,
      );
    },
  });
}
