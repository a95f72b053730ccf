// Waiting for a promise exactly as long as `await` does.
//
// A promise reaction cannot be taken back. A wait that is given up leaves its reaction behind, inert: it refers to no fiber, and the
// next wait for the same promise takes it over. So the reactions on a promise never outnumber the waits that it had at one time,
// and waits that nobody cancels are resumed in the very order in which they and other code attached themselves.

import { Wait, type Op, type Result } from "trestle";
import { expectRealTime } from "./virtual-time.js";

// Taken at load time, as `await` takes them: patched promises are none of its business.
const NativePromise = Promise;
// eslint-disable-next-line @typescript-eslint/unbound-method
const nativeThen = Promise.prototype.then;

/** Calls `settled` with the outcome, in the microtask in which an `await` begun now would continue. Reads `then` at most once. */
export function react(value: unknown, settled: (outcome: Result<unknown>) => void): void {
  // `Promise.resolve` gives a native promise back as it is; everything else is normalised, by microtasks of its own.
  void nativeThen.call(
    NativePromise.resolve(value),
    (fulfilled) => settled({ ok: true, value: fulfilled }),
    (error) => settled({ ok: false, error }),
  );
}

/** What a promise calls. One that has served is used again: its two functions are made once. */
class Reaction {
  /** The wait it serves; undefined while it is inert. */
  wait: PromiseWait<never> | undefined = undefined;
  /** What to do with a value that comes when the wait has been given up. */
  discard: ((value: never) => void) | undefined = undefined;
  fired = false;

  private readonly fulfilled = (value: unknown) => {
    if (this.wait) this.serve(value, false);
    else {
      this.fired = true;
      this.discard?.(value as never);
    }
  };

  private readonly rejected = (error: unknown) => {
    if (this.wait) this.serve(error, true);
    else this.fired = true;
  };

  private serve(value: unknown, failed: boolean): void {
    const wait = this.wait!;
    this.wait = undefined;
    if (spare.length < MOST_SPARE) spare.push(this);
    wait.wakeNow(value, failed);
  }

  attach(value: unknown): void {
    void nativeThen.call(NativePromise.resolve(value), this.fulfilled, this.rejected);
  }
}

/** Reactions that have served, and are attached to nothing. */
const spare: Reaction[] = [];
const MOST_SPARE = 1024;

/** Inert reactions by what they are attached to. */
const inert = new WeakMap<object, Reaction[]>();

function takeInert(value: object): Reaction | undefined {
  const reactions = inert.get(value);
  if (!reactions) return undefined;
  const reaction = reactions.pop();
  // When one has fired, all of them have.
  if (reactions.length === 0 || reaction?.fired) inert.delete(value);
  return reaction?.fired ? undefined : reaction;
}

function keepInert(value: object, reaction: Reaction): void {
  const reactions = inert.get(value);
  if (reactions) reactions.push(reaction);
  else inert.set(value, [reaction]);
}

class PromiseWait<T> extends Wait<T> {
  private readonly value: unknown;
  private readonly discard: ((value: T) => void) | undefined;
  private reaction: Reaction | undefined = undefined;

  constructor(label: string, value: unknown, discard: ((value: T) => void) | undefined) {
    super(label);
    this.value = value;
    this.discard = discard;
  }

  protected again(): PromiseWait<T> {
    return new PromiseWait(this.called, this.value, this.discard);
  }

  /** What a reaction that is given up can be found again by. */
  private get shared(): object | undefined {
    const { value } = this;
    const isObject = (typeof value === "object" && value !== null) || typeof value === "function";
    return isObject && !this.discard ? value : undefined;
  }

  protected enter(): void {
    expectRealTime(this.called);
    const { shared } = this;
    const left = shared && takeInert(shared);
    const reaction = left ?? spare.pop() ?? new Reaction();
    if (!left) reaction.attach(this.value);
    reaction.wait = this as unknown as PromiseWait<never>;
    this.reaction = reaction;
  }

  protected leave(): void {
    const reaction = this.reaction!;
    const { shared } = this;
    reaction.wait = undefined;
    reaction.discard = this.discard;
    if (shared) keepInert(shared, reaction);
  }
}

/**
 * Waits for `value` as `await value` would: a plain value takes one turn, too.
 *
 * @param label  what the fiber waits for, in reports
 * @param discard  is given the value if it comes after the wait was given up; must not throw
 */
export function awaitValue<T>(label: string, value: unknown, discard?: (value: T) => void): Op<T> {
  return new PromiseWait(label, value, discard);
}
