/** `trestle revert`: puts back every byte that an earlier run changed, unless somebody has changed the files since. */

import { relative } from "node:path";
import { ExitCode, MigrationError } from "../failure.js";
import { hashOf, type FileEdit } from "../file-edit.js";
import { errorCode, type FileSystem } from "../file-system.js";
import { findRunsRoot, forgetRun, keptRuns, type KeptRun } from "../journal.js";
import { replaceFiles } from "../transaction.js";
import type { Invocation } from "./invocation.js";
import { journalStarts, settleInterruptedRun } from "./recover.js";

export interface RevertOptions {
  /** The id of the run, as `--list` shows it; the last one by default. */
  readonly run?: string | undefined;
  readonly list: boolean;
}

export async function revert(invocation: Invocation, { run: id, list }: RevertOptions): Promise<ExitCode> {
  const { io, engine } = invocation;
  const root = findRunsRoot([io.cwd]);
  await settleInterruptedRun(invocation, journalStarts(io.cwd, [], undefined), !list, false);
  const runs = root === undefined ? [] : await keptRuns(root, engine.fs);
  if (list) {
    io.stdout.write(runs.length === 0 ? "There are no runs to revert.\n" : runs.map(lineOf).join(""));
    return ExitCode.ok;
  }
  const run = id === undefined ? runs.at(-1) : runs.find((each) => each.id === id);
  if (root === undefined || run === undefined) {
    if (id === undefined) {
      io.stdout.write("There is no run to revert.\n");
      return ExitCode.ok;
    }
    throw new MigrationError(ExitCode.usage, `there is no run ${id}; \`trestle revert --list\` shows those there are`);
  }
  const edits = await editsBack(root, run, runs, engine.fs);
  if (edits.length > 0) await replaceFiles(edits, { root, fs: engine.fs, signal: io.signal });
  await forgetRun(run, engine.fs);
  const files = edits.length === 1 ? "1 file is" : `${edits.length} files are`;
  io.stdout.write(`Run ${run.id} of ${run.startedAt} is undone: ${files} as before it.\n`);
  return ExitCode.ok;
}

function lineOf({ id, startedAt, entries }: KeptRun): string {
  return `${id}  ${startedAt}  ${entries.length} file${entries.length === 1 ? "" : "s"}\n`;
}

async function editsBack(root: string, run: KeptRun, runs: readonly KeptRun[], fs: FileSystem): Promise<FileEdit[]> {
  const edits: FileEdit[] = [];
  const changed: string[] = [];
  for (const { path, original, beforeHash, afterHash, mode, uid, gid } of run.entries) {
    const current = await contentOf(path, fs);
    const hash = current === undefined ? undefined : hashOf(current);
    if (hash === beforeHash) continue;
    if (current === undefined || hash !== afterHash) changed.push(path);
    else {
      const hashes = { beforeHash: afterHash, afterHash: beforeHash };
      edits.push({ path, target: path, original: current, replacement: original, ...hashes, mode, uid, gid });
    }
  }
  if (changed.length === 0) return edits;
  const names = changed.map((path) => relative(root, path)).join(", ");
  const later = runs
    .slice(runs.indexOf(run) + 1)
    .find(({ entries }) => entries.some(({ path }) => changed.includes(path)));
  throw new MigrationError(
    ExitCode.conflict,
    `${names} changed since run ${run.id}, so nothing was put back; ` +
      (later === undefined
        ? "undo those changes first, or use git"
        : `run ${later.id} came later and changed the same: revert that first`),
  );
}

async function contentOf(path: string, fs: FileSystem): Promise<Buffer | undefined> {
  try {
    return await fs.readFile(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
