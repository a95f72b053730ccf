// The entry point of a program on Node and what is compatible with it.

import { debugAsked, type DebugOptions } from "../debug/index.js";
import { giveUp } from "../engine/deadlock.js";
import { expectBody, expectOptions, refuse } from "../engine/describe.js";
import { captureForkSite } from "../engine/fork-site.js";
import { hostLoop } from "../engine/host-loop.js";
import { expectNoFiber } from "../engine/nested-run.js";
import type { Op, Result } from "../engine/op.js";
import { startOn, type RootFiber } from "../engine/root.js";
import { nodeEnv, type NodeEnv } from "./env.js";
import { endIdleThreads } from "./run-in-thread.js";
import { recordTo } from "./trace-file.js";

interface Running {
  readonly root: RootFiber;
  readonly reject: (error: unknown) => void;
}

const running = new Set<Running>();

function watch(entry: Running): void {
  if (running.size === 0) process.on("beforeExit", onBeforeExit);
  running.add(entry);
}

function forget(entry: Running): void {
  running.delete(entry);
  if (running.size > 0) return;
  process.off("beforeExit", onBeforeExit);
  endIdleThreads();
}

/** The platform is about to exit for want of anything to do: what still waits, waits for ever. */
function onBeforeExit(): void {
  const stuck = [...running];
  running.clear();
  process.off("beforeExit", onBeforeExit);
  // Whoever catches the error may only print it; the program has failed all the same.
  process.exitCode ??= 1;
  // Nobody in particular threw it: a stack of ours would only hide the list.
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  for (const { root, reject } of stuck) reject(giveUp(root.context));
  Error.stackTraceLimit = limit;
}

/** The options of {@link run}. */
export interface RunOptions {
  /**
   * A file to write a trace of the run to, when it has ended or the process exits: the latest 65,536 events, for
   * https://ui.perfetto.dev or chrome://tracing.
   */
  trace?: string;
  /** Switches debug mode on or off, from here on and for all fibers of the process; see `setDebug`. */
  debug?: boolean | DebugOptions;
}

/**
 * Runs `main` as the main fiber, and gives a JavaScript promise of its value. Its first step runs at once.
 *
 * When `main` throws, the promise is rejected with that very error. When the process has nothing left to do and `main` still waits,
 * the promise is rejected with `DeadlockDetected`, which lists the waiting fibers, instead of the process ending silently; its exit
 * code becomes 1, unless one was set, or is set where the error is caught.
 *
 * @example
 * await run(function* (env) {
 *   yield* env.clock.sleep(0.1);
 *   console.log("done");
 * });
 *
 * @param main  is given the capabilities of the program
 * @throws NestedRunError  at once, inside a fiber: `yield*` the body there, or use `toPromise`
 */
export function run<T>(main: (env: NodeEnv) => Op<T>, options?: RunOptions): Promise<T> {
  expectBody("run", "main", main);
  expectOptions("run", options);
  const trace: unknown = options?.trace;
  if (trace !== undefined && typeof trace !== "string") refuse("run", "options.trace", "the path of a file", trace);
  debugAsked("run", options);
  expectNoFiber("run");
  const site = captureForkSite(run, undefined);
  const saveTrace = trace === undefined ? undefined : recordTo(trace);
  return new Promise<T>((resolve, fail) => {
    const reject = (error: unknown) => {
      saveTrace?.();
      fail(error);
    };
    let entry: Running | undefined = undefined;
    let ended = false;
    const onDone = (outcome: Result<T>) => {
      ended = true;
      if (entry) forget(entry);
      if (!outcome.ok) return reject(outcome.error);
      saveTrace?.();
      resolve(outcome.value);
    };
    const root = startOn<T>(hostLoop, () => main(nodeEnv), { name: main.name || "main", onDone }, site);
    if (ended) return;
    entry = { root, reject };
    watch(entry);
  });
}
