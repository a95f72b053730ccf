// @ts-check
// What `npm run size` bundles: each subpath alone, the set that has a bar, and what compares to that set elsewhere.

import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * @typedef {object} Bundle
 * @property {string} name  for `--only` and the table
 * @property {string} program  what is bundled
 * @property {number} [most]  in bytes, compressed
 */

/** A whole program: two fibers in a scope, one waits for the other with a permit, then both are stopped. */
const small = {
  trestle: `
    import { Deferred, Fiber, Semaphore, Switch } from "trestle";
    import { toPromise } from "@trestle/bridges";
    toPromise(() => Switch.run(function* (sw) {
      const [cell, resolver] = Deferred.create();
      const slots = new Semaphore(1);
      yield* Fiber.forkDaemon(sw, () => Fiber.awaitCancel());
      yield* Fiber.fork(sw, () => slots.use(function* () { resolver.resolve(1); }));
      return yield* cell.await();
    })).then(console.log);`,
  effect: `
    import { Deferred, Effect, Semaphore } from "effect";
    Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const cell = yield* Deferred.make();
      const slots = yield* Semaphore.make(1);
      yield* Effect.forkScoped(Effect.never);
      yield* Effect.forkScoped(slots.withPermits(1)(Deferred.succeed(cell, 1)));
      return yield* Deferred.await(cell);
    }))).then(console.log);`,
  effection: `
    import { run, spawn, suspend, withResolvers } from "effection";
    run(function* () {
      const { operation, resolve } = withResolvers();
      yield* spawn(() => suspend());
      yield* spawn(function* () { resolve(1); });
      return yield* operation;
    }).then(console.log);`,
};

/** What Effect has for the names of the set that has a bar. */
const effectNames = `
  import { Deferred, Effect, Fiber, Scope, Semaphore } from "effect";
  export const names = [
    Effect.gen, Effect.runFork, Effect.runPromise,
    Effect.forkChild, Effect.forkIn, Effect.forkScoped, Effect.forkDetach, Fiber.join, Fiber.await, Fiber.interrupt,
    Effect.all, Effect.race, Effect.raceFirst, Effect.raceAll, Effect.forEach, Effect.filter, Effect.filterMap,
    Effect.yieldNow, Effect.never, Effect.scoped, Effect.addFinalizer, Scope.make, Scope.close,
    Effect.interruptible, Effect.uninterruptible, Effect.uninterruptibleMask, Effect.onInterrupt,
    Deferred.make, Deferred.await, Deferred.succeed, Deferred.fail, Deferred.isDone,
    Semaphore.make,
  ];`;

/** The set that has a bar: fibers, switches and synchronisation. */
export const CORE = "Fiber, Switch, Deferred, Semaphore, Cancel";

/** @type {Bundle[]} */
export const compared = [
  { name: CORE, program: `export { Fiber, Switch, Deferred, Semaphore, Cancel } from "trestle";`, most: 6_000 },
  {
    name: "the same with run",
    program: `export { Fiber, Switch, Deferred, Semaphore, Cancel } from "trestle"; export { run } from "trestle/node";`,
  },
  { name: "the same names of effect", program: effectNames },
  { name: "all of effection", program: `export * from "effection";` },
  { name: "a small program", program: small.trestle },
  { name: "a small program, effect", program: small.effect },
  { name: "a small program, effection", program: small.effection },
];

/**
 * Each subpath of the package, whole.
 * @returns {Bundle[]}
 */
export function subpaths() {
  const manifest = join(import.meta.dirname, "..", "..", "core", "package.json");
  const { exports } = /** @type {{ exports: Record<string, unknown> }} */ (JSON.parse(readFileSync(manifest, "utf8")));
  return Object.keys(exports)
    .filter((subpath) => subpath !== "./package.json")
    .map((subpath) => {
      const name = `trestle${subpath.slice(1)}`;
      return { name, program: `export * from "${name}";` };
    });
}
