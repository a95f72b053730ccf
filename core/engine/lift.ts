// Who opts into frame lifting: generator functions marked with `fiber`.

import { startNatively } from "./drive.js";
import { refuse } from "./describe.js";
import { Command, returning, yielding, type CallFrame, type FiberCore } from "./fiber-core.js";
import type { Instruction, Op } from "./op.js";
import { MARKED } from "./trail.js";

/** The call of a generator at a `yield*`: at first its runner, then only a place that its result comes back to. */
export class LiftedCall extends Command implements CallFrame {
  readonly generator: CallFrame;
  private started = false;

  constructor(generator: CallFrame) {
    super();
    this.generator = generator;
  }

  next(value?: unknown): IteratorResult<unknown, unknown> {
    if (this.started) return returning(value);
    this.started = true;
    return startNatively(this.generator) ?? yielding(this);
  }

  throw(error: unknown): never {
    throw error;
  }

  perform(fiber: FiberCore): boolean {
    fiber.pushFrame(this.generator);
    return fiber.succeed(undefined);
  }
}

type FiberFunction = (...args: never[]) => Op<unknown>;
type Wrap = <F extends FiberFunction>(fn: F) => F;

let wrap: Wrap | undefined;

/** For debug mode: from now on {@link fiber} returns what `next` makes of the function. */
export function wrapMarked(next: Wrap | undefined): void {
  wrap = next;
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
export function fiber<F extends FiberFunction>(fn: F): F {
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
  Object.defineProperty(prototype, MARKED, { configurable: true, value: fn.name });
  return wrap ? wrap(fn) : fn;
}
