// Who waits for what, when nothing can run any more.

import type { CancelContext } from "./context.js";
import type { FiberCore } from "./fiber-core.js";

/** One line of a dead-lock report. */
export interface WaitingFiber {
  readonly id: number;
  readonly name: string | undefined;
  /** The operation that the fiber is suspended in. */
  readonly waitsFor: string;
  /** File, line and column of the fork, where known. */
  readonly forkedAt: string | undefined;
}

/** Fibers that a message spells out; all of them are in `waiting`. */
const SPELT_OUT = 50;

/**
 * Nothing can run, no timer is pending, and the program has not finished: every fiber waits for another one. `waiting` lists them.
 *
 * @example
 * mock.run(function* () {
 *   const [never] = Deferred.create<void>({ label: "ready" });
 *   yield* never.await();
 * });
 * // throws DeadlockDetected: nothing can run any more...
 * //      fiber 2 "main" waits for Deferred "ready"...
 */
export class DeadlockDetected extends Error {
  override readonly name = "DeadlockDetected";
  readonly code = "DEADLOCK_DETECTED";
  /** The fibers that wait, outer scopes first. */
  declare readonly waiting: readonly WaitingFiber[];

  constructor(waiting: readonly WaitingFiber[]) {
    const lines = waiting.slice(0, SPELT_OUT).map((fiber) => {
      const name = fiber.name ? `fiber ${fiber.id} "${fiber.name}"` : `fiber ${fiber.id}`;
      const site = fiber.forkedAt ? `, forked at ${fiber.forkedAt}` : "";
      return `  ${name} waits for ${fiber.waitsFor}${site}`;
    });
    if (waiting.length > SPELT_OUT) lines.push(`  and ${waiting.length - SPELT_OUT} more`);
    super(
      [
        "nothing can run any more, and the main fiber has not finished; nobody is left who could wake these fibers:",
        ...lines,
      ].join("\n"),
    );
    // The message has the list: a crash report, which prints what is enumerable, need not have it twice.
    Object.defineProperty(this, "waiting", { value: waiting, enumerable: false });
  }
}

/** The report on all fibers under `root`. They are given up: a wake-up that comes later is ignored. */
export function giveUp(root: CancelContext): DeadlockDetected {
  const waiting: WaitingFiber[] = [];
  for (const member of root.allMembers() as FiberCore[]) {
    if (!member.waiting) continue;
    waiting.push({
      id: member.id,
      name: member.name,
      waitsFor: member.waiting.describeWait(),
      forkedAt: member.forkedAt,
    });
    member.waiting = undefined;
  }
  return new DeadlockDetected(waiting);
}
