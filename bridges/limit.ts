// At most so many at once.
//
// |             | `limited`                                     | `fromLimit`                                          |
// |-------------|-----------------------------------------------|------------------------------------------------------|
// | slots       | its own                                       | those of the limit, shared with its async users      |
// | cancel      | a queued call leaves the queue at once        | a queued call ends at once; its place runs nothing   |
// | order       | first come, first served                      | that of the limit                                    |
// | release     | when the call has ended, finalizers included  | the same                                             |

import { Fiber, Semaphore, suspend, type Body, type Op } from "trestle";
import { Recipe, requireFiber } from "./crossing/recipe.js";
import { expectBody, expectFunction, refuse } from "./crossing/refuse.js";

/**
 * A fiber function of which at most `n` calls run at once; further calls wait, first come, first served. A cancelled call that waits
 * leaves the queue at once; one that runs gives its slot back when its finalizers are done.
 *
 * A call is a cancellation point when it has to wait. A call from inside a running one takes a slot of its own: with none left, and
 * everybody waiting for a call inside, nothing can go on, as with other limits.
 *
 * @example
 * const download = limited(4, function* (url: string) {
 *   return yield* fromPromise(fetch(url));
 * });
 * const pages = yield* Fiber.map(urls, download);
 *
 * @param n  a positive integer, or Infinity
 * @param fn  a fiber function
 * @throws TypeError at once, for another `n`
 */
export function limited<A extends unknown[], T>(n: number, fn: (...args: A) => Op<T>): (...args: A) => Op<T> {
  if (n !== Infinity && !(typeof n === "number" && Number.isInteger(n) && n > 0)) {
    refuse("limited", "n", "a positive integer or Infinity", n);
  }
  expectBody("limited", "fn", fn);
  if (n === Infinity) return (...args) => fn(...args);
  const slots = new Semaphore(n);
  return (...args) => slots.use(() => fn(...args));
}

/** A limiting function in the manner of p-limit. */
export type LimitFunction = (fn: () => PromiseLike<void>) => PromiseLike<void>;

/** The slots of a limit, for fibers. */
export interface Permit {
  /**
   * Runs `body` in a slot of the limit, waiting for one. A cancellation point while it waits; what is cancelled in the queue ends at
   * once, and runs nothing when its turn comes.
   *
   * @throws ReentrantLimitError when the fiber is inside a `withPermit` of this limit already
   * @throws the error of the limit, when that refuses (as by `clearQueue` with `rejectOnClear`)
   */
  withPermit<T>(body: Body<T>): Op<T>;
}

/**
 * A fiber asked for a second slot of a limit while it held one: with all slots held so, nothing could ever go on. Pass
 * `{ reentrant: true }` to run such calls in the slot that is held.
 *
 * @example
 * const permit = fromLimit(pLimit(4));
 * yield* permit.withPermit(() => permit.withPermit(work)); // throws ReentrantLimitError
 */
export class ReentrantLimitError extends Error {
  override readonly name = "ReentrantLimitError";
  readonly code = "REENTRANT_LIMIT";

  constructor() {
    super(
      "withPermit: called inside a withPermit of the same limit; pass { reentrant: true } to run it in the slot that is held",
    );
  }
}

/**
 * The slots of a limiting function such as p-limit's, for fibers: fibers and async functions queue together, first come, first
 * served, and never are more running in all than the limit allows.
 *
 * @example
 * const limit = pLimit(4);
 * const permit = fromLimit(limit);
 * const page = yield* permit.withPermit(() => download(url));
 *
 * @param limit  calls what it is given when there is a slot, and frees the slot when the promise has settled
 * @param options.reentrant  run a call from inside another in the slot that is held, instead of refusing it; default false
 */
export function fromLimit(limit: LimitFunction, options?: { reentrant?: boolean }): Permit {
  expectFunction("fromLimit", "limit", limit);
  const reentrant = options?.reentrant === true;
  const held = Fiber.createKey<boolean>("fromLimit");
  return {
    withPermit<T>(body: Body<T>): Op<T> {
      expectBody("withPermit", "body", body);
      return new Recipe(() => permitted(limit, held, reentrant, body)[Symbol.iterator]());
    },
  };
}

function* permitted<T>(limit: LimitFunction, held: Fiber.Key<boolean>, reentrant: boolean, body: Body<T>): Op<T> {
  requireFiber("withPermit").context.check();
  if (Fiber.get(held)) {
    if (reentrant) return yield* body();
    throw new ReentrantLimitError();
  }
  const release = yield* slotOf(limit);
  try {
    return yield* Fiber.withBinding(held, true, body);
  } finally {
    release();
  }
}

/** Waits for a slot, and gives what frees it. */
function slotOf(limit: LimitFunction): Op<() => void> {
  return suspend<() => void>("withPermit", (ctx, enqueue) => {
    let cancelled = false;
    const ended = limit(() => {
      if (cancelled) return Promise.resolve();
      return new Promise<void>((release) => enqueue({ ok: true, value: release }));
    });
    ended.then(undefined, (error: unknown) => enqueue({ ok: false, error }));
    ctx.setCancelFn((error) => {
      cancelled = true;
      enqueue({ ok: false, error });
    });
  });
}
