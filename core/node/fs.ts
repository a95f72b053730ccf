// The file system of Node.

import {
  chmod,
  chown,
  constants,
  fstat,
  lchown,
  lstat,
  mkdir,
  opendir,
  readlink,
  rename,
  rmdir,
  stat,
  symlink,
  unlink,
  type Dir as NodeDir,
  type Dirent,
} from "node:fs";
import { Cursor } from "../cursor.js";
import { protect } from "../cancel.js";
import { InvalidArgument } from "../engine/invalid-argument.js";
import type { Op } from "../engine/op.js";
import type { File, FileStat } from "../file.js";
import { addContext, fromSystemError, IoError } from "../io-error.js";
import type { Create, Dir, DirEntry, OpenedDir, OpenOptions } from "../path.js";
import { Path } from "../path.js";
import type { Switch } from "../switch.js";
import { systemMonoClock } from "../system-clock.js";
import { yieldNow } from "../turns.js";
import { systemError, type Meaning } from "../walk.js";
import { call, system, translated } from "./call.js";
import { Descriptor } from "./descriptor.js";
import { Fifo } from "./fifo.js";
import { NodeFile } from "./file.js";
import { kindOf, statOf } from "./file-stat.js";
import { closeFd, isAbsolute, isLinux, O_PATH, openFd, walkFrom, type Place } from "./walk.js";

// --- opening files ---

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

/** Waits while nobody reads: longer each time, and in no thread of the pool. */
function* untilRead(open: () => Op<number | undefined>): Op<number> {
  for (let delay = SHORTEST_DELAY; ; delay = Math.min(2 * delay, LONGEST_DELAY)) {
    const fd = yield* open();
    if (fd !== undefined) return fd;
    yield* systemMonoClock.sleep(delay);
  }
}

/** In seconds. The system does not tell when somebody comes to read. */
const SHORTEST_DELAY = 0.001;
const LONGEST_DELAY = 0.05;

/** Undefined for a FIFO that nobody reads. Opened to be read as well, it would look to other writers as if somebody did. */
function* openUnlessUnread(native: string, flags: number, perm: number): Op<number | undefined> {
  if (!(yield* isFifo(native))) return yield* openFd(native, flags, perm);
  try {
    return yield* openFd(native, (flags & constants.O_NOFOLLOW) | constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ENXIO") throw error;
    return undefined;
  }
}

function isFifo(native: string): Op<boolean> {
  return call<boolean>("stat", (done) => stat(native, (error, stats) => done(null, !error && stats.isFIFO())));
}

/** A file that has been opened as `fd`; it is given back if that fails. */
function* fileOf(fd: number, name: string, sw: Switch, { isReader, appends }: Access): Op<File> {
  let fifo: Fifo | undefined;
  const descriptor = yield* Descriptor.own(fd, {
    name,
    sw,
    release: (raw) => (fifo ? fifo.giveBack(raw) : closeFd(raw)),
  });
  try {
    const { kind } = yield* protect(() => statOf("stat", (done) => fstat(fd, { bigint: true }, done)));
    if (kind === "fifo") return (fifo = new Fifo(descriptor, isReader));
    return new NodeFile(descriptor, { sw, hasPositions: kind === "regular", appends });
  } catch (error) {
    yield* descriptor.close();
    throw error;
  }
}

/** What a file has been opened for. */
interface Access {
  readonly isReader: boolean;
  readonly appends: boolean;
}

// --- what is there ---

class Entries extends Cursor<DirEntry> {
  private readonly dir: NodeDir;
  private readonly path: Path;

  constructor(dir: NodeDir, path: Path) {
    super();
    this.dir = dir;
    this.path = path;
  }

  *next(): Op<boolean> {
    yield* yieldNow();
    const entry = yield* this.read();
    if (entry === null) return this.moveToEnd();
    return this.moveTo({ name: entry.name, kind: kindOf(entry) });
  }

  private *read(): Op<Dirent | null> {
    try {
      return yield* system<Dirent | null>("reading a directory", (done) => this.dir.read(done));
    } catch (error) {
      throw addContext(error, `reading directory ${String(this.path)}`);
    }
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
    const mayBeThere = how !== "read" && (flags & constants.O_EXCL) === 0;
    const attempt = mayBeThere ? openUnlessUnread : openFd;
    const fd = yield* untilRead(() =>
      this.do<number | undefined>(path, meaningOf(flags), (native) => attempt(native, flags | more, perm)),
    );
    const appends = (flags & constants.O_APPEND) !== 0;
    const name = String(Path.ofDir(this).join(path));
    return yield* fileOf(fd, name, sw, { isReader: how === "read", appends });
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
    const change = follow && !this.isConfined ? changeMode : changeOwnMode;
    yield* this.do(path, looking(path, follow), (native) => change(native, perm, follow));
  }

  *chown(path: string, uid = -1, gid = -1, follow: boolean): Op<void> {
    const change = follow && !this.isConfined ? chown : lchown;
    yield* this.do(path, looking(path, follow), (native) =>
      call<void>("chown", (done) => change(native, uid, gid, done)),
    );
  }

  *stat(path: string, follow: boolean): Op<FileStat> {
    const look = follow && !this.isConfined ? stat : lstat;
    const found = yield* this.do(path, looking(path, follow), (native) =>
      statOf("stat", (done) => look(native, { bigint: true }, done)),
    );
    if (follow && found.kind === "symlink") throw fromSystemError(exchanged(path));
    return found;
  }

  *openDir(path: string): Op<OpenedDir> {
    const list = this.isConfined ? listOwn : listAny;
    const dir = yield* this.do(path, "target", (native) => list(native));
    return {
      entries: new Entries(dir, Path.ofDir(this).join(path)),
      close: () => call<void>("closing a directory", (done) => dir.close(() => done(null))),
    };
  }

  *openSubtree(path: string, sw: Switch, follow = true): Op<Dir> {
    sw.check();
    const label = path.replace(/\/+$/, "").split("/").at(-1) || this.label;
    const native = this.native(path) ?? path;
    const flags = this.isConfined || !follow ? OWN_DIRECTORY : DIRECTORY;
    const fd = yield* this.do(follow ? path : withoutSlashes(path), follow ? "target" : "entry", (name) =>
      openFd(name, flags),
    );
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

// --- what is there when it is used, which need not be what was found ---
//
// Whoever can write to a directory can put a link in the place of what a walk has found there. So where a path is confined, the system is never
// given a name to follow.

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY;
const OWN_DIRECTORY = DIRECTORY | constants.O_NOFOLLOW;

function exchanged(path: string): Error {
  return systemError("ELOOP", path);
}

function listAny(native: string): Op<NodeDir> {
  return call<NodeDir>("opendir", (done) => opendir(native, done));
}

function* listOwn(native: string): Op<NodeDir> {
  if (!isLinux) return yield* listAny(native);
  const fd = yield* openFd(native, OWN_DIRECTORY);
  return yield* closing(fd, () => listAny(`/proc/self/fd/${fd}`));
}

function changeMode(native: string, perm: number): Op<void> {
  return call<void>("chmod", (done) => chmod(native, perm, done));
}

/** Never of what a link leads to. */
function* changeOwnMode(native: string, perm: number, follow: boolean): Op<void> {
  const expectNoLink = ({ kind }: FileStat): void => {
    if (kind === "symlink") throw follow ? exchanged(native) : notAvailable();
  };
  if (!isLinux) {
    expectNoLink(yield* statOf("stat", (done) => lstat(native, { bigint: true }, done)));
    return yield* changeMode(native, perm);
  }
  const fd = yield* openFd(native, O_PATH | constants.O_NOFOLLOW);
  yield* closing(fd, function* () {
    expectNoLink(yield* statOf("stat", (done) => fstat(fd, { bigint: true }, done)));
    yield* changeMode(`/proc/self/fd/${fd}`, perm);
  });
}

/** Runs `body`, which is not cancelled, and closes `fd`. */
function closing<T>(fd: number, body: () => Op<T>): Op<T> {
  return protect(function* () {
    try {
      return yield* body();
    } finally {
      yield* closeFd(fd);
    }
  });
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
  return isAbsolute(path) || path.startsWith("./") ? path : `./${path}`;
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
    return isAbsolute(path) ? path : `${this.nativePath.replace(/\/+$/, "")}/${path}`;
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
