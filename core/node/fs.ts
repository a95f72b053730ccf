// The file system of Node.

import {
  chmod,
  chown,
  constants,
  fstat,
  fsync,
  ftruncate,
  lchown,
  lstat,
  mkdir,
  opendir,
  read,
  readlink,
  rename,
  rmdir,
  stat,
  symlink,
  unlink,
  write,
  writev,
  type BigIntStats,
  type Dir as NodeDir,
} from "node:fs";
import { Cursor } from "../cursor.js";
import { protect } from "../cancel.js";
import { InvalidArgument } from "../engine/invalid-argument.js";
import type { Op } from "../engine/op.js";
import { expectBuffers, expectOffset, File, type FileKind, type FileStat, type SeekFrom } from "../file.js";
import { EndOfFile } from "../flow.js";
import { fromSystemError, IoError } from "../io-error.js";
import type { Create, Dir, DirEntry, OpenedDir, OpenOptions } from "../path.js";
import { Path } from "../path.js";
import type { Switch } from "../switch.js";
import { yieldNow } from "../turns.js";
import type { Meaning } from "../walk.js";
import { call, system, translated, type Done } from "./call.js";
import { Descriptor } from "./descriptor.js";
import { closeFd, openFd, walkFrom, type Place } from "./walk.js";

// --- files ---

class NodeFile extends File {
  private readonly descriptor: Descriptor<number>;
  /** Where the next read or write begins; undefined for what has no places, such as pipes. */
  private position: number | undefined;
  private readonly appends: boolean;

  constructor(descriptor: Descriptor<number>, hasPositions: boolean, appends: boolean) {
    super();
    this.descriptor = descriptor;
    this.position = hasPositions ? 0 : undefined;
    this.appends = appends;
  }

  get fd(): number {
    return this.descriptor.now("fd");
  }

  *read(buffer: Uint8Array): Op<number> {
    const length = yield* this.readAt("read", [buffer], this.position);
    if (this.position !== undefined) this.position += length;
    return length;
  }

  pread(buffers: readonly Uint8Array[], offset: number): Op<number> {
    expectBuffers("File.pread", buffers);
    expectOffset("File.pread", offset);
    return this.readAt("pread", buffers, offset);
  }

  private *readAt(operation: string, buffers: readonly Uint8Array[], at: number | undefined): Op<number> {
    yield* yieldNow();
    const buffer = buffers.find((some) => some.length > 0);
    if (!buffer) return 0;
    const length = yield* this.descriptor.use(operation, (fd) =>
      system<number>(operation, (done) => read(fd, buffer, 0, buffer.length, at ?? null, done)),
    );
    if (length === 0) throw new EndOfFile();
    return length;
  }

  *writeSome(buffers: readonly Uint8Array[]): Op<number> {
    const length = yield* this.writeAt("write", buffers, this.appends ? undefined : this.position);
    if (this.position !== undefined) this.position += length;
    return length;
  }

  pwriteSome(buffers: readonly Uint8Array[], offset: number): Op<number> {
    expectBuffers("File.pwriteSome", buffers);
    expectOffset("File.pwriteSome", offset);
    return this.writeAt("pwrite", buffers, offset);
  }

  private *writeAt(operation: string, buffers: readonly Uint8Array[], at: number | undefined): Op<number> {
    yield* yieldNow();
    const full = buffers.filter((buffer) => buffer.length > 0).slice(0, MOST_BUFFERS);
    const only = full[0];
    if (!only) return 0;
    return yield* this.descriptor.use(operation, (fd) =>
      system<number>(operation, (done) => {
        if (full.length === 1) write(fd, only, 0, only.length, at ?? null, done);
        else writev(fd, full, at ?? null, done);
      }),
    );
  }

  *seek(offset: number, from: SeekFrom): Op<number> {
    const now = this.position;
    if (now === undefined) throw fromSystemError(Object.assign(new Error("ESPIPE: illegal seek"), { code: "ESPIPE" }));
    const start = from === "set" ? 0 : from === "cur" ? now : (yield* this.stat()).size;
    expectOffset("File.seek", start + offset);
    this.position = start + offset;
    return this.position;
  }

  stat(): Op<FileStat> {
    return this.descriptor.use("stat", (fd) => statOf("stat", (done) => fstat(fd, { bigint: true }, done)));
  }

  *truncate(size: number): Op<void> {
    expectOffset("File.truncate", size);
    yield* this.descriptor.use("truncate", (fd) => system<void>("truncate", (done) => ftruncate(fd, size, done)));
  }

  *sync(): Op<void> {
    yield* this.descriptor.use("sync", (fd) => system<void>("sync", (done) => fsync(fd, done)));
  }

  close(): Op<void> {
    return this.descriptor.close();
  }
}

/** The most that the system takes at once. */
const MOST_BUFFERS = 1024;

function flagsOf(how: "read" | OpenOptions): { flags: number; perm: number } {
  // A FIFO is opened without waiting for its other end.
  if (how === "read") return { flags: constants.O_RDONLY | constants.O_NONBLOCK, perm: 0 };
  const { create, append = false } = how;
  return {
    flags: constants.O_RDWR | constants.O_NONBLOCK | (append ? constants.O_APPEND : 0) | createFlags(create),
    perm: create === "never" ? 0 : Object.values(create)[0]!,
  };
}

function createFlags(create: Create): number {
  if (create === "never") return 0;
  if ("exclusive" in create) return constants.O_CREAT | constants.O_EXCL;
  return constants.O_CREAT | ("orTruncate" in create ? constants.O_TRUNC : 0);
}

// --- what is there ---

function kindOf(
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

function* statOf(label: string, start: (done: Done<BigIntStats>) => void): Op<FileStat> {
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

class Entries extends Cursor<DirEntry> {
  private readonly dir: NodeDir;

  constructor(dir: NodeDir) {
    super();
    this.dir = dir;
  }

  *next(): Op<boolean> {
    yield* yieldNow();
    const entry = yield* system<Parameters<Parameters<NodeDir["read"]>[0]>[1]>("reading a directory", (done) =>
      this.dir.read(done),
    );
    if (entry === null) return this.moveToEnd();
    return this.moveTo({ name: entry.name, kind: kindOf(entry) });
  }
}

// --- directories ---

/** Where operations on a path take place: everywhere, or below a directory. */
abstract class SystemDir implements Dir {
  abstract readonly label: string;
  abstract native(path: string): string | undefined;
  /** Runs `body` with what the system is to be given for `path`. */
  protected abstract at<T>(path: string, meaning: Meaning, body: (place: Place) => Op<T>): Op<T>;
  /** Whether the system may follow the last name itself. */
  protected abstract readonly isConfined: boolean;

  private *do<T>(path: string, meaning: Meaning, body: (native: string) => Op<T>): Op<T> {
    yield* yieldNow();
    try {
      return yield* this.at(path, meaning, ({ prefix, name }) => body(prefix + name));
    } catch (error) {
      throw translated(error);
    }
  }

  *open(path: string, how: "read" | OpenOptions, sw: Switch): Op<File> {
    sw.check();
    const { flags, perm } = flagsOf(how);
    const more = this.isConfined ? constants.O_NOFOLLOW : 0;
    const fd = yield* this.do(path, meaningOf(flags), (native) => openFd(native, flags | more, perm));
    const descriptor = yield* Descriptor.own(fd, { name: this.label, sw, release: closeFd });
    try {
      const { kind } = yield* protect(() => statOf("stat", (done) => fstat(fd, { bigint: true }, done)));
      return new NodeFile(descriptor, kind === "regular", how !== "read" && how.append === true);
    } catch (error) {
      yield* descriptor.close();
      throw error;
    }
  }

  *mkdir(path: string, perm: number): Op<void> {
    yield* this.do(withoutSlashes(path), "entry", (native) =>
      call<unknown>("mkdir", (done) => mkdir(native, perm, done)),
    );
  }

  *rmdir(path: string): Op<void> {
    yield* this.do(withoutSlashes(path), "entry", (native) => call<void>("rmdir", (done) => rmdir(native, done)));
  }

  *unlink(path: string): Op<void> {
    yield* this.do(path, "entry", (native) => call<void>("unlink", (done) => unlink(native, done)));
  }

  *rename(path: string, to: Dir, toPath: string): Op<void> {
    if (!(to instanceof SystemDir))
      throw new InvalidArgument(`rename: ${to.label} is of another kind than ${this.label}`);
    yield* this.do(path, "entry", (native) =>
      to.do(toPath, "entry", (toNative) => call<void>("rename", (done) => rename(native, toNative, done))),
    );
  }

  *symlink(path: string, target: string): Op<void> {
    yield* this.do(path, "entry", (native) => call<void>("symlink", (done) => symlink(target, native, done)));
  }

  *readLink(path: string): Op<string> {
    return yield* this.do(path, looking(path, false), (native) =>
      call<string>("readlink", (done) => readlink(native, done)),
    );
  }

  *chmod(path: string, perm: number, follow: boolean): Op<void> {
    if (!follow && (yield* this.stat(path, false)).kind === "symlink") throw notAvailable();
    yield* this.do(path, looking(path, follow), (native) => call<void>("chmod", (done) => chmod(native, perm, done)));
  }

  *chown(path: string, uid = -1, gid = -1, follow: boolean): Op<void> {
    const change = follow ? chown : lchown;
    yield* this.do(path, looking(path, follow), (native) =>
      call<void>("chown", (done) => change(native, uid, gid, done)),
    );
  }

  *stat(path: string, follow: boolean): Op<FileStat> {
    const look = follow ? stat : lstat;
    return yield* this.do(path, looking(path, follow), (native) =>
      statOf("stat", (done) => look(native, { bigint: true }, done)),
    );
  }

  *openDir(path: string): Op<OpenedDir> {
    const dir = yield* this.do(path, "target", (native) => call<NodeDir>("opendir", (done) => opendir(native, done)));
    return {
      entries: new Entries(dir),
      close: () => call<void>("closing a directory", (done) => dir.close(() => done(null))),
    };
  }

  *openSubtree(path: string, sw: Switch): Op<Dir> {
    sw.check();
    const label = path.replace(/\/+$/, "").split("/").at(-1) || this.label;
    const native = this.native(path) ?? path;
    const flags = constants.O_RDONLY | constants.O_DIRECTORY;
    const fd = yield* this.do(path, "target", (name) => openFd(name, flags));
    return new Subtree(yield* Descriptor.own(fd, { name: label, sw, release: closeFd }), label, native);
  }
}

/** An exclusive creation follows nothing. */
function meaningOf(flags: number): Meaning {
  if ((flags & constants.O_EXCL) !== 0) return "entry";
  return (flags & constants.O_CREAT) !== 0 ? "creation" : "target";
}

/** The system itself follows a link with a slash after its name. */
function looking(path: string, follow: boolean): Meaning {
  return follow || path.endsWith("/") ? "target" : "entry";
}

function withoutSlashes(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, "") : path;
}

function notAvailable(): IoError {
  return new IoError({ area: "Io", kind: "Not_available" });
}

function relative(path: string): string {
  return path === "" ? "." : path;
}

/** A path from the current directory, as programs without capabilities write it. */
function fromHere(path: string): string {
  if (path === "") return ".";
  return path.startsWith("/") || path.startsWith("./") ? path : `./${path}`;
}

class Everything extends SystemDir {
  readonly label = "fs";
  protected readonly isConfined = false;

  native(path: string): string {
    return fromHere(path);
  }

  protected at<T>(path: string, _meaning: Meaning, body: (place: Place) => Op<T>): Op<T> {
    return body({ prefix: "", name: relative(path) });
  }
}

class WorkingDirectory extends SystemDir {
  readonly label = "cwd";
  protected readonly isConfined = true;

  native(path: string): string {
    return fromHere(path);
  }

  protected at<T>(path: string, meaning: Meaning, body: (place: Place) => Op<T>): Op<T> {
    return walkFrom(".", relative(path), meaning, body);
  }
}

class Subtree extends SystemDir {
  readonly label: string;
  protected readonly isConfined = true;
  private readonly descriptor: Descriptor<number>;
  private readonly nativePath: string;

  constructor(descriptor: Descriptor<number>, label: string, nativePath: string) {
    super();
    this.descriptor = descriptor;
    this.label = label;
    this.nativePath = nativePath;
  }

  native(path: string): string {
    if (path === "") return this.nativePath;
    return path.startsWith("/") ? path : `${this.nativePath.replace(/\/+$/, "")}/${path}`;
  }

  protected at<T>(path: string, meaning: Meaning, body: (place: Place) => Op<T>): Op<T> {
    return this.descriptor.use("subtree", (fd) =>
      walkFrom(process.platform === "linux" ? `/proc/self/fd/${fd}` : this.nativePath, relative(path), meaning, body),
    );
  }
}

/** Everything there is. */
export const everything = Path.ofDir(new Everything());
/** The directory that the process is in, when it is used. */
export const workingDirectory = Path.ofDir(new WorkingDirectory());
