// Running a body in other surroundings, such as another store of `AsyncLocalStorage`. For bridges.

import { block } from "./engine/block.js";
import { expectBody, expectFunction } from "./engine/describe.js";
import { Frame, returning, yielding, type FiberCore, type Step, type Surroundings } from "./engine/fiber-core.js";
import type { Body, Op } from "./engine/op.js";

export { captureSurroundings, setSurroundings, type Surroundings } from "./engine/fiber-core.js";

const ENTERING = 0;
const INSIDE = 1;
const LEAVING = 2;

/** Surroundings hold for whole steps: entering and leaving them each end a step, and begin the next one at once. */
class SurroundingsFrame extends Frame {
  private readonly fiber: FiberCore;
  private readonly body: Body<unknown>;
  private readonly outer: Surroundings | undefined;
  private phase = ENTERING;
  private failed = false;
  private outcome: unknown = undefined;

  constructor(fiber: FiberCore, surroundings: Surroundings, body: Body<unknown>, outside: Surroundings | undefined) {
    super();
    this.fiber = fiber;
    this.body = body;
    this.outer = fiber.surroundings ?? outside;
    fiber.surroundings = surroundings;
  }

  next(value: unknown): Step {
    if (this.phase === INSIDE) return this.leave(false, value);
    if (this.phase === ENTERING) return yielding(this);
    if (this.failed) throw this.outcome;
    return returning(this.outcome);
  }

  throw(error: unknown): Step {
    return this.leave(true, error);
  }

  private leave(failed: boolean, outcome: unknown): Step {
    this.phase = LEAVING;
    this.failed = failed;
    this.outcome = outcome;
    this.fiber.surroundings = this.outer;
    return yielding(this);
  }

  override perform(fiber: FiberCore): boolean {
    if (this.phase === LEAVING) return beginStep(fiber);
    this.phase = INSIDE;
    return fiber.call(this.body, undefined);
  }
}

function beginStep(fiber: FiberCore): false {
  fiber.succeed(undefined);
  fiber.queue.front.push(fiber);
  return false;
}

/**
 * Runs `body`, and the fibers it forks, with each step inside `surroundings`, and gives its result; afterwards the fiber is back in
 * those it had. For bridges. No other fiber runs in between; not a cancellation point.
 *
 * @example
 * const inRequest = requestStore.run(request, () => AsyncLocalStorage.snapshot());
 * yield* withSurroundings(inRequest, () => handle(request));
 *
 * @param outside  what a fiber without surroundings is in from then on, afterwards, too: without it such a fiber goes on in those of
 *   whoever resumes it, which may be its own
 */
export function withSurroundings<T>(surroundings: Surroundings, body: Body<T>, outside?: Surroundings): Op<T> {
  expectFunction("withSurroundings", "surroundings", surroundings);
  if (outside !== undefined) expectFunction("withSurroundings", "outside", outside);
  expectBody("withSurroundings", "body", body);
  return block("withSurroundings", (fiber) => {
    fiber.pushFrame(new SurroundingsFrame(fiber, surroundings, body, outside));
    return beginStep(fiber);
  });
}
