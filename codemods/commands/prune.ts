/** `trestle prune`: takes away façades that nobody uses any more. A dry run, unless `--write` is given. */

import { relative, sep } from "node:path";
import { ExitCode } from "../failure.js";
import { prepareEdits } from "../file-edit.js";
import { requireCommitted } from "../git.js";
import { noProgress, showProgress } from "../progress.js";
import type { PrunePlan } from "../prune/plan.js";
import { unifiedDiff } from "../report/unified-diff.js";
import { paintFor } from "../terminal.js";
import { remark, type Invocation, type MigrateOptions } from "./invocation.js";
import { journalStarts, settleInterruptedRun } from "./recover.js";
import { writeEdits } from "./write.js";

export interface PruneOptions extends Pick<
  MigrateOptions,
  "project" | "exclude" | "allowBaselineErrors" | "quiet" | "write" | "allowDirty" | "allowNoGit"
> {
  readonly exported: boolean;
  readonly rename: boolean;
}

export async function prune(
  invocation: Invocation,
  paths: readonly string[],
  options: PruneOptions,
): Promise<ExitCode> {
  const { io, engine } = invocation;
  await settleInterruptedRun(invocation, journalStarts(io.cwd, paths, options.project), options.write, options.quiet);
  const plan = await planned(invocation, paths, options);
  for (const text of plan.remarks) remark(invocation, options, text);
  const edits = await prepareEdits(plan.changes, engine.fs);
  if (options.write && edits.length > 0) {
    const files = edits.map(({ path }) => path);
    for (const warning of await requireCommitted(files, options, io.cwd)) remark(invocation, options, warning);
    await writeEdits(invocation, { edits, report: { root: plan.root } }, options);
  } else if (edits.length > 0 && !options.quiet) {
    io.stdout.write(`${unifiedDiff(plan.root, edits, paintFor(io.stdout, io.env))}\n`);
  }
  io.stdout.write(summary(plan, options.write));
  return ExitCode.ok;
}

async function planned(
  { io }: Invocation,
  paths: readonly string[],
  { project, exclude, allowBaselineErrors, exported, rename, quiet }: PruneOptions,
): Promise<PrunePlan> {
  const progress = quiet ? noProgress : showProgress(io.stderr);
  try {
    const { planPrune } = await import("../prune/plan.js");
    return await planPrune({
      cwd: io.cwd,
      paths,
      project,
      exclude,
      allowBaselineErrors,
      exported,
      rename,
      onProgress: (step) => progress.update(step),
    });
  } finally {
    progress.stop();
  }
}

function summary({ root, pruned, fused, kept }: PrunePlan, written: boolean): string {
  const place = (file: string, line: number): string => `${relative(root, file).split(sep).join("/")}:${line}`;
  const lines =
    pruned.length === 0
      ? ["There is no façade to remove."]
      : [written ? "Removed façades" : "Façades to be removed; --write does it"];
  for (const { name, fiberName, renamed, file, line } of pruned) {
    const then = renamed ? `${fiberName} is called ${name} again` : `${fiberName} stays`;
    lines.push(`  ${name}  ${place(file, line)}  ${then}`);
  }
  if (fused.length > 0) lines.push(written ? "Bridges taken away" : "Bridges to be taken away");
  for (const { name, file, line } of fused) lines.push(`  ${name}  ${place(file, line)}`);
  if (kept.length > 0) lines.push("Façades that stay");
  for (const { name, file, line, why } of kept) lines.push(`  ${name}  ${place(file, line)}  ${why}`);
  return `${lines.join("\n")}\n`;
}
