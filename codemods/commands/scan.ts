/** `trestle scan`: what asynchronous code there is and what a migration would make of it. Never writes. */

import { ExitCode } from "../failure.js";
import { analyse } from "./analysis.js";
import type { Invocation, ReadingOptions } from "./invocation.js";
import { printReport } from "./print-report.js";

export async function scan(
  invocation: Invocation,
  paths: readonly string[],
  options: ReadingOptions,
): Promise<ExitCode> {
  const { report } = await analyse(invocation, "scan", paths, options, false);
  printReport(invocation, { report, edits: [], paths, options });
  return ExitCode.ok;
}
