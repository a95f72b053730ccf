/**
 * The journal that makes writing all-or-nothing. Before the first file is touched, the original bytes of every file
 * go into `.trestle/journal` at the project's root; it is removed when the last file is in place. A journal that is
 * found later belongs to a run that was cut short, and putting its originals back undoes that run.
 *
 * The journal of a run that did finish moves to `.trestle/runs`, from where `trestle revert` can undo it.
 *
 * The file is a line of JSON each for the owner, for every file, and for the end. The last line holds a hash of the
 * others: a journal without it was cut short itself, before anything was touched.
 */

import { createHash, randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { ExitCode, MigrationError } from "./failure.js";
import { hashOf, type FileEdit } from "./file-edit.js";
import {
  errorCode,
  syncDirectory,
  tolerating,
  writeDurably,
  type FileIdentity,
  type FileSystem,
} from "./file-system.js";

const directoryName = ".trestle";
const fileName = "journal";
const formatVersion = 1;

interface Owner {
  readonly version: number;
  readonly id: string;
  readonly pid: number;
  readonly host: string;
  readonly startedAt: string;
}

interface JournalEntry extends FileIdentity {
  /** Absolute in memory, relative to the root on the disk. */
  readonly path: string;
  readonly beforeHash: string;
  readonly afterHash: string;
  readonly original: Buffer;
  /** Where the new file is prepared before it takes its place. */
  readonly staged: string;
}

export interface Journal {
  readonly root: string;
  readonly owner: Owner;
  readonly entries: readonly JournalEntry[];
}

/** What is left of a run that did not finish. */
export interface LeftoverJournal {
  readonly root: string;
  /** Absent when not even the first line is complete. */
  readonly owner?: Owner;
  /** Absent when the run was cut short before it touched any file. */
  readonly journal?: Journal;
}

export function journalPath(root: string): string {
  return join(root, directoryName, fileName);
}

/** The nearest directory at or above one of `starts` that holds a journal. */
export function findJournalRoot(starts: readonly string[]): string | undefined {
  const seen = new Set<string>();
  for (const start of starts) {
    for (let directory = resolve(start); !seen.has(directory); directory = dirname(directory)) {
      seen.add(directory);
      if (existsSync(journalPath(directory))) return directory;
    }
  }
  return undefined;
}

/** Writes the originals down; from here on the run can be undone. Throws if another run has its journal there. */
export async function openJournal(root: string, edits: readonly FileEdit[], fs: FileSystem): Promise<Journal> {
  const id = randomBytes(4).toString("hex");
  const owner: Owner = {
    version: formatVersion,
    id,
    pid: process.pid,
    host: hostname(),
    startedAt: new Date().toISOString(),
  };
  const entries = edits.map(({ target, mode, uid, gid, beforeHash, afterHash, original }, index) => {
    // No source extension, so that watchers and globs pass it by.
    const staged = join(dirname(target), `.trestle-${id}-${index}`);
    return { path: target, mode, uid, gid, beforeHash, afterHash, original, staged };
  });
  const journal: Journal = { root, owner, entries };

  const path = journalPath(root);
  await fs.mkdir(dirname(path), { recursive: true });
  try {
    await writeDurably(fs, path, encode(journal), "wx");
  } catch (error) {
    if (errorCode(error) === "EEXIST") throw anotherRun(root);
    await abandonJournal(root, fs);
    throw error;
  }
  try {
    await syncDirectory(fs, dirname(path));
    await syncDirectory(fs, root);
  } catch (error) {
    await abandonJournal(root, fs);
    throw error;
  }
  return journal;
}

/** Nothing was touched yet, so a journal that cannot even be removed is harmless: the next run drops it. */
async function abandonJournal(root: string, fs: FileSystem): Promise<void> {
  try {
    await removeJournal(root, fs);
  } catch {
    // The failure that led here is the one to report.
  }
}

/** Undefined when there is none. */
export async function readJournal(root: string, fs: FileSystem): Promise<LeftoverJournal | undefined> {
  let text: string;
  try {
    text = await fs.readFile(journalPath(root), "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return undefined;
    throw error;
  }
  return decode(root, text);
}

/** Whether the run that wrote the journal may still be at work. */
export function ownerMayBeAlive({ owner }: LeftoverJournal): boolean {
  if (owner === undefined) return false;
  if (owner.host !== hostname()) return true;
  if (owner.pid === process.pid) return false;
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) !== "ESRCH";
  }
}

/**
 * Puts the originals back and removes the journal. A file that is neither as it was nor as the run left it belongs to
 * somebody else by now: then nothing is put back and the journal stays.
 *
 * @param touched limits the work to these files, when it is known which ones the run replaced
 * @returns the files that were put back
 */
export async function restoreJournal(
  journal: Journal,
  fs: FileSystem,
  touched?: ReadonlySet<string>,
): Promise<readonly string[]> {
  const replaced: JournalEntry[] = [];
  const edited: string[] = [];
  for (const entry of journal.entries) {
    if (touched !== undefined && !touched.has(entry.path)) continue;
    const hash = await currentHash(entry.path, fs);
    if (hash === entry.afterHash) replaced.push(entry);
    else if (hash !== entry.beforeHash) edited.push(entry.path);
  }
  if (edited.length > 0) {
    throw new MigrationError(
      ExitCode.conflict,
      `cannot undo an interrupted run, because ${edited.join(", ")} changed after it; put back what it left there, ` +
        `or delete ${join(journal.root, directoryName)} to keep every file as it is now, then run the command again`,
    );
  }

  for (const entry of replaced) {
    await writeDurably(fs, entry.staged, entry.original, "w", entry);
    await fs.rename(entry.staged, entry.path);
  }
  for (const { staged } of journal.entries) await tolerating(["ENOENT"], () => fs.unlink(staged));
  await syncDirectoriesOf(journal, fs);
  await removeJournal(journal.root, fs);
  return replaced.map(({ path }) => path);
}

export async function syncDirectoriesOf(journal: Journal, fs: FileSystem): Promise<void> {
  for (const directory of new Set(journal.entries.map(({ path }) => dirname(path)))) {
    await syncDirectory(fs, directory);
  }
}

/** The moment a run becomes final. What follows it is only tidiness. */
export async function removeJournal(root: string, fs: FileSystem): Promise<void> {
  const path = journalPath(root);
  await fs.unlink(path);
  try {
    await syncDirectory(fs, dirname(path));
    await fs.rmdir(dirname(path));
  } catch {
    // An empty or shared directory stays behind and does no harm.
  }
}

/** Runs that are kept; of older ones the newest go on being undoable with git only. */
const keptRunsLimit = 20;

/** The moment a run becomes final, when it shall be possible to undo it later. What follows it is only tidiness. */
export async function keepJournal({ root, owner }: Journal, fs: FileSystem): Promise<void> {
  const directory = runsDirectory(root);
  await fs.mkdir(directory, { recursive: true });
  // Nobody commits what a run leaves behind.
  await tolerating(["EEXIST"], () =>
    writeDurably(fs, join(root, directoryName, ".gitignore"), Buffer.from("*\n"), "wx"),
  );
  await fs.rename(journalPath(root), join(directory, `${owner.startedAt.replaceAll(":", "-")}-${owner.id}`));
  try {
    await syncDirectory(fs, directory);
    await syncDirectory(fs, dirname(directory));
    for (const old of runFiles(root).slice(0, -keptRunsLimit)) await fs.unlink(join(directory, old));
  } catch {
    // One run more is kept.
  }
}

/** A run that finished and can be undone. */
export interface KeptRun {
  readonly id: string;
  readonly startedAt: string;
  /** Where it is kept. */
  readonly file: string;
  readonly entries: readonly JournalEntry[];
}

/** The nearest directory at or above one of `starts` that keeps runs. */
export function findRunsRoot(starts: readonly string[]): string | undefined {
  for (const start of starts) {
    for (let directory = resolve(start); ; directory = dirname(directory)) {
      if (existsSync(runsDirectory(directory))) return directory;
      if (dirname(directory) === directory) break;
    }
  }
  return undefined;
}

/** Oldest first. What cannot be read is no run. */
export async function keptRuns(root: string, fs: FileSystem): Promise<KeptRun[]> {
  const runs: KeptRun[] = [];
  for (const name of runFiles(root)) {
    const file = join(runsDirectory(root), name);
    const { journal } = decode(root, await fs.readFile(file, "utf8"));
    if (journal === undefined) continue;
    const { id, startedAt } = journal.owner;
    runs.push({ id, startedAt, file, entries: journal.entries });
  }
  return runs;
}

/** When a run is undone, it cannot be undone again. */
export async function forgetRun({ file }: KeptRun, fs: FileSystem): Promise<void> {
  await fs.unlink(file);
  await syncDirectory(fs, dirname(file));
}

function runsDirectory(root: string): string {
  return join(root, directoryName, "runs");
}

/** Their names begin with the time. */
function runFiles(root: string): string[] {
  const directory = runsDirectory(root);
  return existsSync(directory) ? readdirSync(directory).sort() : [];
}

export function anotherRun(root: string, { owner }: Partial<LeftoverJournal> = {}): MigrationError {
  const who = owner === undefined ? "" : ` (process ${owner.pid} on ${owner.host}, started ${owner.startedAt})`;
  return new MigrationError(
    ExitCode.conflict,
    `another run${who} is writing to ${root}; wait for it to end, ` +
      `or, if it is no longer there, undo it with \`trestle recover --force\``,
  );
}

async function currentHash(path: string, fs: FileSystem): Promise<string | undefined> {
  try {
    return hashOf(await fs.readFile(path));
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

function encode({ root, owner, entries }: Journal): Buffer {
  const lines = [
    owner,
    ...entries.map(({ path, staged, original, ...rest }) => ({
      path: relative(root, path),
      staged: relative(root, staged),
      ...rest,
      original: original.toString("base64"),
    })),
  ].map((line) => Buffer.from(`${JSON.stringify(line)}\n`));
  const body = Buffer.concat(lines);
  return Buffer.concat([body, Buffer.from(`${JSON.stringify({ end: hashOf(body) })}\n`)]);
}

function decode(root: string, text: string): LeftoverJournal {
  const lines = text.split("\n").slice(0, -1);
  const owner = parseLine<Owner>(lines[0]);
  if (owner === undefined) return { root };
  const end = parseLine<{ end?: unknown }>(lines.at(-1));
  const body = createHash("sha256");
  for (const line of lines.slice(0, -1)) body.update(`${line}\n`);
  if (end?.end !== body.digest("hex")) return { root, owner };

  if (owner.version !== formatVersion) {
    throw new MigrationError(
      ExitCode.conflict,
      `${journalPath(root)} was left by another version of trestle; run \`trestle recover\` with that version`,
    );
  }
  const entries = lines.slice(1, -1).map((line) => {
    const { path, staged, original, ...rest } = JSON.parse(line) as Omit<JournalEntry, "original"> & {
      original: string;
    };
    return {
      ...rest,
      path: resolve(root, path),
      staged: resolve(root, staged),
      original: Buffer.from(original, "base64"),
    };
  });
  return { root, owner, journal: { root, owner, entries } };
}

function parseLine<T extends object>(line: string | undefined): T | undefined {
  try {
    return JSON.parse(line ?? "") as T;
  } catch {
    return undefined;
  }
}
