// Several bodies at once, all of whose results are wanted.

import { expectBody, refuse } from "./engine/describe.js";
import type { Body, Op } from "./engine/op.js";
import { siteOf } from "./fork.js";
import { group, type Jobs } from "./group.js";

class Bodies<R> implements Jobs<R> {
  readonly limit = Infinity;
  readonly count: number;
  private readonly bodies: readonly Body<unknown>[];
  private readonly results: unknown[] | undefined;

  constructor(bodies: readonly Body<unknown>[], wanted: boolean) {
    this.bodies = bodies;
    this.count = bodies.length;
    this.results = wanted ? new Array<unknown>(bodies.length) : undefined;
  }

  start(index: number): Op<unknown> {
    const body = this.bodies[index]!;
    return body();
  }

  nameOf(index: number): string | undefined {
    return this.bodies[index]!.name || undefined;
  }

  keep(index: number, value: unknown): void {
    if (this.results) this.results[index] = value;
  }

  get result(): R {
    return this.results as R;
  }
}

/** The results of a list of bodies, in their order. */
export type Results<Bodies extends readonly Body<unknown>[]> = {
  -readonly [I in keyof Bodies]: Bodies[I] extends Body<infer T> ? T : never;
};

/** @internal */
export function expectBodies(where: string, bodies: unknown): void {
  if (!Array.isArray(bodies)) refuse(where, "bodies", "an array of functions returning ops", bodies);
  bodies.forEach((body, i) => expectBody(where, `bodies[${i}]`, body));
}

/**
 * Runs `f` and `g` at once and waits for both. `f` starts immediately, then `g`, in the calling fiber itself, both ahead of what is
 * queued. If one fails the other is cancelled (`g` is not even started if `f` fails before it suspends), and the failure is thrown
 * when both have ended. Cancellation point on entry, and while waiting in the bodies.
 *
 * @example
 * yield* Fiber.both(
 *   () => upload("report.txt"),
 *   () => download(url),
 * );
 *
 * @throws the failure of a body, unchanged; `Multiple` when both fail with real errors
 */
export function both(f: Body<unknown>, g: Body<unknown>): Op<void> {
  expectBody("Fiber.both", "f", f);
  expectBody("Fiber.both", "g", g);
  return group<void>("Fiber.both", () => new Bodies<void>([f, g], false), siteOf(both));
}

/**
 * {@link both}, giving the two results, that of `f` first.
 *
 * @example
 * const [user, posts] = yield* Fiber.pair(
 *   () => loadUser("ada"),
 *   () => loadPosts("ada"),
 * );
 * user.name; // => "Ada"
 */
export function pair<A, B>(f: Body<A>, g: Body<B>): Op<[A, B]> {
  expectBody("Fiber.pair", "f", f);
  expectBody("Fiber.pair", "g", g);
  return group<[A, B]>("Fiber.pair", () => new Bodies<[A, B]>([f, g], true), siteOf(pair));
}

/**
 * {@link both} for any number of bodies: starts them in order, waits for all, and gives their results in the same order. A body is
 * started only if none before it has failed. With no bodies it returns at once, without a check.
 *
 * @example
 * const [user, posts] = yield* Fiber.all([() => loadUser("ada"), () => loadPosts("ada")]);
 * const pages = yield* Fiber.all(urls.map((url) => () => download(url)));
 */
export function all<Bodies extends readonly Body<unknown>[] | []>(bodies: Bodies): Op<Results<Bodies>> {
  expectBodies("Fiber.all", bodies);
  return group("Fiber.all", () => new Bodies<Results<Bodies>>(bodies, true), siteOf(all));
}
