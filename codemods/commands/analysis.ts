/** What `scan` and `migrate` have in common: plan the migration, and turn it into edits that fit what is on the disk. */

import { dirname } from "node:path";
import { ExitCode, MigrationError } from "../failure.js";
import { prepareEdits, type FileEdit } from "../file-edit.js";
import { changedSince } from "../git.js";
import { findJournalRoot } from "../journal.js";
import { addDependencies, findManifest } from "../manifest.js";
import { installCommand } from "../package-manager.js";
import type { PlanRequest } from "../migrate.js";
import type { MigrationPlan } from "../plan.js";
import { noProgress, showProgress } from "../progress.js";
import { createReport, type InstallStep, type Report } from "../report/report.js";
import { secondsBetween } from "../seconds.js";
import { version } from "../version.js";
import { remark, type Invocation, type ReadingOptions } from "./invocation.js";
import { requireKnownFormats } from "./print-report.js";
import { journalStarts, settleInterruptedRun } from "./recover.js";

/** What a command asks for beyond its options. */
export type Extra = Pick<PlanRequest, "only" | "leave" | "batch" | "survey" | "explain">;

export interface Analysis {
  readonly plan: MigrationPlan;
  /** Created, and its sums checked, before anything is written. */
  readonly report: Report;
  /** Every file of the plan that really changes, and the package.json if it does. */
  readonly edits: readonly FileEdit[];
}

export async function analyse(
  invocation: Invocation,
  command: Report["command"],
  paths: readonly string[],
  options: ReadingOptions,
  mayWrite: boolean,
  selection: Extra = {},
): Promise<Analysis> {
  const start = performance.now();
  const { io, engine } = invocation;
  requireKnownFormats(options);
  const settle = (starts: readonly string[]) => settleInterruptedRun(invocation, starts, mayWrite, options.quiet);
  await settle(journalStarts(io.cwd, paths, options.project));
  let plan = await planned(invocation, paths, options, selection);
  // The root is known only now, and what was left there may just have been analysed.
  if (findJournalRoot([plan.root]) !== undefined && (await settle([plan.root]))) {
    plan = await planned(invocation, paths, options, selection);
  }

  for (const text of plan.remarks ?? []) remark(invocation, options, text);
  const manifest = plan.changes.length > 0 ? findManifest(plan.root) : undefined;
  const addition = manifest === undefined ? undefined : addDependencies(manifest, plan.packages, `^${version}`);
  const edits = await prepareEdits([...plan.changes, ...(addition ? [addition.change] : [])], engine.fs);
  const install: InstallStep = {
    ...(manifest && { manifest }),
    added: addition?.added ?? [],
    ...(manifest && addition && { command: installCommand(dirname(manifest)) }),
  };
  const { verbose: _, ...shown } = options;
  const report = createReport({
    command,
    options: { paths, ...shown },
    plan,
    edits,
    install,
    seconds: secondsBetween(start, performance.now()),
  });
  return { plan, report, edits };
}

async function planned(
  { io, engine }: Invocation,
  paths: readonly string[],
  options: ReadingOptions,
  selection: Extra,
): Promise<MigrationPlan> {
  const { project, exclude, symbol, level, since, batchSize, allowBaselineErrors, quiet } = options;
  const onlyFiles = since === undefined ? undefined : await changedSince(since, io.cwd);
  const progress = quiet ? noProgress : showProgress(io.stderr);
  try {
    const request: PlanRequest = {
      cwd: io.cwd,
      paths,
      exclude,
      onlyFiles,
      symbols: symbol,
      level,
      batchSize,
      ...selection,
      allowBaselineErrors,
      onProgress: (step) => progress.update(step),
      ...(project !== undefined && { project }),
      ...(io.signal && { signal: io.signal }),
    };
    return await untilInterrupted(engine.planMigration(request), io.signal);
  } finally {
    progress.stop();
  }
}

/** Settles like `work`, or fails as soon as the signal fires, even if the work goes on. */
async function untilInterrupted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  let interrupt: (() => void) | undefined;
  const interruption = new Promise<never>((_, fail) => {
    interrupt = () => fail(new MigrationError(ExitCode.interrupted, "interrupted; nothing was changed"));
    if (signal.aborted) interrupt();
    signal.addEventListener("abort", interrupt);
  });
  try {
    return await Promise.race([work, interruption]);
  } finally {
    signal.removeEventListener("abort", interrupt!);
  }
}
