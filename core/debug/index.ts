// `trestle/debug`: looking for mistakes that a program does not notice. Off, it costs nothing; on, it may cost a lot.

import { expectFunction, expectNumber, refuse } from "../engine/describe.js";
import { captureAllForkSites } from "../engine/fork-site.js";
import { now } from "../engine/platform.js";
import { watchCallbacks } from "./callbacks.js";
import { watchExit } from "./exit.js";
import { reportTo, type Finding } from "./finding.js";
import { watchOps } from "./ops.js";
import { watchOwned } from "./owned.js";
import { watchSteps } from "./steps.js";
import { watchWorlds } from "./worlds.js";

export type { Finding } from "./finding.js";

/** The options of {@link setDebug}. */
export interface DebugOptions {
  /** How long one step of a fiber may take, in seconds. By default 0.1; `Infinity` is no limit. */
  blockedAfter?: number;
  /**
   * Report what foreign things a switch still has when it ends, and where they were made: subscriptions, listeners, streams, workers. The
   * switch closes them, so this is no mistake as such; it tells what keeps growing in a switch that lives long. Default false.
   */
  owned?: boolean;
  /** Is given what was found; by default it goes to `console.warn`, a line each. */
  report?: (finding: Finding) => void;
}

const DEFAULT_LIMIT = 0.1;

let end: (() => void) | undefined;

/** @internal Does what the options of an entry point say about debug mode, if anything. */
export function debugAsked(where: string, options: { debug?: boolean | DebugOptions } | undefined): void {
  const asked = options?.debug;
  if (asked === undefined) return;
  expectDebug(where, "options.debug", asked);
  configure(asked, now);
}

function expectDebug(where: string, argument: string, received: unknown): void {
  if (typeof received === "boolean") return;
  if (typeof received !== "object" || received === null) {
    refuse(where, argument, "a boolean or an object with options", received);
  }
  const { blockedAfter, owned, report } = received as Record<keyof DebugOptions, unknown>;
  if (blockedAfter !== undefined) expectNumber(where, `${argument}.blockedAfter`, blockedAfter);
  if (owned !== undefined && typeof owned !== "boolean") refuse(where, `${argument}.owned`, "a boolean", owned);
  if (report !== undefined) expectFunction(where, `${argument}.report`, report);
}

/**
 * Switches debug mode on or off, for all fibers of the process. It is on from the start in a process with `TRESTLE_DEBUG=1` in its
 * environment. In debug mode mistakes are reported that are silent otherwise, each once for a place in the source:
 *
 * - an op that nobody runs, because `yield*` was forgotten: operations of the library, and calls of functions that were marked with
 *   `fiber` while debug mode was on (of others only the lint rule knows);
 * - a generator that is run again, which does nothing;
 * - a `function*` as the callback of `forEach`, `setTimeout` and the like, and an op that such a callback returns;
 * - a step of a fiber that keeps the thread for long;
 * - a fiber that waits for a promise which it has made of fiber code itself (`fromPromise(toPromise(...))`);
 * - fibers that still wait, unwatched, when the process has nothing left to do.
 *
 * Each fork is also reported with its place, however many there are. Fibers run in the same order as without debug mode, but slower:
 * making an op costs some ten microseconds.
 *
 * @example
 * const findings: string[] = [];
 * setDebug({ report: ({ message }) => findings.push(message) });
 * mock.run(function* ({ clock }) {
 *   clock.sleep(1); // the star is missing, and the yield
 * });
 * setDebug(false);
 * findings.length; // => 1
 */
export function setDebug(options: boolean | DebugOptions): void {
  expectDebug("setDebug", "options", options);
  configure(options, now);
}

/** @internal {@link setDebug} with a clock, in milliseconds. */
export function configure(options: boolean | DebugOptions, clock: () => number): void {
  end?.();
  end = undefined;
  if (options === false) return;
  const { blockedAfter = DEFAULT_LIMIT, owned = false, report } = options === true ? {} : options;
  reportTo(report);
  captureAllForkSites(true);
  const ends = [watchOps(), watchCallbacks(), watchSteps(blockedAfter, clock), watchExit(), watchWorlds()];
  if (owned) ends.push(watchOwned());
  end = () => {
    for (const stop of ends.reverse()) stop();
    captureAllForkSites(false);
  };
}

interface WithEnvironment {
  process?: { env?: { TRESTLE_DEBUG?: string } };
}

const asked = (globalThis as WithEnvironment).process?.env?.TRESTLE_DEBUG;
if (asked && asked !== "0") setDebug(true);
