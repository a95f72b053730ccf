// At most so many at once.
//
// |             | `limited`                                     | `fromLimit`                                          |
// |-------------|-----------------------------------------------|------------------------------------------------------|
// | slots       | its own                                       | those of the limit, shared with its async users      |
// | cancel      | a queued call leaves the queue at once        | a queued call ends at once; its place runs nothing   |
// | order       | first come, first served                      | that of the limit                                    |
// | release     | when the call has ended, finalizers included  | the same                                             |
//
// `toLimit` is the way back: the permits of a semaphore for async functions, first come, first served among both kinds.

import { Fiber, Semaphore, startRoot, suspend, type Body, type Op, ReentrantLimitError } from "trestle";
import { AbortError } from "./crossing/abort-error.js";
import { Recipe, requireFiber } from "./crossing/recipe.js";
import { expectBody, expectFunction, expectOptions, refuse } from "./crossing/refuse.js";

export { ReentrantLimitError } from "trestle";

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
      return new Recipe(() => permitted(limit, held, reentrant, body)[Symbol.iterator](), "withPermit");
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

/** The permits of a semaphore as a limiting function with the surface of p-limit 7, see {@link toLimit}. */
export interface SemaphoreLimit {
  /** Calls `fn(...args)` when there is a permit, never before this has returned; gives a promise of what comes of it. */
  <A extends unknown[], T>(fn: (...args: A) => PromiseLike<T> | T, ...args: A): Promise<T>;
  /** How many calls hold a permit. */
  readonly activeCount: number;
  /** How many calls wait for one. */
  readonly pendingCount: number;
  /**
   * How many permits there are in all, fibers' ones included. Set lower, nothing new starts until so many have ended; set higher,
   * those that wait start in a microtask.
   */
  concurrency: number;
  /** Forgets the calls that wait. Their promises never settle, unless `rejectOnClear` was given. */
  clearQueue(): void;
  /** `fn(item, index)` for each item; the results in order. Fails as soon as one call does, and lets the others go on. */
  map<A, T>(items: Iterable<A>, fn: (item: A, index: number) => PromiseLike<T> | T): Promise<T[]>;
}

/** The options of {@link toLimit}. */
export interface ToLimitOptions {
  /** `clearQueue` rejects the calls it forgets with an `AbortError`. Default false. */
  rejectOnClear?: boolean;
}

/** A call that waits for a permit. */
interface Queued {
  readonly leave: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The permits of a semaphore for async functions, with the surface of p-limit: fibers and async functions queue together, first come,
 * first served, and share the permits.
 *
 * @example
 * const slots = new Semaphore(4);
 * const limit = toLimit(slots);
 * // In old code; in fibers, slots.use(() => download(url)).
 * const answers = await Promise.all(urls.map((url) => limit(() => fetch(url))));
 *
 * @param semaphore  with all its permits there: their number is the `concurrency`
 * @param options.rejectOnClear  default false
 * @throws TypeError at once, when `semaphore` is not a semaphore with at least one permit left
 */
export function toLimit(semaphore: Semaphore, options?: ToLimitOptions): SemaphoreLimit {
  if (!(semaphore instanceof Semaphore)) refuse("toLimit", "semaphore", "a Semaphore", semaphore);
  if (semaphore.value === 0) refuse("toLimit", "semaphore", "a Semaphore with its permits left", 0);
  expectOptions("toLimit", options);
  const rejectOnClear = options?.rejectOnClear === true;
  let concurrency = semaphore.value;
  let active = 0;
  /** Permits to keep as they come back, because the limit was lowered. */
  let owed = 0;
  const queue = new Set<Queued>();

  const release = () => {
    active--;
    if (owed > 0) owed--;
    else semaphore.release();
  };

  const limit = <A extends unknown[], T>(fn: (...args: A) => PromiseLike<T> | T, ...args: A): Promise<T> => {
    expectFunction("toLimit", "fn", fn);
    return new Promise<T>((resolve, reject) => {
      let start!: () => void;
      // Through a promise made here: `fn` runs in the async context of this call, whoever frees the permit.
      void new Promise<void>((go) => (start = go)).then(() => {
        const result = (async () => fn(...args))();
        resolve(result);
        result.then(release, release);
      });
      if (semaphore.tryAcquire()) {
        active++;
        start();
        return;
      }
      const root = startRoot(() => semaphore.acquire(), {
        name: "toLimit",
        onDone(outcome) {
          queue.delete(entry);
          if (!outcome.ok) return;
          active++;
          start();
        },
      });
      const entry: Queued = { leave: () => root.cancel(new Error("the queue was cleared")), reject };
      queue.add(entry);
    });
  };

  return Object.defineProperties(limit, {
    activeCount: { get: () => active },
    pendingCount: { get: () => queue.size },
    concurrency: {
      get: () => concurrency,
      set(next: number) {
        if (!(typeof next === "number" && Number.isInteger(next) && next > 0)) {
          refuse("toLimit", "concurrency", "a positive integer", next);
        }
        for (; concurrency > next; concurrency--) if (!semaphore.tryAcquire()) owed++;
        for (; concurrency < next; concurrency++) {
          if (owed > 0) owed--;
          else semaphore.release();
        }
      },
    },
    clearQueue: {
      value() {
        for (const { leave, reject } of [...queue]) {
          leave();
          if (rejectOnClear) reject(new AbortError("the queue was cleared"));
        }
      },
    },
    map: {
      async value<A, T>(items: Iterable<A>, fn: (item: A, index: number) => PromiseLike<T> | T): Promise<T[]> {
        const calls: Promise<T>[] = [];
        let index = 0;
        try {
          for (const item of items) calls.push(limit(fn, item, index++));
        } catch (error) {
          // The items that were begun with have nobody to report to any more.
          for (const call of calls) call.catch(() => {});
          throw error;
        }
        return Promise.all(calls);
      },
    },
  }) as SemaphoreLimit;
}
