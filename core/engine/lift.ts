// Frame lifting: a callee runs natively until its first suspension; then its generator moves onto the fiber's own stack of frames,
// so that later resumes cost the same at any depth, and recursion is bounded by memory alone.

import { runningFiber } from "./current.js";
import { refuse } from "./describe.js";
import { Command, type CallFrame, type FiberCore } from "./fiber-core.js";
import type { Instruction, Op } from "./op.js";

/** Native calls nested deeper than this are handed to the driver instead, before the engine's own stack runs out. */
const MAX_NATIVE_DEPTH = 200;

// Generators that suspended in the present step, innermost first. Taken by the driver when the step has unwound to it.
let lifted: CallFrame[] = [];
let depth = 0;

/** The generators that suspended below the frame that has just yielded, innermost first. */
export function takeLifted(): CallFrame[] | undefined {
  if (lifted.length === 0) return undefined;
  const taken = lifted;
  lifted = [];
  return taken;
}

/** Begins or ends a step within a step. */
export function swapLifted(next: CallFrame[]): CallFrame[] {
  const previous = lifted;
  lifted = next;
  return previous;
}

/** The call of a generator at a `yield*`: at first its runner, then only a place that its result comes back to. */
class LiftedCall extends Command implements CallFrame {
  private readonly generator: CallFrame;
  private started = false;
  done = false;
  value: unknown = this;

  constructor(generator: CallFrame) {
    super();
    this.generator = generator;
  }

  next(value?: unknown): IteratorResult<unknown, unknown> {
    if (this.started) return { done: true, value };
    this.started = true;
    if (!runningFiber()) return this.generator.next();
    if (depth >= MAX_NATIVE_DEPTH) return this;
    depth++;
    let result;
    try {
      result = this.generator.next();
    } finally {
      depth--;
    }
    if (!result.done) lifted.push(this.generator);
    return result;
  }

  throw(error: unknown): never {
    throw error;
  }

  perform(fiber: FiberCore): boolean {
    fiber.pushFrame(this.generator);
    return fiber.succeed(undefined);
  }
}

/**
 * Lets calls of a generator function go deep: a call `yield* f(x)` then costs the same to resume at any depth, and recursion does
 * not end in a stack overflow. Call sites stay as they are. Worth it for recursive fiber functions and for long chains of calls
 * that suspend at the bottom; a function that is called once, near the top, gains nothing.
 *
 * @example
 * const walk = fiber(function* (node: Tree): Op<number> {
 *   let size = 1;
 *   for (const child of node.children) size += yield* walk(child);
 *   return size;
 * });
 *
 * @param fn  a `function*`; it is changed in place and returned
 */
export function fiber<F extends (...args: never[]) => Op<unknown>>(fn: F): F {
  const prototype: unknown = typeof fn === "function" ? fn.prototype : undefined;
  if (typeof prototype !== "object" || prototype === null || !(Symbol.iterator in prototype)) {
    refuse("fiber", "fn", "a function*", fn);
  }
  Object.defineProperty(prototype, Symbol.iterator, {
    configurable: true,
    writable: true,
    value(this: CallFrame) {
      return new LiftedCall(this) as unknown as Iterator<Instruction, unknown, unknown>;
    },
  });
  return fn;
}
