/** `trestle scan`: what asynchronous code there is and what a migration would make of it. Never writes. */

import { ExitCode } from "../failure.js";
import { analyse } from "./analysis.js";
import type { Invocation, ScanOptions } from "./invocation.js";
import { printReport } from "./print-report.js";

export async function scan(invocation: Invocation, paths: readonly string[], options: ScanOptions): Promise<ExitCode> {
  const { report, edits } = await analyse(invocation, "scan", paths, options, false);
  await printReport(invocation, { report, edits, showsDiff: false, paths, options });
  if (!options.check) return ExitCode.ok;
  const { already, found, converted } = report.totals.functions;
  const complaint = options.min === undefined ? workLeft(converted) : tooLittle(already, already + found, options.min);
  if (complaint === undefined) return ExitCode.ok;
  invocation.io.stderr.write(`trestle: ${complaint}\n`);
  return ExitCode.workRemains;
}

function workLeft(count: number): string | undefined {
  if (count === 0) return undefined;
  return `${count === 1 ? "1 function" : `${count} functions`} could be migrated; run \`trestle migrate\``;
}

/** The share is that of the sources as they are, not as they would be. */
function tooLittle(direct: number, all: number, min: number): string | undefined {
  const share = all === 0 ? 1 : direct / all;
  if (share >= min) return undefined;
  // Rounded down, so that what is shown is never the share that was asked for.
  const shown = Math.floor(share * 1000) / 10;
  return `${direct} of ${all} functions are direct style (${shown} %); at least ${Math.round(min * 1000) / 10} % must be`;
}
