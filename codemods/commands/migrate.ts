/** `trestle migrate`: shows what a migration would change, or, with `--write`, changes it: all files or none. */

import { ExitCode } from "../failure.js";
import type { FileEdit } from "../file-edit.js";
import { requireCommitted } from "../git.js";
import { noProgress, showProgress } from "../progress.js";
import { replaceFiles } from "../transaction.js";
import { asWritten } from "../report/report.js";
import { analyse, secondsSince } from "./analysis.js";
import { remark, type Invocation, type MigrateOptions } from "./invocation.js";
import { printReport } from "./print-report.js";

export async function migrate(
  invocation: Invocation,
  paths: readonly string[],
  options: MigrateOptions,
): Promise<ExitCode> {
  const start = performance.now();
  const { report, edits } = await analyse(invocation, "migrate", paths, options, options.write);
  if (options.write && edits.length > 0) {
    await apply(invocation, report.root, edits, options);
    printReport(invocation, { report: asWritten(report, secondsSince(start)), edits: [], paths, options });
  } else {
    printReport(invocation, { report, edits: options.quiet ? [] : edits, paths, options });
  }
  return ExitCode.ok;
}

async function apply(
  invocation: Invocation,
  root: string,
  edits: readonly FileEdit[],
  options: MigrateOptions,
): Promise<void> {
  const { io, engine } = invocation;
  const files = edits.map((edit) => edit.path);
  for (const warning of await requireCommitted(files, options, io.cwd)) remark(invocation, options, warning);

  const progress = options.quiet ? noProgress : showProgress(io.stderr);
  try {
    await replaceFiles(edits, {
      root,
      fs: engine.fs,
      signal: io.signal,
      onProgress: (step) => progress.update(step),
    });
  } finally {
    progress.stop();
  }
}
