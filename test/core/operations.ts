// Counts what a program does inside the library: how often each block of its code is entered. Unlike time, the count is the same on
// every run and every machine.
//
// Import this before the library: only code that is compiled afterwards counts its blocks.

import { Session, type Profiler } from "node:inspector";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";

const core = join(import.meta.dirname, "..", "..", "core");

const session = new Session();
session.connect();
ask("Profiler.enable");
ask("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
// Optimised code does not count the calls of functions.
setFlagsFromString("--no-opt");
setFlagsFromString("--no-maglev");

function ask<T>(method: string, parameters: object = {}): T {
  let answer: T | undefined;
  // A session with one's own thread answers before it returns.
  session.post(method, parameters, (error: Error | null, result?: object) => {
    if (error) throw error;
    answer = result as T;
  });
  return answer!;
}

/** The counts since the last call. */
function take(): Profiler.ScriptCoverage[] {
  return ask<Profiler.TakePreciseCoverageReturnType>("Profiler.takePreciseCoverage").result;
}

/** How many blocks of the library's code are entered while `work` runs. What loops inside a built-in function counts as one. */
export function operations(work: () => void): number {
  take();
  work();
  return take()
    .filter((script) => script.url.includes(core))
    .flatMap((script) => script.functions)
    .flatMap((fn) => fn.ranges)
    .reduce((sum, range) => sum + range.count, 0);
}
