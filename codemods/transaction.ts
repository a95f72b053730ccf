/**
 * Replaces many files as one: afterwards all of them are new, or, if anything fails or the run is interrupted, all are
 * as they were. Every new file is prepared beside the one it replaces before the first takes its place, so a full
 * disk is found while nothing has changed yet.
 */

import { relative } from "node:path";
import { ExitCode, MigrationError } from "./failure.js";
import { hashOf, requireWritable, type FileEdit } from "./file-edit.js";
import { errorMessage, writeDurably, type FileSystem } from "./file-system.js";
import { keepJournal, openJournal, removeJournal, restoreJournal, syncDirectoriesOf, type Journal } from "./journal.js";
import type { Progress } from "./plan.js";

export interface TransactionOptions {
  /** The project's root; the journal lives in its `.trestle` folder. */
  readonly root: string;
  readonly fs: FileSystem;
  /** Interrupts the run; it then throws with exit code `interrupted` after putting everything back. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** Whether the run can be undone later with `trestle revert`. */
  readonly keep?: boolean | undefined;
  /**
   * Asked when every file is new and the originals are still in the journal. What it throws puts everything back, and
   * so does a kill while it runs, with the next run or `trestle recover`.
   */
  readonly confirm?: (() => Promise<void>) | undefined;
}

/** How many files are prepared at the same time, so that their waits for the disk overlap. */
const concurrentFiles = 16;

export async function replaceFiles(edits: readonly FileEdit[], options: TransactionOptions): Promise<void> {
  const { root, fs, signal } = options;
  await requireWritable(edits, fs);
  if (signal?.aborted) throw new MigrationError(ExitCode.interrupted, "interrupted; nothing was written");

  let journal: Journal;
  try {
    journal = await openJournal(root, edits, fs);
  } catch (error) {
    if (error instanceof MigrationError) throw error;
    throw new MigrationError(
      ExitCode.conflict,
      `cannot write the journal in ${root}: ${errorMessage(error)}; no file of the project was changed`,
      { cause: error },
    );
  }

  const replaced = new Set<string>();
  try {
    await stage(edits, journal, options);
    await commit(edits, journal, replaced, options);
  } catch (error) {
    await undo(journal, replaced, fs, error);
    throw asFailure(error);
  }
}

async function stage(edits: readonly FileEdit[], journal: Journal, options: TransactionOptions): Promise<void> {
  const { fs, signal, onProgress } = options;
  onProgress?.({ phase: "write", done: 0, total: edits.length });
  for (let start = 0; start < edits.length; start += concurrentFiles) {
    signal?.throwIfAborted();
    const outcomes = await Promise.allSettled(
      edits.slice(start, start + concurrentFiles).map(async (edit, index) => {
        const { staged } = journal.entries[start + index]!;
        await naming(edit, options, () => writeDurably(fs, staged, edit.replacement, "wx", edit));
      }),
    );
    // Only when none of them is at work any more may the clean-up begin.
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }
}

async function commit(
  edits: readonly FileEdit[],
  journal: Journal,
  replaced: Set<string>,
  options: TransactionOptions,
): Promise<void> {
  const { root, fs, signal, onProgress } = options;
  for (const [index, edit] of edits.entries()) {
    signal?.throwIfAborted();
    await naming(edit, options, async () => {
      if (hashOf(await fs.readFile(edit.target)) !== edit.beforeHash) {
        throw new MigrationError(
          ExitCode.conflict,
          `${edit.path} changed while the files were being written; every other file was put back, run the command again`,
        );
      }
      replaced.add(edit.target);
      await fs.rename(journal.entries[index]!.staged, edit.target);
    });
    onProgress?.({ phase: "write", done: index + 1, total: edits.length });
  }
  await syncDirectoriesOf(journal, fs);
  signal?.throwIfAborted();
  await options.confirm?.();
  signal?.throwIfAborted();
  if (options.keep === true) await keepJournal(journal, fs);
  else await removeJournal(root, fs);
}

/** Says which file a system error is about. */
async function naming(edit: FileEdit, { root }: TransactionOptions, operation: () => Promise<void>): Promise<void> {
  try {
    await operation();
  } catch (error) {
    if (error instanceof MigrationError) throw error;
    const message = `could not write ${relative(root, edit.path)}: ${errorMessage(error)}`;
    throw new Error(message, { cause: error });
  }
}

async function undo(journal: Journal, replaced: ReadonlySet<string>, fs: FileSystem, failure: unknown): Promise<void> {
  try {
    await restoreJournal(journal, fs, replaced);
  } catch (error) {
    throw new MigrationError(
      ExitCode.conflict,
      `${errorMessage(failure)}; putting the files back failed as well: ${errorMessage(error)}. ` +
        `The originals are safe in ${journal.root}/.trestle: run \`trestle recover\` there`,
      { cause: new AggregateError([failure, error]) },
    );
  }
}

function asFailure(error: unknown): MigrationError {
  if (error instanceof MigrationError) return error;
  if (error instanceof Error && error.name === "AbortError") {
    return new MigrationError(ExitCode.interrupted, "interrupted; every file was put back as it was", { cause: error });
  }
  return new MigrationError(ExitCode.rolledBack, `${errorMessage(error)}; every file was put back as it was`, {
    cause: error,
  });
}
