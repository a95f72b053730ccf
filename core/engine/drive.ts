// The driver: how a fiber takes a step, which fiber is running, and how its calls get onto its own stack.
//
// A callee runs natively until its first suspension; then its generator is lifted onto the fiber's stack of frames, so that later
// resumes cost the same at any depth, and recursion is bounded by memory alone. See `lift.ts` for who opts in.

import { registerCopy } from "./copies.js";
import { describe } from "./describe.js";
import { Command, surround, TO_PERFORM, type CallFrame, type FiberCore, type FiberHandle } from "./fiber-core.js";
import { NotInFiberError } from "./not-in-fiber.js";
import { INSTRUCTION, PROTOCOL } from "./op.js";
import { probe } from "./probe.js";
import { noteFiber, noteFrame } from "./trail.js";

/** Native calls nested deeper than this are handed to the driver instead, before the engine's own stack runs out. */
const MAX_NATIVE_DEPTH = 200;

let current: FiberCore | undefined;
registerCopy(() => current !== undefined);
// Generators that suspended in the present step, innermost first.
const lifted: CallFrame[] = [];
let nativeDepth = 0;

/** The running fiber, or undefined in foreign code. */
export function runningFiber(): FiberCore | undefined {
  return current;
}

/** The running fiber. `what` names the caller in the error. */
export function requireFiber(what: string): FiberCore {
  if (!current) throw new NotInFiberError(what);
  return current;
}

/**
 * The fiber whose code is running now.
 *
 * @example
 * const { id, name } = currentFiber();
 *
 * @throws NotInFiberError  outside of fibers, as in timers, promise callbacks and event listeners
 */
export function currentFiber(): FiberHandle {
  return requireFiber("currentFiber");
}

/**
 * The fiber whose code is running now, or undefined. For bridges: foreign code called by a fiber counts as that fiber's, as long as it
 * is within the call.
 *
 * @example
 * const name = findFiber()?.name ?? "no fiber";
 */
export function findFiber(): FiberHandle | undefined {
  return current;
}

/** Runs `fiber` until it suspends, is queued, hands over to a fork, or ends. */
export function takeStep(fiber: FiberCore): void {
  // There may be a step below this one: a start from foreign code that a fiber called. It has lifted nothing yet.
  const outer = current;
  const outerDepth = nativeDepth;
  current = fiber;
  probe?.fiberRunning(fiber);
  // No `finally`: whatever user code throws ends up in the fiber, inside `drive`.
  const { surroundings } = fiber;
  const ended = surroundings ? surround(surroundings, () => drive(fiber, outerDepth)) : drive(fiber, outerDepth);
  current = outer;
  nativeDepth = outerDepth;
  if (ended) {
    fiber.end();
    fiber.context.removeMember(fiber);
    if (fiber.failed) noteFiber(fiber, fiber.value);
    probe?.fiberEnded(fiber);
    fiber.owner.fiberEnded(fiber, fiber.failed, fiber.value);
  }
  probe?.fiberStopped(fiber);
}

/** One step. True when the fiber has ended, its outcome in `value` and `failed`. */
function drive(fiber: FiberCore, depth: number): boolean {
  if (!fiber.frame) {
    fiber.begin();
    if (!fiber.frame) return true;
  }
  for (;;) {
    let result: IteratorResult<unknown, unknown>;
    // An error that passed native calls by left them counted.
    nativeDepth = depth;
    try {
      result = fiber.resumeFrame();
    } catch (error) {
      noteFrame(fiber.frame, error);
      fiber.popFrame();
      fiber.fail(error);
      if (!fiber.frame) return true;
      continue;
    }
    if (result !== TO_PERFORM) {
      if (result.done) {
        fiber.popFrame();
        fiber.succeed(result.value);
        if (!fiber.frame) return true;
        continue;
      }
      // `yield*` lets the steps of our iterators through as they are: this was yielded by hand, or in a result of somebody's own.
      lift(fiber);
      if (!isBegun(result.value, fiber)) {
        fiber.fail(misyielded(result.value));
        continue;
      }
      TO_PERFORM.value = result.value;
    } else if (lifted.length > 0) lift(fiber);
    fiber.value = undefined;
    if (!TO_PERFORM.value.perform(fiber)) return false;
  }
}

/** The generators that suspended in this step become frames of the fiber. */
function lift(fiber: FiberCore): void {
  for (let i = lifted.length - 1; i >= 0; i--) fiber.pushFrame(lifted[i]!);
  lifted.length = 0;
}

/**
 * Starts `generator` natively, if there is room; undefined when the driver has to do it. If it suspends it is lifted, and its result
 * goes to the caller's frame instead.
 */
export function startNatively(generator: CallFrame): IteratorResult<unknown, unknown> | undefined {
  if (nativeDepth >= MAX_NATIVE_DEPTH) return undefined;
  const depth = nativeDepth;
  nativeDepth = depth + 1;
  const result = generator.next();
  nativeDepth = depth;
  if (!result.done && current) lifted.push(generator);
  return result;
}

/** Whether this is an instruction of an op that was begun: `yield op` begins none. */
function isBegun(instruction: unknown, fiber: FiberCore): instruction is Command {
  return instruction instanceof Command && instruction.isBegunBy(fiber);
}

function misyielded(value: unknown): Error {
  if (value instanceof Command) {
    const { called = "an op" } = value as { called?: string };
    return new TypeError(`${called} was yielded; use yield* (with a star) to run it`);
  }
  const protocol = (value as { [INSTRUCTION]?: unknown } | null | undefined)?.[INSTRUCTION];
  if (typeof protocol === "number") {
    return new TypeError(
      "two versions of the fiber runtime are loaded: this op was made by another copy of trestle " +
        `(protocol ${protocol}, here ${PROTOCOL}); see that only one is installed`,
    );
  }
  const what = describe(value);
  if (what === "a Promise") return new TypeError("a Promise was yielded; use yield* fromPromise(p)");
  if (typeof value === "object" && value !== null && Symbol.iterator in value) {
    return new TypeError("an op was yielded; use yield* (with a star) to run it");
  }
  return new TypeError(`${what} was yielded; a fiber runs ops with yield* and yields nothing else`);
}
