/** `trestle recover`: undoes a run that was cut short while it wrote. Other commands do so, or refuse, by themselves. */

import { dirname, resolve } from "node:path";
import { ExitCode, MigrationError } from "../failure.js";
import {
  anotherRun,
  findJournalRoot,
  ownerMayBeAlive,
  readJournal,
  removeJournal,
  restoreJournal,
} from "../journal.js";
import { remark, type Invocation } from "./invocation.js";

export interface RecoverOptions {
  /** Do not ask whether the run that wrote the journal is still at work. */
  readonly force: boolean;
}

export async function recover({ io, engine }: Invocation, { force }: RecoverOptions): Promise<ExitCode> {
  const root = findJournalRoot([io.cwd]);
  const restored = root === undefined ? undefined : await undoInterruptedRun(root, { io, engine }, force);
  io.stdout.write(restored === undefined ? "There is nothing to recover.\n" : `${restored}\n`);
  return ExitCode.ok;
}

/**
 * Deals with a journal that an earlier run left behind, before anything is read: half-written files must not be
 * analysed. A run that writes undoes the earlier one; a run that only reads does not write even that.
 */
export async function settleInterruptedRun(
  invocation: Invocation,
  starts: readonly string[],
  mayWrite: boolean,
  quiet: boolean,
): Promise<boolean> {
  const root = findJournalRoot(starts);
  if (root === undefined) return false;
  if (!mayWrite) {
    throw new MigrationError(
      ExitCode.conflict,
      `an earlier run was interrupted while it wrote to ${root}; run \`trestle recover\` there to put the files back, then try again`,
    );
  }
  remark(invocation, { quiet }, await undoInterruptedRun(root, invocation, false));
  return true;
}

/** Where a journal could be for these arguments of a command. */
export function journalStarts(cwd: string, paths: readonly string[], project: string | undefined): string[] {
  return [
    cwd,
    ...[project ?? [], paths].flat().map((path) => dirname(resolve(cwd, path))),
    ...paths.map((path) => resolve(cwd, path)),
  ];
}

async function undoInterruptedRun(root: string, { engine: { fs } }: Invocation, force: boolean): Promise<string> {
  const leftover = await readJournal(root, fs);
  if (leftover === undefined) return `nothing is left of an earlier run in ${root}`;
  if (!force && ownerMayBeAlive(leftover)) throw anotherRun(root, leftover);
  if (leftover.journal === undefined) {
    await removeJournal(root, fs);
    return `an earlier run in ${root} was interrupted before it changed any file; there was nothing to put back`;
  }
  const { length } = await restoreJournal(leftover.journal, fs);
  return `an earlier run in ${root} was interrupted while it wrote; ${length === 1 ? "1 file was" : `${length} files were`} put back`;
}
