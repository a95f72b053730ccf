// Waiting for a promise exactly as long as `await` does.
//
// A promise reaction cannot be taken back. A wait that is given up leaves its reaction behind, inert: it refers to no fiber, and the
// next wait for the same promise takes it over. So the reactions on a promise never outnumber the waits that it had at one time,
// and waits that nobody cancels are resumed in the very order in which they and other code attached themselves.

import { runReady, suspend, type Enqueue, type Op, type Result } from "trestle";

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

class Reaction {
  /** The wait it serves; undefined while it is inert. */
  waiter: Enqueue<unknown> | undefined = undefined;
  /** What to do with a value that comes when the wait has been given up. */
  discard: ((value: unknown) => void) | undefined = undefined;
  fired = false;

  constructor(value: unknown) {
    // As in `react`, without a closure more.
    void nativeThen.call(
      NativePromise.resolve(value),
      (fulfilled) => this.settled({ ok: true, value: fulfilled }),
      (error) => this.settled({ ok: false, error }),
    );
  }

  private settled(outcome: Result<unknown>): void {
    this.fired = true;
    const { waiter } = this;
    if (waiter) {
      this.waiter = undefined;
      waiter(outcome);
      runReady();
    } else if (outcome.ok) this.discard?.(outcome.value);
  }
}

/** Inert reactions by what they are attached to. */
const inert = new WeakMap<object, Reaction[]>();

function takeInert(value: object): Reaction | undefined {
  const reactions = inert.get(value);
  const reaction = reactions?.pop();
  // When one has fired, all of them have.
  if (reactions?.length === 0 || reaction?.fired) inert.delete(value);
  return reaction?.fired ? undefined : reaction;
}

function keepInert(value: object, reaction: Reaction): void {
  const reactions = inert.get(value);
  if (reactions) reactions.push(reaction);
  else inert.set(value, [reaction]);
}

/**
 * Waits for `value` as `await value` would: a plain value takes one turn, too.
 *
 * @param label  what the fiber waits for, in reports
 * @param discard  is given the value if it comes after the wait was given up; must not throw
 */
export function awaitValue<T>(label: string, value: unknown, discard?: (value: T) => void): Op<T> {
  const shared = !discard && (typeof value === "function" || typeof value === "object") ? value : undefined;
  return suspend<T>(label, (ctx, enqueue) => {
    const reaction = (shared && takeInert(shared)) ?? new Reaction(value);
    reaction.waiter = enqueue as Enqueue<unknown>;
    ctx.setCancelFn((error) => {
      reaction.waiter = undefined;
      reaction.discard = discard as ((value: unknown) => void) | undefined;
      if (shared) keepInert(shared, reaction);
      enqueue({ ok: false, error });
    });
  });
}
