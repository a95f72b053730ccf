// Ops that nobody runs, and generators that are run again.
//
// Debug mode has to know when an op is made. Instead of asking each time whether somebody wants to know, it puts a class of its own
// between `Primitive` and its base while it is on: a constructor looks up what `super()` calls at the time of the call. Generators are
// watched by properties of their own, from the moment when they come into sight.

import { runningFiber } from "../engine/drive.js";
import { Command, type CallFrame, type FiberCore } from "../engine/fiber-core.js";
import { LiftedCall, wrapMarked } from "../engine/lift.js";
import { INSTRUCTION, type Instruction, type Op } from "../engine/op.js";
import { Primitive } from "../engine/primitive.js";
import { Recipe } from "../engine/recipe.js";
import { listen } from "../engine/probe.js";
import { Stream, StreamCursor } from "../stream.js";
import { makeYields, Yield } from "../turns.js";
import { captureStack, placeOf, report, type Capture } from "./finding.js";

/** On an op that was made and not run. */
const MADE: unique symbol = Symbol("made");

/** An op that was made. */
interface Made {
  readonly list: Unrun;
  /** What the user called; unknown until the op is let go. */
  name: string | undefined;
  place: string | undefined;
  // Until the step that made it is over; from then on it may be collected. (A stack that nobody has read refers to it, too.)
  op: object | undefined;
  capture: Capture | undefined;
}

/** The ops that one fiber, or code outside of fibers, has made and nobody has run. */
class Unrun {
  /** Made in the present step. */
  private readonly fresh = new Set<Made>();
  private readonly old = new Set<Made>();
  private readonly fiber: FiberCore | undefined;

  constructor(fiber: FiberCore | undefined) {
    this.fiber = fiber;
  }

  add(entry: Made): void {
    this.fresh.add(entry);
  }

  remove(entry: Made): boolean {
    return this.fresh.delete(entry) || this.old.delete(entry);
  }

  /** The step is over: what it made and did not run may still be run later, or be forgotten. */
  letGo(): void {
    for (const entry of this.fresh) {
      const op = entry.op!;
      const capture = entry.capture!;
      entry.op = entry.capture = undefined;
      // Some are made and performed by others of ours, without being iterated.
      if (op instanceof Primitive && op.wasRun) continue;
      entry.place = placeOf(capture);
      entry.name ??= (op as { called?: string }).called ?? "an op";
      this.old.add(entry);
      collected?.register(op, entry);
    }
    this.fresh.clear();
  }

  /** Nobody will run them any more. */
  tell(): void {
    this.letGo();
    for (const entry of this.old) this.tellOf(entry);
    this.forget();
  }

  forget(): void {
    this.fresh.clear();
    this.old.clear();
  }

  /** The op is gone. */
  gone(entry: Made): void {
    if (this.remove(entry)) this.tellOf(entry);
  }

  private tellOf({ place, name }: Made): void {
    const at = place === undefined ? "" : ` at ${place}`;
    const way = this.fiber
      ? `in ${this.fiber.describe()}, and never run: put yield* before it`
      : "outside of fibers, and never run: run it in a fiber, with yield*; toPromise starts one";
    report("op-never-run", `${name} was made${at}, ${way}`, place);
  }
}

/** What debug mode knows; made anew whenever it is switched on. */
let byFiber = new WeakMap<FiberCore, Unrun>();
let outside = new Unrun(undefined);
let collected: FinalizationRegistry<Made> | undefined;
let on = false;

function listOf(fiber: FiberCore | undefined): Unrun {
  if (!fiber) return outside;
  let list = byFiber.get(fiber);
  if (!list) byFiber.set(fiber, (list = new Unrun(fiber)));
  return list;
}

/** Notes that `op` was made, here and now or where `capture` says. */
function made(op: object, name: string | undefined, capture: Capture = captureStack()): void {
  const fiber = runningFiber();
  const list = listOf(fiber);
  const entry: Made = { list, name, place: undefined, op, capture };
  Object.defineProperty(op, MADE, { configurable: true, writable: true, value: entry });
  list.add(entry);
  // Its constructor has not ended yet.
  if (!fiber) void Promise.resolve().then(() => list.letGo());
}

/** Notes that `op` is run. */
function ran(op: object): void {
  const noted = op as { [MADE]?: Made | undefined };
  const entry = noted[MADE];
  if (!entry) return;
  noted[MADE] = undefined;
  entry.list.remove(entry);
}

/** Reports the ops made outside of fibers that nobody has run so far: the process ends. */
export function tellOutside(): void {
  outside.tell();
}

// --- ops of the library ---

/** Comes between `Primitive` and its base. */
abstract class Noticed extends Command {
  constructor() {
    super();
    made(this, undefined);
  }
}

const iteratorOfPrimitive = Primitive.prototype[Symbol.iterator];

function iterateNoticed<T>(this: Primitive<T>): Iterator<Instruction, T, unknown> {
  const iterator = iteratorOfPrimitive.call(this) as Iterator<Instruction, T, unknown>;
  ran(this);
  // One that is run again is run by another one.
  if ((iterator as unknown) !== this) ran(iterator);
  return iterator;
}

// --- ops that are handed out again ---

interface Keeper {
  idle: unknown;
}

/** Has each call of `method` give an op of its own, where it hands one out again while that is idle. Returns what ends it. */
function makeAnew<Method extends string>(
  prototype: Keeper & Record<Method, () => unknown>,
  method: Method,
): () => void {
  const original: () => unknown = prototype[method];
  const anew = function (this: Keeper) {
    this.idle = undefined;
    return original.call(this);
  };
  (prototype as Record<Method, unknown>)[method] = anew;
  return () => void ((prototype as Record<Method, unknown>)[method] = original);
}

// --- recipes, which bridges are made of ---

/** Comes in place of the base of `Recipe`. */
class NoticedBase {
  constructor() {
    made(this, undefined);
  }
}

const baseOfRecipes = Object.getPrototypeOf(Recipe) as object;

const iteratorOfRecipe = Recipe.prototype[Symbol.iterator];

function iterateNoticedRecipe<T>(this: Recipe<T>): Iterator<Instruction, T, unknown> {
  ran(this);
  return iteratorOfRecipe.call(this) as Iterator<Instruction, T, unknown>;
}

// --- yields ---

/** One object a yield, where otherwise one serves all. */
class NoticedYield extends Yield {
  constructor() {
    super();
    made(this, "Fiber.yield");
  }

  override [Symbol.iterator](): Iterator<Instruction, void, unknown> {
    ran(this);
    return super[Symbol.iterator]();
  }
}

// --- generators ---

interface GeneratorMethods extends CallFrame {
  throw(error: unknown): IteratorResult<unknown, unknown>;
  [Symbol.iterator]?(): unknown;
}

/** What all generator objects inherit from. */
const generators = Object.getPrototypeOf(function* () {}.prototype) as GeneratorMethods;
/* eslint-disable-next-line @typescript-eslint/unbound-method -- called with generators as `this` */
const native = { next: generators.next, throw: generators.throw };

/** Whether a watched generator has ended. */
const watched = new WeakMap<object, { ended: boolean }>();

export function isGenerator(value: unknown): value is CallFrame {
  return typeof value === "object" && value !== null && Object.prototype.isPrototypeOf.call(generators, value);
}

/** From here on we see when the generator is run, and run again. */
function watch(generator: object): void {
  if (watched.has(generator)) return;
  watched.set(generator, { ended: false });
  for (const [name, value] of Object.entries(watching))
    Object.defineProperty(generator, name, { configurable: true, writable: true, value });
}

/** It yields other things than instructions: it is not for fibers. */
function unwatch(generator: object): void {
  for (const name of Object.keys(watching)) Reflect.deleteProperty(generator, name);
}

function step(
  generator: object,
  method: (this: object, value?: unknown) => IteratorResult<unknown, unknown>,
  value: unknown,
): IteratorResult<unknown, unknown> {
  const state = watched.get(generator)!;
  ran(generator);
  if (state.ended) ranAgain(generator);
  let result;
  try {
    result = method.call(generator, value);
  } catch (error) {
    state.ended = true;
    throw error;
  }
  if (result.done) state.ended = true;
  else if (!isInstruction(result.value)) unwatch(generator);
  return result;
}

function isInstruction(value: unknown): boolean {
  return typeof value === "object" && value !== null && INSTRUCTION in value;
}

const watching = {
  next(this: object, value?: unknown) {
    return step(this, native.next, value);
  },
  throw(this: object, error: unknown) {
    return step(this, native.throw, error);
  },
};

function ranAgain(generator: object): void {
  const fiber = runningFiber();
  if (!on || !fiber) return;
  // The program is on the stack if it runs the generator, and not if the generator is the body of a fiber.
  const place = fiber.frame === generator ? fiber.forkedAt : placeOf(captureStack());
  const at = place === undefined ? "" : ` at ${place}`;
  report(
    "op-run-twice",
    `a generator that has run already was run again${at}, in ${fiber.describe()}, which does nothing and gives undefined: ` +
      "call its function once for each run",
    place,
  );
}

/** An op that somebody let drop: it is run elsewhere, or never. */
export function dropped(generator: CallFrame, name: string, capture: Capture): void {
  if (watched.has(generator)) return;
  watch(generator);
  made(generator, name, capture);
}

// eslint-disable-next-line @typescript-eslint/unbound-method -- called with the call as `this`
const nextOfLifted = LiftedCall.prototype.next;

/** Marked functions have an iterator of their own. */
function nextOfLiftedWatched(this: LiftedCall, value?: unknown): IteratorResult<unknown, unknown> {
  watch(this.generator);
  return nextOfLifted.call(this, value);
}

function noticing<F extends (...args: never[]) => Op<unknown>>(fn: F): F {
  return new Proxy(fn, {
    apply(target, self: unknown, args: never[]) {
      const generator = Reflect.apply(target, self, args);
      made(generator, target.name || "a fiber function");
      return generator;
    },
  });
}

/** Has `await op` fail, for ops that inherit from `prototype`: whoever looks for `then` would take the op for its own result. */
function refuseAwait(prototype: object): () => void {
  Object.defineProperty(prototype, "then", {
    configurable: true,
    get() {
      throw new TypeError("fiber operations are run with yield*, not await; from async code use toPromise(() => op)");
    },
  });
  return () => void Reflect.deleteProperty(prototype, "then");
}

/** Begins to watch over ops. Returns what ends it. */
export function watchOps(): () => void {
  on = true;
  byFiber = new WeakMap();
  outside = new Unrun(undefined);
  collected =
    typeof FinalizationRegistry === "function"
      ? new FinalizationRegistry((entry) => entry.list.gone(entry))
      : undefined;

  Object.setPrototypeOf(Primitive, Noticed);
  Primitive.prototype[Symbol.iterator] = iterateNoticed;
  Object.setPrototypeOf(Recipe, NoticedBase);
  Recipe.prototype[Symbol.iterator] = iterateNoticedRecipe;
  LiftedCall.prototype.next = nextOfLiftedWatched;
  const ends = [
    refuseAwait(Primitive.prototype),
    refuseAwait(Recipe.prototype),
    refuseAwait(Yield.prototype),
    makeAnew(Stream.prototype, "take"),
    makeAnew(StreamCursor.prototype, "next"),
  ];
  makeYields(() => new NoticedYield());
  wrapMarked(noticing);
  Object.defineProperty(generators, Symbol.iterator, {
    configurable: true,
    writable: true,
    value(this: object) {
      if (runningFiber()) watch(this);
      return this;
    },
  });
  const stopListening = listen({
    fiberStopped: (fiber) => byFiber.get(fiber)?.letGo(),
    fiberEnded(fiber) {
      // After an error, what was prepared may well be left.
      if (fiber.failed) byFiber.get(fiber)?.forget();
      else byFiber.get(fiber)?.tell();
      byFiber.delete(fiber);
    },
  });

  return () => {
    stopListening();
    on = false;
    collected = undefined;
    Object.setPrototypeOf(Primitive, Command);
    Primitive.prototype[Symbol.iterator] = iteratorOfPrimitive;
    Object.setPrototypeOf(Recipe, baseOfRecipes);
    Recipe.prototype[Symbol.iterator] = iteratorOfRecipe;
    LiftedCall.prototype.next = nextOfLifted;
    for (const end of ends) end();
    makeYields(undefined);
    wrapMarked(undefined);
    delete generators[Symbol.iterator];
  };
}
