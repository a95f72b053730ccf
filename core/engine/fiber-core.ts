// A fiber from the inside: its call stack of frames, and the one place where waking it and cancelling it settle their race.

import type { CancelContext, Home } from "./context.js";
import type { Cancelled } from "./cancelled.js";
import { describe } from "./describe.js";
import { formatForkSite, type ForkSite, type SiteAllowance } from "./fork-site.js";
import type { Member } from "./membership.js";
import { INSTRUCTION, PROTOCOL, type Body, type Instruction, type Op } from "./op.js";
import { probe } from "./probe.js";

/** One level of a fiber's call stack: a generator, the iterator of a primitive, or a {@link Frame}. */
export interface CallFrame {
  next(value?: unknown): IteratorResult<unknown, unknown>;
  throw?(error: unknown): IteratorResult<unknown, unknown>;
}

/** What a suspended fiber waits for. Settling checks that the fiber still waits for this very object. */
export interface Waiting {
  /** Unlinks the waiter and resumes the fiber with the error, or lets the wait go on where it cannot be given up. */
  cancelWait(fiber: FiberCore, error: Cancelled): void;
  /** For reports: "Semaphore.acquire". */
  describeWait(): string;
}

/** Told when a fiber has ended. */
export interface FiberOwner {
  fiberEnded(fiber: FiberCore, failed: boolean, value: unknown): void;
}

/** The order in which fibers run. */
export interface RunQueue extends Home {
  /** Fibers that run before everything queued, last one first. Forking is all that uses it. */
  readonly front: FiberCore[];
  /** How many fork sites may still be looked up, where that must be the same on every run; else the clock decides. */
  readonly siteAllowance: SiteAllowance | undefined;
  /** Puts a fiber at the tail. */
  push(fiber: FiberCore): void;
  /** Runs a fiber that is in no queue at once, whoever runs now. */
  runNow(fiber: FiberCore): void;
  /** Notes that a fiber gave way: others than fibers get their turn after this pass, too. */
  noteYield(): void;
}

/** A value bound to a key for a stretch of a fiber's life; a chain, innermost binding first. */
export interface Binding {
  readonly key: object;
  readonly value: unknown;
  readonly outer: Binding | undefined;
}

/** Runs a step of a fiber in the surroundings (of `AsyncLocalStorage`, say) that the fiber was forked in. */
export type Surroundings = <R>(step: () => R) => R;

let captureNow: (() => Surroundings) | undefined;

/**
 * For bridges: from now on each new fiber keeps what `capture` returns when it is forked, and all its steps run inside.
 * `undefined` switches it off.
 *
 * @example
 * setSurroundings(() => AsyncLocalStorage.snapshot());
 */
export function setSurroundings(capture: (() => Surroundings) | undefined): void {
  captureNow = capture;
}

/**
 * For bridges: the surroundings of the code that runs now, by what {@link setSurroundings} was given; undefined while that is off. For
 * callbacks that a fiber hands to foreign code, which would call them in surroundings of its own.
 *
 * @example
 * const around = captureSurroundings();
 * const flush = () => socket.flush();
 * socket.on("close", () => (around ? around(flush) : flush()));
 */
export function captureSurroundings(): Surroundings | undefined {
  return captureNow?.();
}

/** Those of the step under way, for the fibers that it makes. */
let ofStep: Surroundings | undefined;

/** Runs one step inside `surroundings`. */
export function surround<R>(surroundings: Surroundings, step: () => R): R {
  const outer = ofStep;
  ofStep = surroundings;
  try {
    return surroundings(step);
  } finally {
    ofStep = outer;
  }
}

/** The public face of a fiber. */
export interface FiberHandle {
  /** Unique in its scheduler. */
  readonly id: number;
  readonly name: string | undefined;
  /** The cancellation context that the fiber is in now. */
  readonly context: CancelContext;
  /** True once its body has ended, `finally` blocks included. */
  readonly hasEnded: boolean;
}

// eslint-disable-next-line @typescript-eslint/unbound-method -- called with a generator as `this`, and compared
const generatorNext = (function* () {})().next as CallFrame["next"];

/** The next step throws `value` instead of returning it. */
const FAILED = 1;
/** The top of the call stack is a generator. */
const GENERATOR = 2;
/** The last step is over. */
const ENDED = 4;

/** The name of a fiber whose fork site is known. */
interface Origin {
  readonly name: string | undefined;
  readonly site: ForkSite;
}

// A suspended fiber is what a program may have a million of: fields are few, and what is rare is no field of its own.
export class FiberCore implements Member, FiberHandle {
  readonly id: number;
  readonly owner: FiberOwner;
  /** The name alone where the fork site is not known, as for most fibers when there are many. */
  private readonly origin: string | Origin | undefined;
  context: CancelContext;
  place = 0;
  bindings: Binding | undefined;
  /** Only fibers that were forked after `setSurroundings`, or inside `withSurroundings`, have any. */
  declare surroundings: Surroundings | undefined;

  /** The top of the call stack; undefined before the first step. */
  frame: CallFrame | undefined = undefined;
  /** The callers of `frame`, outermost first; undefined until there is one. */
  callers: CallFrame[] | undefined = undefined;
  /** What the next step hands to `frame`: a result, or an error when `failed`. Before the first step: the body. */
  value: unknown;
  private flags = 0;
  /** Defined exactly while the fiber is suspended, in no queue, and not resumed yet. */
  waiting: Waiting | undefined = undefined;

  constructor(
    context: CancelContext,
    owner: FiberOwner,
    body: (argument: never) => Op<unknown>,
    name: string | undefined,
    bindings: Binding | undefined,
    site: ForkSite | undefined,
  ) {
    this.id = context.home.nextId++;
    this.origin = site ? { name, site } : name;
    this.context = context;
    this.owner = owner;
    this.value = body;
    this.bindings = bindings;
    if (captureNow) this.surroundings = captureNow();
    else if (ofStep) this.surroundings = ofStep;
    context.addMember(this);
    probe?.fiberCreated(this);
  }

  get name(): string | undefined {
    const { origin } = this;
    return typeof origin === "object" ? origin.name : origin;
  }

  /** The scheduler that runs it. */
  get queue(): RunQueue {
    return this.context.home as RunQueue;
  }

  // --- waiting ---

  /** From here on the fiber is suspended, and `waiting` alone may settle it. */
  wait(waiting: Waiting): void {
    this.waiting = waiting;
    probe?.fiberSuspended(this, waiting);
  }

  /**
   * Resumes the fiber, if it still waits for `waiting`: it goes to the tail of the run queue. This is where the race between waking
   * and cancelling is decided; whoever comes second gets false.
   */
  settle(waiting: Waiting, failed: boolean, value: unknown): boolean {
    if (this.waiting !== waiting) return false;
    this.waiting = undefined;
    if (failed) this.fail(value);
    else this.succeed(value);
    probe?.fiberWoken(this);
    this.queue.push(this);
    return true;
  }

  /** Stops waiting without going to the queue: the running step continues by itself. */
  unwait(waiting: Waiting): boolean {
    if (this.waiting !== waiting) return false;
    this.waiting = undefined;
    probe?.fiberWoken(this);
    return true;
  }

  interrupt(error: Cancelled): void {
    const { waiting, surroundings } = this;
    if (!waiting) return;
    // What was begun in the fiber's surroundings is taken back in them, whoever cancels.
    if (surroundings) surroundings(() => waiting.cancelWait(this, error));
    else waiting.cancelWait(this, error);
  }

  /** The check that begins a wait: in a cancelled context the fiber goes to the tail with the error, and nothing is registered. */
  interrupted(): boolean {
    const error = this.context.interruption;
    if (!error) return false;
    this.fail(error);
    this.queue.push(this);
    return true;
  }

  // --- results of an instruction that does not suspend ---

  succeed(value: unknown): true {
    this.flags &= ~FAILED;
    this.value = value;
    return true;
  }

  fail(error: unknown): true {
    this.flags |= FAILED;
    this.value = error;
    return true;
  }

  /** Has `child` run at once; this fiber follows it, ahead of all that is queued. Returns false, for `perform`. */
  follow(child: FiberCore): false {
    this.queue.front.push(this, child);
    return false;
  }

  // --- the call stack ---

  pushFrame(frame: CallFrame): void {
    if (this.frame) (this.callers ??= []).push(this.frame);
    this.setFrame(frame);
  }

  popFrame(): void {
    const caller = this.callers?.pop();
    if (caller) this.setFrame(caller);
    else this.frame = undefined;
  }

  private setFrame(frame: CallFrame): void {
    this.frame = frame;
    if (frame.next === generatorNext) this.flags |= GENERATOR;
    else this.flags &= ~GENERATOR;
  }

  /** Hands `value` to the top of the call stack. */
  resumeFrame(): IteratorResult<unknown, unknown> {
    const { value, flags } = this;
    const frame = this.frame!;
    if (flags & FAILED) {
      if (!frame.throw) throw value;
      return frame.throw(value);
    }
    // Each generator function has a class of its own: called this way, a resume costs the same whatever else runs.
    return flags & GENERATOR ? generatorNext.call(frame, value) : frame.next(value);
  }

  /** The outcome, in `value` and `failed`, is that of the fiber. */
  end(): void {
    this.flags |= ENDED;
  }

  get hasEnded(): boolean {
    return (this.flags & ENDED) !== 0;
  }

  /** Whether the outcome of a step is an error. */
  get failed(): boolean {
    return (this.flags & FAILED) !== 0;
  }

  /** Calls `body(argument)` on the fiber's own stack: the frame on top now gets its result, or its error. */
  call<A>(body: (argument: A) => Op<unknown> | void, argument: A): true {
    try {
      this.pushFrame(iterate(body(argument)));
    } catch (error) {
      return this.fail(error);
    }
    return this.succeed(undefined);
  }

  /** Calls the body, before the first step. */
  begin(): void {
    this.call(this.value as Body<unknown>, undefined);
  }

  // --- contexts ---

  moveTo(context: CancelContext): void {
    this.context.removeMember(this);
    this.context = context;
    context.addMember(this);
  }

  /** For reports. */
  describe(): string {
    const { name } = this;
    return name ? `fiber ${this.id} "${name}"` : `fiber ${this.id}`;
  }

  /** Where the fiber was forked, if that is known. */
  get site(): ForkSite | undefined {
    return typeof this.origin === "object" ? this.origin.site : undefined;
  }

  /** For reports: the same as text. */
  get forkedAt(): string | undefined {
    return formatForkSite(this.site);
  }
}

FiberCore.prototype.surroundings = undefined;

/** The iterator of an op, or a `TypeError` that says what a body returned instead. */
export function iterate(op: unknown): CallFrame {
  const iterator = (op as { [Symbol.iterator]?: unknown } | null | undefined)?.[Symbol.iterator];
  if (typeof iterator !== "function" || typeof op === "string") {
    throw new TypeError(
      `a fiber body must return an op, got ${describe(op)}: write function* instead of async function, ` +
        "and yield* fromPromise(p) to wait for a promise",
    );
  }
  return (op as { [Symbol.iterator](): CallFrame })[Symbol.iterator]();
}

/** Base of everything that can be yielded to the driver. */
export abstract class Command implements Instruction {
  declare readonly [INSTRUCTION]: number;

  /**
   * Does the work, on behalf of the fiber that yielded this.
   *
   * @returns true when the fiber goes on at once, with `value` and `failed` set; false when it is suspended, queued or handed over
   */
  abstract perform(fiber: FiberCore): boolean;

  /** False for an op that `fiber` has not begun: it was yielded as it is, without a star. */
  isBegunBy(_fiber: FiberCore): boolean {
    return true;
  }
}
Object.defineProperty(Command.prototype, INSTRUCTION, { value: PROTOCOL });

/** What the iterators of primitives and frames give to their caller: something to perform, or a result. */
export type Step = IteratorResult<Instruction, unknown>;

// Iterator results are read by the caller before anything else runs, so two objects serve all.
/** The one step with something to perform; the driver knows it by its identity. */
export const TO_PERFORM: { done: false; value: Command } = { done: false, value: undefined as never };
const RESULT: { done: true; value: unknown } = { done: true, value: undefined };

/** The step that has `command` performed. */
export function yielding(command: Command): Step {
  TO_PERFORM.value = command;
  return TO_PERFORM;
}

/** The step that ends with a result. */
export function returning(value: unknown): Step {
  RESULT.value = value;
  return RESULT;
}

/**
 * A frame of a combinator: a small state machine on the fiber's stack, in place of a generator. It gets the result, or the error, of
 * the body it called, and has its next instruction performed or gives a result.
 */
export abstract class Frame extends Command implements CallFrame {
  abstract next(value?: unknown): Step;
  abstract throw(error: unknown): Step;

  /** What `yielding(this)` in `next` or `throw` leads to; frames that have nothing performed need none. */
  perform(_fiber: FiberCore): boolean {
    return true;
  }

  /** What the user called, for the trail of an error that comes out of it; undefined for frames that nobody need know of. */
  describeFrame(): string | undefined {
    return undefined;
  }
}
