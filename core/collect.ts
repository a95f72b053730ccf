// The same work for each item of a list, with a limit on how many fibers do it at once.

import { expectBody, expectOptions, refuse } from "./engine/describe.js";
import type { Op } from "./engine/op.js";
import { siteOf } from "./fork.js";
import { group, type Jobs } from "./group.js";

/** The options of {@link map} and its relatives. */
export interface CollectOptions {
  /** How many items may be worked on at once; by default all of them. */
  maxFibers?: number;
}

type Work<A, B> = (item: A, index: number) => Op<B>;

abstract class Items<A, B, R> implements Jobs<R> {
  readonly count: number;
  readonly limit: number;
  protected readonly items: readonly A[];
  private readonly work: Work<A, B>;

  constructor(items: readonly A[], work: Work<A, B>, limit: number) {
    this.items = items;
    this.count = items.length;
    this.work = work;
    this.limit = limit;
  }

  start(index: number): Op<B> {
    const { work } = this;
    return work(this.items[index]!, index);
  }

  nameOf(): string | undefined {
    return this.work.name || undefined;
  }

  abstract keep(index: number, value: B): void;
  abstract readonly result: R;
}

class Mapped<A, B> extends Items<A, B, B[]> {
  readonly result = new Array<B>(this.count);

  keep(index: number, value: B): void {
    this.result[index] = value;
  }
}

class Filtered<A> extends Items<A, boolean, A[]> {
  private readonly wanted = new Array<boolean>(this.count);

  keep(index: number, value: boolean): void {
    this.wanted[index] = value;
  }

  get result(): A[] {
    return this.items.filter((_, index) => this.wanted[index]);
  }
}

class FilterMapped<A, B> extends Items<A, B | undefined, B[]> {
  private readonly values = new Array<B | undefined>(this.count);

  keep(index: number, value: B | undefined): void {
    this.values[index] = value;
  }

  get result(): B[] {
    return this.values.filter((value): value is B => value !== undefined);
  }
}

class Visited<A> extends Items<A, unknown, void> {
  readonly result = undefined;

  keep(): void {}
}

/** Checks the arguments and gives the limit; the list is copied, so that it may change afterwards. */
function limitOf(where: string, items: unknown, work: unknown, options: CollectOptions | undefined): number {
  const iterable = (items as { [Symbol.iterator]?: unknown } | null | undefined)?.[Symbol.iterator];
  if (typeof iterable !== "function") refuse(where, "items", "an array or another iterable", items);
  expectBody(where, "fn", work);
  expectOptions(where, options);
  const limit: unknown = options?.maxFibers ?? Infinity;
  if (typeof limit !== "number" || Number.isNaN(limit)) refuse(where, "options.maxFibers", "a number", limit);
  return limit;
}

/**
 * Calls `fn` for each item, each in a fiber of its own, and gives the results in the order of the items. Fibers start in order; with
 * `maxFibers`, the next one starts as soon as one ends. The last item is worked on in the calling fiber itself. When a call fails the
 * others are cancelled, and the failure is thrown when all have ended. An empty list gives an empty one without any check.
 *
 * Cancellation point on entry, and while waiting in the calls or for a free slot.
 *
 * @example
 * const pages = yield* Fiber.map(urls, (url) => download(url), { maxFibers: 10 });
 *
 * @param fn  gets the item and its index
 * @throws Failure when `maxFibers` is not positive
 * @throws the failure of a call, unchanged; `Multiple` when several fail with real errors
 */
export function map<A, B>(
  items: Iterable<A>,
  fn: (item: A, index: number) => Op<B>,
  options?: CollectOptions,
): Op<B[]> {
  const limit = limitOf("Fiber.map", items, fn, options);
  return group("Fiber.map", () => new Mapped([...items], fn, limit), siteOf(map));
}

/**
 * The items for which `fn` gives true, in their order; otherwise as {@link map}.
 *
 * @example
 * const alive = yield* Fiber.filter(urls, (url) => isAlive(url), { maxFibers: 10 });
 */
export function filter<A>(
  items: Iterable<A>,
  fn: (item: A, index: number) => Op<boolean>,
  options?: CollectOptions,
): Op<A[]> {
  const limit = limitOf("Fiber.filter", items, fn, options);
  return group("Fiber.filter", () => new Filtered([...items], fn, limit), siteOf(filter));
}

/**
 * {@link map}, leaving out the results that are undefined.
 *
 * @example
 * const titles = yield* Fiber.filterMap(urls, (url) => titleOf(url));
 */
export function filterMap<A, B>(
  items: Iterable<A>,
  fn: (item: A, index: number) => Op<B | undefined>,
  options?: CollectOptions,
): Op<B[]> {
  const limit = limitOf("Fiber.filterMap", items, fn, options);
  return group("Fiber.filterMap", () => new FilterMapped([...items], fn, limit), siteOf(filterMap));
}

/**
 * {@link map} without results.
 *
 * @example
 * yield* Fiber.forEach(files, (file) => upload(file), { maxFibers: 4 });
 */
export function forEach<A>(
  items: Iterable<A>,
  fn: (item: A, index: number) => Op<unknown>,
  options?: CollectOptions,
): Op<void> {
  const limit = limitOf("Fiber.forEach", items, fn, options);
  return group<void>("Fiber.forEach", () => new Visited([...items], fn, limit), siteOf(forEach));
}
