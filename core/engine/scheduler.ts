// The driver and the run queue: which fiber runs next, and how a fiber takes a step.

import { swapCurrent } from "./current.js";
import { describe } from "./describe.js";
import { Command, iterate, type CallFrame, type FiberCore, type RunQueue } from "./fiber-core.js";
import { swapIdSource, type IdSource } from "./ids.js";
import { swapLifted, takeLifted } from "./lift.js";
import { INSTRUCTION, PROTOCOL, type Op } from "./op.js";

const SMALL = 64;

/** A first-in first-out queue of fibers and, ahead of it, the fibers that a fork has put aside. */
export abstract class Scheduler implements RunQueue, IdSource {
  nextId = 1;
  abstract readonly deterministic: boolean;
  readonly front: FiberCore[] = [];

  // A ring whose capacity is a power of two.
  private ring: (FiberCore | undefined)[] = new Array<FiberCore | undefined>(SMALL);
  private head = 0;
  /** Number of queued fibers. */
  protected size = 0;
  /** A fiber yielded in the present pass. */
  protected yielded = false;

  push(fiber: FiberCore): void {
    if (this.size === this.ring.length) this.grow();
    this.ring[(this.head + this.size) & (this.ring.length - 1)] = fiber;
    this.size++;
    this.wakeUp();
  }

  noteYield(): void {
    this.yielded = true;
  }

  /** Called when a fiber was queued: an idle loop has to start. */
  protected abstract wakeUp(): void;

  private grow(): void {
    const { ring, head } = this;
    this.ring = ring.slice(head).concat(ring.slice(0, head));
    this.ring.length = ring.length * 2;
    this.head = 0;
  }

  /** Gives the memory of a crowded moment back. */
  protected shrink(): void {
    if (this.size === 0 && this.ring.length > 16 * SMALL) {
      this.ring = new Array<FiberCore | undefined>(SMALL);
      this.head = 0;
    }
  }

  /** Runs the fiber at the head, and the forks it leads to. */
  protected runNext(): void {
    const { ring, head } = this;
    const fiber = ring[head]!;
    ring[head] = undefined;
    this.head = (head + 1) & (ring.length - 1);
    this.size--;
    const base = this.front.length;
    this.step(fiber);
    if (this.front.length > base) this.runFront(base);
  }

  private runFront(base: number): void {
    const { front } = this;
    while (front.length > base) this.step(front.pop()!);
  }

  /** Runs a new fiber at once, up to its first suspension, whoever is running now; forks it makes on the way included. */
  runNow(fiber: FiberCore): void {
    const base = this.front.length;
    this.step(fiber);
    this.runFront(base);
  }

  /** Runs `fiber` until it suspends, is queued, hands over to a fork, or ends. */
  private step(fiber: FiberCore): void {
    const outer = swapCurrent(fiber);
    const ids = swapIdSource(this);
    // A step inside a step (a start from foreign code that a fiber called) must not mix its frames with those below.
    const lifted = outer && swapLifted([]);
    let ended;
    try {
      ended = fiber.surroundings ? fiber.surroundings(() => drive(fiber)) : drive(fiber);
    } finally {
      swapCurrent(outer);
      swapIdSource(ids);
      if (lifted) swapLifted(lifted);
    }
    if (ended) {
      fiber.context.removeMember(fiber);
      fiber.owner.fiberEnded(fiber, fiber.failed, fiber.value);
    }
  }
}

/** One step of a fiber. True when it has ended, its outcome in `value` and `failed`. */
function drive(fiber: FiberCore): boolean {
  if (!fiber.frame) {
    const body = fiber.value as (argument: unknown) => Op<unknown>;
    fiber.call(body, fiber.argument);
    if (!fiber.frame) return true;
  }
  for (;;) {
    const frame: CallFrame = fiber.frame;
    const { value } = fiber;
    let result: IteratorResult<unknown, unknown>;
    try {
      result = fiber.failed ? throwInto(frame, value) : frame.next(value);
    } catch (error) {
      fiber.popFrame();
      fiber.fail(error);
      if (!fiber.frame) return true;
      continue;
    }
    if (result.done) {
      fiber.popFrame();
      fiber.succeed(result.value);
      if (!fiber.frame) return true;
      continue;
    }
    const lifted = takeLifted();
    if (lifted) for (let i = lifted.length - 1; i >= 0; i--) fiber.pushFrame(lifted[i]!);
    const instruction = result.value;
    if (!(instruction instanceof Command)) {
      fiber.fail(misyielded(instruction));
      continue;
    }
    fiber.value = undefined;
    if (!instruction.perform(fiber)) return false;
  }
}

function throwInto(frame: CallFrame, error: unknown): IteratorResult<unknown, unknown> {
  if (!frame.throw) throw error;
  return frame.throw(error);
}

function misyielded(value: unknown): Error {
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

/** The iterator of an op that is to be driven by hand. */
export { iterate };
