// Fiber code that gives items one at a time: the generator behind an async iterator.
//
// A body yields two kinds of things: instructions, as every op does, and items. Whoever asks for an item runs the body, up to the next
// one: a fiber on its own stack, as if it had called the body with `yield*`; foreign code by a root fiber for each request. Between two
// requests nothing runs and nothing waits: a body that nobody asks any more is garbage, unless a switch or a signal owns it.
//
// | event                              | consequence                                                                         |
// |------------------------------------|-------------------------------------------------------------------------------------|
// | the first `next`                   | the body is called, and runs at once, up to its first suspension                    |
// | a request while another is served  | waits, in order                                                                     |
// | an item that is a promise          | is awaited in the body, which catches its rejection; any item takes a turn          |
// | `return`, `throw`                  | `finally` blocks run, or the error is raised, where the body stands; both may wait, |
// |                                    | give further items, and end otherwise, as in any generator                          |
// | whoever asked is cancelled         | the body is, too: it throws `Cancelled` where it waits, and has ended               |

import { Fiber, suspend, type Enqueue, type Instruction, type Op } from "trestle";
import { awaitValue } from "./reaction.js";
import { isThenable } from "./recipe.js";

/** Marks items, those of another copy of the library, too. */
const ITEM: unique symbol = Symbol.for("trestle.item") as never;

/** What a producing body yields besides instructions; see `emit`. */
export interface Item<T> {
  readonly [ITEM]: T;
}

/** The type of the items among what a body yields. */
export type ItemOf<Y> = Y extends Item<infer T> ? T : never;

/** What a body returns that yields instructions and items, those of `Y`, and in the end gives an `R`. */
export interface Yielding<Y extends Instruction | Item<unknown>, R> {
  [Symbol.iterator](): Iterator<Y, R, unknown>;
}

/** What a body returns that gives items of type `T`, and in the end an `R`. */
export interface Producing<T, R = void> {
  [Symbol.iterator](): Iterator<Instruction | Item<T>, R, unknown>;
}

type Steps = Iterator<Instruction | Item<unknown>, unknown, unknown>;

/** One item, as an op of a producing body. It is op, iterator and item in one. */
export class Emission<T> implements Item<T>, Producing<T> {
  readonly [ITEM]: T;
  /** It has been waited for already. */
  readonly settled: boolean;
  private given = false;

  constructor(value: T, settled: boolean) {
    this[ITEM] = value;
    this.settled = settled;
  }

  [Symbol.iterator](): Iterator<Item<T>, void, unknown> {
    return (this.given ? new Emission(this[ITEM], this.settled) : this) as unknown as Iterator<Item<T>, void, unknown>;
  }

  next(answer?: unknown): IteratorResult<Item<T>, unknown> {
    if (this.given) return { done: true, value: answer };
    this.given = true;
    return { done: false, value: this };
  }

  throw(error: unknown): never {
    throw error;
  }
}

function isItem(value: unknown): value is Emission<unknown> {
  return typeof value === "object" && value !== null && ITEM in value;
}

/**
 * Asks for `return` once more. A delegate that waited while it was returned to would end as if nothing had been asked: only what it
 * answers at once is a return to the body.
 */
export class ReturnAgain {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}

export type Request = "next" | "return" | "throw";

type Outcome = { readonly item: Emission<unknown> } | { readonly result: unknown };

/** Runs a body up to its next item, or to its end: lets all instructions through to the driver. */
class Advance implements Op<Outcome> {
  private readonly steps: Steps;
  private request: Request;
  private readonly value: unknown;

  constructor(steps: Steps, request: Request, value: unknown) {
    this.steps = steps;
    this.request = request;
    this.value = value;
  }

  [Symbol.iterator](): Iterator<Instruction, Outcome, unknown> {
    return this;
  }

  next(given?: unknown): IteratorResult<Instruction, Outcome> {
    const { steps, request } = this;
    this.request = "next";
    if (request === "next") return this.pass(steps.next(this.begun ? given : this.value));
    if (request === "throw") return this.throw(this.value);
    this.begun = true;
    return steps.return ? this.pass(steps.return(this.value)) : { done: true, value: { result: this.value } };
  }

  throw(error: unknown): IteratorResult<Instruction, Outcome> {
    this.begun = true;
    if (!this.steps.throw) throw error;
    return this.pass(this.steps.throw(error));
  }

  private begun = false;

  private pass(step: IteratorResult<Instruction | Item<unknown>, unknown>): IteratorResult<Instruction, Outcome> {
    this.begun = true;
    if (step.done) return { done: true, value: { result: step.value } };
    if (step.value instanceof ReturnAgain) return this.pass(this.steps.return!(step.value.value));
    // An instruction goes on in the very step that it came in, by which the driver knows it.
    return isItem(step.value)
      ? { done: true, value: { item: step.value } }
      : (step as IteratorResult<Instruction, never>);
  }
}

/** A body and its requests, which are served one after the other. */
export class Production<T, R> {
  private readonly label: string;
  private readonly make: () => Producing<T, R>;
  private readonly onEnd: (() => void) | undefined;
  private steps: Steps | undefined = undefined;
  private over = false;
  private busy = false;
  private direct = false;
  private readonly queue: Enqueue<void>[] = [];

  /**
   * @param label  what a fiber waits for in the queue, in reports
   * @param onEnd  called when the body has ended, however, or will never be called
   */
  constructor(label: string, make: () => Producing<T, R>, onEnd?: () => void) {
    this.label = label;
    this.make = make;
    this.onEnd = onEnd;
  }

  get hasEnded(): boolean {
    return this.over;
  }

  get isBusy(): boolean {
    return this.busy;
  }

  /**
   * Serves a request on the fiber that asks, when those before it are served.
   *
   * @param direct  a fiber asks for itself: what is no promise takes a turn of fibers, not one of promises
   */
  *ask(request: Request, value: unknown, direct: boolean, begin?: () => void): Op<IteratorResult<T, R | undefined>> {
    if (this.busy) yield* this.turn();
    this.busy = true;
    this.direct = direct;
    try {
      begin?.();
      return (yield* this.serve(request, value)) as IteratorResult<T, R | undefined>;
    } finally {
      const next = this.queue.shift();
      if (next) next({ ok: true, value: undefined });
      else this.busy = false;
    }
  }

  /** Waits until those before are served; whoever leaves hands the turn on. */
  private turn(): Op<void> {
    return suspend<void>(`${this.label}: its turn`, (ctx, enqueue) => {
      this.queue.push(enqueue);
      ctx.setCancelFn((error) => {
        this.queue.splice(this.queue.indexOf(enqueue), 1);
        enqueue({ ok: false, error });
      });
    });
  }

  private *serve(request: Request, value: unknown): Op<IteratorResult<unknown, unknown>> {
    const { steps } = this;
    if (request === "return" && (this.over || !steps)) {
      this.end();
      return { value: yield* this.wait(value), done: true };
    }
    if (request === "throw" && (this.over || !steps)) {
      this.end();
      throw value;
    }
    if (this.over) return { value: undefined, done: true };
    try {
      return yield* this.run((this.steps ??= this.make()[Symbol.iterator]()), request, value);
    } catch (error) {
      this.end();
      throw error;
    }
  }

  private *run(steps: Steps, first: Request, given: unknown): Op<IteratorResult<unknown, unknown>> {
    let request = first;
    let value = given;
    if (request === "return") {
      try {
        value = yield* this.wait(value);
      } catch (error) {
        request = "throw";
        value = error;
      }
    }
    for (;;) {
      const outcome = yield* new Advance(steps, request, value);
      if ("result" in outcome) {
        const { result } = outcome;
        const settled = isThenable(result) ? yield* this.wait(result) : result;
        this.end();
        return { value: settled, done: true };
      }
      const { item } = outcome;
      try {
        return { value: item.settled ? item[ITEM] : yield* this.wait(item[ITEM]), done: false };
      } catch (error) {
        request = "throw";
        value = error;
      }
    }
  }

  private *wait(value: unknown): Op<unknown> {
    if (!this.direct || isThenable(value)) return yield* awaitValue(this.label, value);
    yield* Fiber.yield();
    return value;
  }

  private end(): void {
    if (this.over) return;
    this.over = true;
    // The generator is done; what its closure holds on to need not be kept.
    this.steps = undefined;
    this.onEnd?.();
  }
}
