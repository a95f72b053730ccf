/**
 * `trestle migrate --write --verify "<command>"`: lands what the command accepts. When it fails with everything
 * changed, everything is put back, halves of the groups are tried until those that make it fail are known, and the
 * rest is written.
 */

import { bisect } from "../bisect.js";
import { ExitCode, MigrationError } from "../failure.js";
import type { MigrationPlan, Reason } from "../plan.js";
import { convertedGroups, type Group } from "../groups.js";
import { isInstalled } from "../installed.js";
import { noProgress, showProgress } from "../progress.js";
import { runCommand, type CommandOutcome } from "../verify-command.js";
import { analyse, type Analysis } from "./analysis.js";
import { remark, type Invocation, type MigrateOptions } from "./invocation.js";
import { writeEdits } from "./write.js";

export interface VerifiedLanding {
  /** With everything that is selected. */
  readonly first: Analysis;
  readonly paths: readonly string[];
  readonly options: MigrateOptions;
  readonly command: string;
}

/** The tree was tried and is put back. */
class TrialOver extends MigrationError {
  readonly outcome: CommandOutcome;

  constructor(outcome: CommandOutcome) {
    super(ExitCode.rolledBack, `the command ${outcome.ending}`);
    this.outcome = outcome;
  }
}

/** @returns the analysis of what was written, which holds a reason for what was not */
export async function landVerified(invocation: Invocation, landing: VerifiedLanding): Promise<Analysis> {
  const { first, paths, options, command } = landing;
  const { io } = invocation;
  const say = (text: string): void => remark(invocation, options, text);
  const limit = await requireGreen(invocation, landing);
  const run = (): Promise<CommandOutcome> => runCommand(command, { cwd: io.cwd, signal: io.signal, limit });

  const red = await tried(invocation, first, options, async () => {
    const outcome = await run();
    if (!outcome.green) throw new TrialOver(outcome);
  });
  if (red === undefined) return first;
  requireInstalled(first.plan, command, red);

  const groups = convertedGroups(first.plan);
  // With a batch the others are not selected; numbering batches anew would select them.
  const only = groups.flatMap(({ functions }) => functions.map(({ file, start }) => ({ file, start })));
  say(`the command ${red.ending} with all changes; every file was put back. It ended with:\n${red.output.trimEnd()}`);
  say(`looking for the cause among ${groups.length} groups of functions`);
  const failures = new Map<number, CommandOutcome>();
  const { sound, guilty } = await bisect(groups, async (kept) => {
    const trial = await analysisOf(kept, new Map());
    const outcome = trial.edits.length === 0 ? undefined : await outcomeOf(trial);
    const [newest] = kept.slice(-1);
    if (outcome !== undefined && !outcome.green && newest !== undefined) failures.set(newest.id, outcome);
    return outcome === undefined || outcome.green;
  });

  const reasons = new Map(guilty.map((group) => [group, reasonFor(group, failures.get(group.id) ?? red, command)]));
  for (const { message } of reasons.values()) say(message);
  if (sound.length === 0) {
    throw new MigrationError(
      ExitCode.rolledBack,
      `\`${command}\` accepts none of the changes; every file was put back as it was`,
    );
  }
  const accepted = await analysisOf(sound, reasons);
  const report = { ...accepted.report, options: first.report.options };
  return writeEdits(invocation, { ...accepted, report }, options);

  function analysisOf(kept: readonly Group[], reasons: ReadonlyMap<Group, Reason>): Promise<Analysis> {
    const ids = new Set(kept.map(({ id }) => id));
    const leave = groups
      .filter(({ id }) => !ids.has(id))
      .flatMap((group) => {
        const reason = reasons.get(group) ?? { code: "TR1804" as const, message: `${group.name}: not tried this time` };
        return group.functions.map(({ file, start }) => ({ file, start, reason }));
      });
    return analyse(invocation, "migrate", paths, { ...options, quiet: true }, true, { leave, only });
  }

  async function outcomeOf(analysis: Analysis): Promise<CommandOutcome | undefined> {
    return tried(invocation, analysis, options, async () => {
      throw new TrialOver(await run());
    });
  }
}

/** What the changes met, if they were put back. */
async function tried(
  invocation: Invocation,
  analysis: Analysis,
  options: MigrateOptions,
  confirm: () => Promise<void>,
): Promise<CommandOutcome | undefined> {
  try {
    await writeEdits(invocation, analysis, options, confirm);
    return undefined;
  } catch (error) {
    if (error instanceof TrialOver) return error.outcome;
    throw error;
  }
}

function reasonFor(group: Group, { ending }: CommandOutcome, command: string): Reason {
  return { code: "TR1812", message: `${group.name}: with it converted, \`${command}\` ${ending}` };
}

/** @returns the seconds to wait for the command from now on: a migrated program may wait for ever */
async function requireGreen(invocation: Invocation, { options, command }: VerifiedLanding): Promise<number> {
  const { io } = invocation;
  const progress = options.quiet ? noProgress : showProgress(io.stderr);
  progress.update({ phase: "prove", done: 0, total: 1 });
  let before: CommandOutcome;
  try {
    before = await runCommand(command, { cwd: io.cwd, signal: io.signal });
  } finally {
    progress.stop();
  }
  if (!before.green) {
    throw new MigrationError(
      ExitCode.badInput,
      `\`${command}\` ${before.ending} before anything was changed, so it cannot tell what a change does. ` +
        `It ended with:\n${before.output.trimEnd()}`,
    );
  }
  return Math.ceil(30 + 5 * before.seconds);
}

/** Without the library, no change has a chance. */
function requireInstalled({ root, packages }: MigrationPlan, command: string, red: CommandOutcome): void {
  const missing = packages.filter((name) => !isInstalled(name, root));
  if (missing.length === 0) return;
  throw new MigrationError(
    ExitCode.rolledBack,
    `\`${command}\` ${red.ending}, and ${missing.join(" and ")} ${missing.length === 1 ? "is" : "are"} not installed; ` +
      "every file was put back. Install what is missing first, or let the command do it, as in " +
      '--verify "npm install && npm test"',
  );
}
