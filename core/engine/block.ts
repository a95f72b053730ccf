// Operations that run bodies: an op that says in a function what happens when it is run, and a frame with a cancellation context.

import { CancelContext } from "./context.js";
import { Frame, returning, type FiberCore, type Step } from "./fiber-core.js";
import type { Op } from "./op.js";
import { Primitive } from "./primitive.js";
import { probe, type ContextKind } from "./probe.js";

type Enter = (fiber: FiberCore) => boolean;

class Block<T> extends Primitive<T> {
  protected readonly called: string;
  private readonly enter: Enter;
  private readonly checked: boolean;

  constructor(called: string, enter: Enter, checked: boolean) {
    super();
    this.called = called;
    this.enter = enter;
    this.checked = checked;
  }

  protected again(): Block<T> {
    return new Block(this.called, this.enter, this.checked);
  }

  perform(fiber: FiberCore): boolean {
    const { interruption } = fiber.context;
    if (interruption && this.checked) return fiber.fail(interruption);
    return this.enter(fiber);
  }
}

/**
 * An op that does `enter` each time it is run, in place of a class of its own: for operations that run a body, beside which one more
 * small object does not count.
 *
 * @param called  what the user called, for messages
 * @param enter  pushes frames and calls bodies; returns what `perform` does
 */
export function block<T>(called: string, enter: Enter): Op<T> {
  return new Block<T>(called, enter, false);
}

/** {@link block} that throws on the spot in a cancelled context. */
export function checkedBlock<T>(called: string, enter: Enter): Op<T> {
  return new Block<T>(called, enter, true);
}

/** Has what is above it on the stack run in a context of its own, and moves the fiber back at the end. */
export abstract class ScopeFrame extends Frame {
  readonly context: CancelContext;
  protected readonly fiber: FiberCore;
  protected readonly outer: CancelContext;

  constructor(fiber: FiberCore, isProtected: boolean, kind: ContextKind, name?: string) {
    super();
    this.fiber = fiber;
    this.outer = fiber.context;
    this.context = new CancelContext(this.outer.home, this.outer, isProtected);
    probe?.contextCreated(this.context, kind, name);
    fiber.moveTo(this.context);
  }

  next(value: unknown): Step {
    this.leave();
    return returning(value);
  }

  throw(error: unknown): Step {
    this.leave();
    throw error;
  }

  protected leave(): void {
    this.fiber.moveTo(this.outer);
    this.context.finish();
  }
}
