// What is left when the process ends by itself: fibers that wait for something that will never come, and ops that nobody has run.

import type { CancelContext } from "../engine/context.js";
import type { FiberCore } from "../engine/fiber-core.js";
import { hostLoop } from "../engine/host-loop.js";
import { listen } from "../engine/probe.js";
import { report } from "./finding.js";
import { tellOutside } from "./ops.js";

interface Process {
  on?(event: string, listener: () => void): unknown;
  off?(event: string, listener: () => void): unknown;
}

/** Fibers that were started from outside, by their contexts. */
const roots = new Map<CancelContext, FiberCore | undefined>();

function tellRoots(): void {
  for (const fiber of roots.values()) {
    // Those that `run` has given up wait no more.
    if (!fiber?.waiting) continue;
    const { forkedAt } = fiber;
    const at = forkedAt === undefined ? "" : `, started at ${forkedAt},`;
    report(
      "fiber-left-waiting",
      `${fiber.describe()}${at} still waits for ${fiber.waiting.describeWait()} as the process ends: nobody will wake it, and ` +
        "nobody would know; wait for it in the main fiber, or start it in a switch",
      forkedAt,
    );
  }
}

/** Begins to watch over the end of the process, where there is one. Returns what ends it. */
export function watchExit(): () => void {
  const { process } = globalThis as { process?: Process };
  roots.clear();
  const stopListening = listen({
    contextCreated: (context, kind) =>
      void (kind === "Root" && context.home === hostLoop && roots.set(context, undefined)),
    // The first fiber in the context is the one that it was made for.
    fiberCreated: (fiber) =>
      void (roots.has(fiber.context) && !roots.get(fiber.context) && roots.set(fiber.context, fiber)),
    contextEnded: (context) => void roots.delete(context),
  });
  // A program that says itself when to exit may leave things as they are.
  let ranDry = false;
  const onBeforeExit = () => {
    ranDry = true;
  };
  const onExit = () => {
    if (ranDry) tellRoots();
    tellOutside();
  };
  process?.on?.("beforeExit", onBeforeExit);
  process?.on?.("exit", onExit);
  return () => {
    stopListening();
    process?.off?.("beforeExit", onBeforeExit);
    process?.off?.("exit", onExit);
  };
}
