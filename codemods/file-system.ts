/**
 * The file operations that writing a migration takes. They are handed in, so that a test can make each of them
 * fail in turn.
 */

import * as promises from "node:fs/promises";

export type FileSystem = Pick<
  typeof promises,
  "access" | "mkdir" | "open" | "readFile" | "realpath" | "rename" | "rmdir" | "stat" | "unlink"
>;

export const nodeFileSystem: FileSystem = promises;

/** The system's code of a failed file operation, such as `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Runs an operation whose failure with one of `codes` is as good as success. */
export async function tolerating(codes: readonly string[], operation: () => Promise<unknown>): Promise<void> {
  try {
    await operation();
  } catch (error) {
    if (!codes.includes(errorCode(error) ?? "")) throw error;
  }
}

/** What a new file takes over from the one it replaces. */
export interface FileIdentity {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Creates a file whose bytes are on the disk, not just in a cache, when this returns. */
export async function writeDurably(
  fs: FileSystem,
  path: string,
  bytes: Uint8Array,
  flag: "w" | "wx",
  identity?: FileIdentity,
): Promise<void> {
  const handle = await fs.open(path, flag);
  try {
    await handle.writeFile(bytes);
    if (identity !== undefined) {
      // Only a superuser may give a file away; for anybody else the file is theirs, as after any editor's save.
      if (process.getuid !== undefined) {
        await tolerating(["EPERM", "EINVAL", "ENOSYS"], () => handle.chown(identity.uid, identity.gid));
      }
      // After the change of owner, which clears some bits.
      await handle.chmod(identity.mode & 0o7777);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the creations, renames and removals in a directory durable, where the system can. */
export async function syncDirectory(fs: FileSystem, path: string): Promise<void> {
  await tolerating(["EPERM", "EISDIR", "EINVAL", "EACCES", "ENOTSUP"], async () => {
    const handle = await fs.open(path, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  });
}
