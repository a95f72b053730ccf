// What the file system knows about something.

import type { BigIntStats } from "node:fs";
import type { Op } from "../engine/op.js";
import type { FileKind, FileStat } from "../file.js";
import { system, type Done } from "./call.js";

/** What that is. */
export function kindOf(
  stats: Pick<
    BigIntStats,
    "isFile" | "isDirectory" | "isSymbolicLink" | "isFIFO" | "isSocket" | "isCharacterDevice" | "isBlockDevice"
  >,
): FileKind {
  if (stats.isFile()) return "regular";
  if (stats.isDirectory()) return "directory";
  if (stats.isSymbolicLink()) return "symlink";
  if (stats.isFIFO()) return "fifo";
  if (stats.isSocket()) return "socket";
  if (stats.isCharacterDevice()) return "character";
  return stats.isBlockDevice() ? "block" : "unknown";
}

/** Cut, so that nothing seems to be newer than it is. */
function dateOf(ns: bigint): Date {
  return new Date(Number(ns / 1_000_000n));
}

/** What `start` asks the system about. */
export function* statOf(label: string, start: (done: Done<BigIntStats>) => void): Op<FileStat> {
  const stats = yield* system<BigIntStats>(label, start);
  const { dev, ino, rdev, atimeNs, mtimeNs, ctimeNs } = stats;
  return {
    kind: kindOf(stats),
    perm: Number(stats.mode & 0o7777n),
    size: Number(stats.size),
    dev,
    ino,
    nlink: Number(stats.nlink),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    rdev,
    blksize: Number(stats.blksize),
    blocks: Number(stats.blocks),
    atime: dateOf(atimeNs),
    mtime: dateOf(mtimeNs),
    ctime: dateOf(ctimeNs),
    atimeNs,
    mtimeNs,
    ctimeNs,
  };
}
