/** `trestle plan`: the batches of a migration, in an order in which each leaves a sound program. Never writes. */

import { ExitCode } from "../failure.js";
import { analyse } from "./analysis.js";
import type { Invocation, ReadingOptions } from "./invocation.js";
import { printReport } from "./print-report.js";

export async function plan(
  invocation: Invocation,
  paths: readonly string[],
  options: ReadingOptions,
): Promise<ExitCode> {
  const { report, edits } = await analyse(invocation, "plan", paths, options, false, { survey: true });
  await printReport(invocation, { report, edits, showsDiff: false, paths, options });
  return ExitCode.ok;
}
