// The entry point of a program in a page or a web worker. It uses nothing but timers, so it serves wherever those are.

import { debugAsked, type DebugOptions } from "../debug/index.js";
import { expectBody, expectOptions } from "../engine/describe.js";
import { captureForkSite } from "../engine/fork-site.js";
import { hostLoop } from "../engine/host-loop.js";
import { expectNoFiber } from "../engine/nested-run.js";
import type { Op, Result } from "../engine/op.js";
import { startOn } from "../engine/root.js";
import type { Env } from "../env.js";
import { webEnv } from "./env.js";

/** The options of {@link run}. */
export interface RunOptions {
  /** Switches debug mode on or off, from here on and for all fibers of the page; see `setDebug`. */
  debug?: boolean | DebugOptions;
}

/**
 * Runs `main` as the main fiber, and gives a JavaScript promise of its value. Its first step runs at once.
 *
 * When `main` throws, the promise is rejected with that very error. A page never runs out of things to do, as it waits for its user:
 * that nobody will ever wake `main` cannot be known, and then the promise stays pending.
 *
 * @example
 * await run(function* (env) {
 *   yield* env.clock.sleep(0.1);
 *   console.log("done");
 * });
 *
 * @param main  is given the capabilities of the program
 * @throws NestedRunError  at once, inside a fiber: `yield*` the body there, or use `toPromise`
 * @throws TypeError when `main` is not a function, or is an async one
 */
export function run<T>(main: (env: Env) => Op<T>, options?: RunOptions): Promise<T> {
  expectBody("run", "main", main);
  expectOptions("run", options);
  debugAsked("run", options);
  expectNoFiber("run");
  const site = captureForkSite(run, undefined);
  return new Promise<T>((resolve, reject) => {
    const onDone = (outcome: Result<T>) => {
      if (outcome.ok) resolve(outcome.value);
      else reject(outcome.error);
    };
    startOn<T>(hostLoop, () => main(webEnv), { name: main.name || "main", onDone }, site);
  });
}
