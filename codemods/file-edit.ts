/**
 * From the planned text of a file to the bytes that replace it: reads what is on the disk, refuses if it is no longer
 * what was analysed, and follows links to the file that really changes.
 */

import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { dirname } from "node:path";
import { ExitCode, MigrationError } from "./failure.js";
import { errorCode, errorMessage, type FileIdentity, type FileSystem } from "./file-system.js";
import type { FileChange } from "./plan.js";

/** One file to be replaced, byte for byte. */
export interface FileEdit extends FileIdentity {
  /** Absolute path, as the plan names it. */
  readonly path: string;
  /** The file itself: `path` with every link followed. */
  readonly target: string;
  readonly original: Buffer;
  readonly replacement: Buffer;
  /** SHA-256 of the bytes, in hexadecimal. */
  readonly beforeHash: string;
  readonly afterHash: string;
}

const byteOrderMark = "\uFEFF";

export function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Changes that do not change anything are left out. */
export async function prepareEdits(changes: readonly FileChange[], fs: FileSystem): Promise<FileEdit[]> {
  const edits = new Map<string, FileEdit>();
  for (const change of changes) {
    if (change.before === change.after) continue;
    const edit = await prepareEdit(change, fs);
    const other = edits.get(edit.target);
    if (other === undefined) edits.set(edit.target, edit);
    else if (other.afterHash !== edit.afterHash) {
      throw new MigrationError(
        ExitCode.conflict,
        `${other.path} and ${edit.path} are links to one file and would change in two ways; keep one of them in the project`,
      );
    }
  }
  return [...edits.values()];
}

async function prepareEdit({ path, before, after }: FileChange, fs: FileSystem): Promise<FileEdit> {
  let target: string, original: Buffer, identity: FileIdentity;
  try {
    target = await fs.realpath(path);
    original = await fs.readFile(target);
    identity = await fs.stat(target);
  } catch (error) {
    if (errorCode(error) === "ENOENT") throw changedMeanwhile(path, "is gone");
    throw new MigrationError(ExitCode.conflict, `cannot read ${path}: ${errorMessage(error)}`, { cause: error });
  }

  const text = decode(path, original);
  // A reader may or may not keep the mark; the file does.
  const marked = text.startsWith(byteOrderMark);
  if (text !== before && !(marked && text.slice(1) === before)) throw changedMeanwhile(path, "changed");
  const replacement = Buffer.from(marked && !after.startsWith(byteOrderMark) ? byteOrderMark + after : after);

  const { mode, uid, gid } = identity;
  const [beforeHash, afterHash] = [hashOf(original), hashOf(replacement)];
  return { path, target, original, replacement, beforeHash, afterHash, mode, uid, gid };
}

function decode(path: string, bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new MigrationError(
      ExitCode.badInput,
      `${path} is not UTF-8 text, so editing it would damage it; convert it to UTF-8 or exclude it from the project`,
      { cause: error },
    );
  }
}

function changedMeanwhile(path: string, what: string): MigrationError {
  return new MigrationError(
    ExitCode.conflict,
    `${path} ${what} since it was read, so nothing was written; run the command again`,
  );
}

/** Throws unless every file, and the directory it is in, may be written. */
export async function requireWritable(edits: readonly FileEdit[], fs: FileSystem): Promise<void> {
  const directories = new Set<string>();
  for (const edit of edits) {
    if (!(await isWritable(edit.target, fs))) throw notWritable(edit.path, "file is read-only", edit.target);
    directories.add(dirname(edit.target));
  }
  for (const directory of directories) {
    if (!(await isWritable(directory, fs))) throw notWritable(directory, "directory cannot be written to", directory);
  }
}

/** A superuser passes any access check, so the mode counts too: a file marked read-only is meant to stay as it is. */
async function isWritable(path: string, fs: FileSystem): Promise<boolean> {
  try {
    await fs.access(path, constants.W_OK);
    return ((await fs.stat(path)).mode & 0o222) !== 0;
  } catch {
    return false;
  }
}

function notWritable(path: string, why: string, chmod: string): MigrationError {
  return new MigrationError(
    ExitCode.conflict,
    `${path}: the ${why}, so nothing was written; make it writable (chmod u+w ${chmod}) or exclude it from the project`,
  );
}
