// Where a fiber was forked, for reports. Looking at the stack costs more than a fork, so in a flood of forks most go without.

import { now } from "./platform.js";
import { firstPlace, placesIn } from "./stack-text.js";

/** An unformatted stack; formatting waits until somebody reads it. */
export interface ForkSite {
  readonly stack?: string;
}

interface CapturingError {
  captureStackTrace?(target: object, above: unknown): void;
  stackTraceLimit?: number;
}

const v8 = Error as CapturingError;

/** Captures allowed in one period; at one to a few microseconds each they stay below two hundredths of the time. */
const PER_PERIOD = 64;
const PERIOD_MS = 10;
/** After the allowance is used up, the clock is read once in so many forks. */
const CLOCK_EVERY = 64;

/** Debug mode spares no cost. */
let unlimited = false;
let left = PER_PERIOD;
let skipped = 0;
let periodStart = now();

/** Has every fork site looked up from now on, or only as many as are affordable. */
export function captureAllForkSites(all: boolean): void {
  unlimited = all;
}

function affordable(): boolean {
  if (left === 0) {
    if (++skipped % CLOCK_EVERY !== 0) return false;
    const time = now();
    if (time - periodStart < PERIOD_MS) return false;
    periodStart = time;
    left = PER_PERIOD;
  }
  left--;
  return true;
}

/** A number of captures to use up, in place of what the clock allows: the mock world reports the same on every run. */
export interface SiteAllowance {
  sites: number;
}

/** The place that called `above`, or undefined when many forks happen at once. */
export function captureForkSite(above: { name: string }, allowance: SiteAllowance | undefined): ForkSite | undefined {
  if ((allowance ? allowance.sites-- <= 0 : !affordable()) && !unlimited) return undefined;
  if (!v8.captureStackTrace) return new WholeStack(new Error(), above.name);
  const limit = v8.stackTraceLimit;
  v8.stackTraceLimit = 1;
  const site = {};
  v8.captureStackTrace(site, above);
  v8.stackTraceLimit = limit;
  return site;
}

/** For engines that cannot capture a stack from a given function on: the frame below that function is looked for by name. */
class WholeStack implements ForkSite {
  private readonly error: Error;
  private readonly above: string;

  constructor(error: Error, above: string) {
    this.error = error;
    this.above = above;
  }

  get stack(): string | undefined {
    const frames = placesIn(this.error.stack);
    const at = frames.findIndex((frame) => functionIn(frame) === this.above);
    return at < 0 ? undefined : frames[at + 1];
  }
}

/** "fork" in "at Module.fork [as start] (file:1:2)" and in "fork@file:1:2". */
function functionIn(frame: string): string | undefined {
  return /([\w$]+)(?: \[as .*?\])?(?: \(|@)/.exec(frame)?.[1];
}

/** "file:line:column", or undefined when the stack says nothing. */
export function formatForkSite(site: ForkSite | undefined): string | undefined {
  return firstPlace(site?.stack);
}
