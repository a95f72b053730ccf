// Paths in memory: where they begin, and what may be reached from there.

import { Cursor } from "../cursor.js";
import { InvalidArgument } from "../engine/invalid-argument.js";
import type { Op } from "../engine/op.js";
import type { File, FileStat } from "../file.js";
import { fromSystemError, IoError } from "../io-error.js";
import type { Dir, DirEntry, OpenedDir, OpenOptions } from "../path.js";
import type { Switch } from "../switch.js";
import { yieldNow } from "../turns.js";
import { walk, type Meaning, type Steps } from "../walk.js";
import { MockFile } from "./file.js";
import type { FsOperation, MockFs } from "./fs.js";
import type { DirectoryInode, InodeTree, OpenFlags } from "./inodes.js";

class Entries extends Cursor<DirEntry> {
  private readonly left: IterableIterator<DirEntry>;
  isOpen = true;

  constructor(entries: readonly DirEntry[]) {
    super();
    this.left = entries.values();
  }

  *next(): Op<boolean> {
    yield* yieldNow();
    if (!this.isOpen) throw fromSystemError(Object.assign(new Error("ERR_DIR_CLOSED"), { code: "ERR_DIR_CLOSED" }));
    const next = this.left.next();
    return next.done === true ? this.moveToEnd() : this.moveTo(next.value);
  }
}

type Body<T> = (at: DirectoryInode, path: string) => Op<T>;

/** Where operations on a path take place: everywhere, or below a directory. */
abstract class MockDir implements Dir {
  abstract readonly label: string;
  readonly files: MockFs;
  protected readonly inodes: InodeTree;
  private readonly steps: Steps<DirectoryInode>;
  /** The path of the directory where paths begin. */
  protected abstract readonly from: string;
  protected abstract readonly isConfined: boolean;

  constructor(files: MockFs) {
    this.files = files;
    const { inodes } = files;
    this.inodes = inodes;
    this.steps = {
      *enter(at, name) {
        return inodes.enter(at, name);
      },
      *leave() {},
      *readLink(at, name) {
        return inodes.readLink(at, name);
      },
    };
  }

  abstract native(path: string): string | undefined;
  /** The directory where paths begin, for an operation that begins now. */
  protected abstract start(): DirectoryInode;

  private absolute(path: string): string {
    return plain(path.startsWith("/") ? path : `${this.from}/${path}`);
  }

  private *do<T>(
    operation: FsOperation,
    path: string,
    meaning: Meaning,
    call: (at: DirectoryInode, path: string) => T,
  ): Op<T> {
    return yield* this.files.do(operation, this.absolute(path), "", () =>
      this.at(path, meaning, function* (at, name) {
        return call(at, name);
      }),
    );
  }

  private *at<T>(path: string, meaning: Meaning, body: Body<T>): Op<T> {
    const start = this.start();
    const relative = path === "" ? "." : path;
    return yield* this.isConfined ? walk(this.steps, start, relative, meaning, body) : body(start, relative);
  }

  *open(path: string, how: "read" | OpenOptions, sw: Switch): Op<File> {
    sw.check();
    const flags = { ...flagsOf(how), noFollow: this.isConfined };
    const meaning = flags.exclusive ? "entry" : flags.create === undefined ? "target" : "creation";
    const node = yield* this.do("open", path, meaning, (at, name) => this.inodes.open(at, name, flags));
    return new MockFile(this.files, node, this.absolute(path), how, sw);
  }

  *mkdir(path: string, perm: number): Op<void> {
    yield* this.do("mkdir", withoutSlashes(path), "entry", (at, name) => this.inodes.mkdir(at, name, perm));
  }

  *rmdir(path: string): Op<void> {
    yield* this.do("rmdir", withoutSlashes(path), "entry", (at, name) => this.inodes.rmdir(at, name));
  }

  *unlink(path: string): Op<void> {
    yield* this.do("unlink", path, "entry", (at, name) => this.inodes.unlink(at, name));
  }

  *rename(path: string, to: Dir, toPath: string): Op<void> {
    if (!(to instanceof MockDir) || to.files !== this.files)
      throw new InvalidArgument(`rename: ${to.label} is of another kind than ${this.label}`);
    const { inodes } = this;
    yield* this.files.do("rename", this.absolute(path), ` to ${to.absolute(toPath)}`, () =>
      this.at(path, "entry", (at, name) =>
        to.at(toPath, "entry", function* (toAt, toName) {
          inodes.rename(at, name, toAt, toName);
        }),
      ),
    );
  }

  *symlink(path: string, target: string): Op<void> {
    const { inodes } = this;
    yield* this.files.do("symlink", this.absolute(path), ` -> ${target}`, () =>
      this.at(path, "entry", function* (at, name) {
        inodes.symlink(at, name, target);
      }),
    );
  }

  *readLink(path: string): Op<string> {
    return yield* this.do("readLink", path, looking(path, false), (at, name) => this.inodes.readLink(at, name));
  }

  *chmod(path: string, perm: number, follow: boolean): Op<void> {
    yield* this.do("chmod", path, looking(path, follow), (at, name) => {
      if (!follow && this.inodes.stat(at, name, false).kind === "symlink")
        throw new IoError({ area: "Io", kind: "Not_available" });
      this.inodes.chmod(at, name, perm);
    });
  }

  *chown(path: string, uid: number | undefined, gid: number | undefined, follow: boolean): Op<void> {
    yield* this.do("chown", path, looking(path, follow), (at, name) => this.inodes.chown(at, name, uid, gid, follow));
  }

  *stat(path: string, follow: boolean): Op<FileStat> {
    return yield* this.do("stat", path, looking(path, follow), (at, name) => this.inodes.stat(at, name, follow));
  }

  *openDir(path: string): Op<OpenedDir> {
    const list = yield* this.do("readDir", path, "target", (at, name) =>
      this.inodes.list(this.inodes.open(at, name, { directory: true }) as DirectoryInode),
    );
    const entries = new Entries(list.map(([name, kind]) => ({ name, kind })));
    const fd = this.files.register(this.absolute(path));
    const { files } = this;
    return {
      entries,
      *close() {
        if (!entries.isOpen) return;
        entries.isOpen = false;
        files.release(fd);
      },
    };
  }

  *openSubtree(path: string, sw: Switch, follow = true): Op<Dir> {
    sw.check();
    const label = path.replace(/\/+$/, "").split("/").at(-1) || this.label;
    const native = this.native(path) ?? path;
    const meaning = follow ? "target" : "entry";
    const directory = yield* this.do("openSubtree", follow ? path : withoutSlashes(path), meaning, (at, name) =>
      this.inodes.open(at, name, { directory: true, noFollow: !follow }),
    );
    return new Subtree(this.files, directory as DirectoryInode, this.absolute(path), label, native, sw);
  }

  freshName(): string {
    return this.files.freshName();
  }
}

function flagsOf(how: "read" | OpenOptions): OpenFlags {
  if (how === "read") return {};
  const { create } = how;
  if (create === "never") return { write: true };
  if ("exclusive" in create) return { write: true, create: create.exclusive, exclusive: true };
  if ("orTruncate" in create) return { write: true, create: create.orTruncate, truncate: true };
  return { write: true, create: create.ifMissing };
}

/** A link with a slash after its name is followed. */
function looking(path: string, follow: boolean): Meaning {
  return follow || path.endsWith("/") ? "target" : "entry";
}

function withoutSlashes(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, "") : path;
}

/** Everything there is. */
export class Everything extends MockDir {
  readonly label: string = "fs";
  protected readonly isConfined: boolean = false;
  protected readonly from: string;

  constructor(files: MockFs) {
    super(files);
    this.from = files.cwdPath;
  }

  protected start(): DirectoryInode {
    return this.files.here;
  }

  native(path: string): string {
    if (path === "") return ".";
    return path.startsWith("/") || path.startsWith("./") ? path : `./${path}`;
  }
}

/** The current directory. */
export class WorkingDirectory extends Everything {
  override readonly label = "cwd";
  protected override readonly isConfined = true;
}

class Subtree extends MockDir {
  readonly label: string;
  protected readonly isConfined = true;
  protected readonly from: string;
  private readonly directory: DirectoryInode;
  private readonly nativePath: string;
  private isOpen = true;

  constructor(files: MockFs, directory: DirectoryInode, from: string, label: string, nativePath: string, sw: Switch) {
    super(files);
    this.label = label;
    this.from = from;
    this.directory = directory;
    this.nativePath = nativePath;
    const fd = files.register(from);
    sw.addHook(() => {
      this.isOpen = false;
      files.release(fd);
    });
  }

  protected start(): DirectoryInode {
    if (!this.isOpen) throw new InvalidArgument("subtree: file descriptor used after calling close!");
    return this.directory;
  }

  native(path: string): string {
    if (path === "") return this.nativePath;
    return path.startsWith("/") ? path : `${this.nativePath.replace(/\/+$/, "")}/${path}`;
  }
}

/** A path from the root, as faults and traces name it. */
export function plain(path: string): string {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return `/${names.join("/")}`;
}
