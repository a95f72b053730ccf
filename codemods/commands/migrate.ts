/** `trestle migrate`: shows what a migration would change, or, with `--write`, changes it: all files or none. */

import { ExitCode } from "../failure.js";
import { requireCommitted } from "../git.js";
import { asWritten } from "../report/report.js";
import { secondsBetween } from "../seconds.js";
import { analyse } from "./analysis.js";
import { accepted, requireTerminal } from "./interactive.js";
import { remark, type Invocation, type MigrateOptions } from "./invocation.js";
import { printReport } from "./print-report.js";
import { landVerified } from "./verified.js";
import { writeEdits } from "./write.js";

export async function migrate(
  invocation: Invocation,
  paths: readonly string[],
  options: MigrateOptions,
): Promise<ExitCode> {
  const start = performance.now();
  if (options.interactive === true) requireTerminal(invocation);
  const all = await analyse(invocation, "migrate", paths, options, options.write, {
    batch: options.batch,
  });
  const asks = options.interactive === true && all.edits.length > 0;
  const first = asks ? await accepted(invocation, all, paths, options) : all;
  if (!options.write || first.edits.length === 0) {
    if (options.verify !== undefined && first.edits.length > 0) {
      remark(invocation, options, "nothing is verified without --write, since the command runs on the changed files");
    }
    const { report, edits } = first;
    await printReport(invocation, { report, edits, showsDiff: !options.quiet, paths, options });
    return ExitCode.ok;
  }

  const files = first.edits.map((edit) => edit.path);
  for (const warning of await requireCommitted(files, options, invocation.io.cwd)) remark(invocation, options, warning);
  const { verify } = options;
  const landed =
    verify === undefined
      ? await writeEdits(invocation, first, options)
      : await landVerified(invocation, { first, paths, options, command: verify });
  await printReport(invocation, {
    report: asWritten(landed.report, secondsBetween(start, performance.now())),
    edits: landed.edits,
    showsDiff: false,
    paths,
    options,
  });
  return ExitCode.ok;
}
