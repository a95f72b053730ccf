// A tree of files in memory, with the calls and the errors of Linux. Each call is done at once, or throws an error with a `code`.

import type { FileKind, FileStat } from "../file.js";
import { systemError } from "../walk.js";

/** Who asks: 0 may do everything. */
export interface User {
  readonly uid: number;
  readonly gid: number;
}

abstract class Inode {
  abstract readonly kind: FileKind;
  readonly ino: bigint;
  perm: number;
  uid: number;
  gid: number;
  /** How many names it has; 0 when it is only held open. */
  nlink = 1;
  atime: bigint;
  mtime: bigint;
  ctime: bigint;

  constructor(tree: InodeTree, perm: number) {
    this.ino = tree.nextIno();
    this.perm = perm;
    ({ uid: this.uid, gid: this.gid } = tree.user);
    this.atime = this.mtime = this.ctime = tree.now();
  }

  abstract readonly size: number;
}

/** A file. */
export class FileInode extends Inode {
  readonly kind = "regular";
  size = 0;
  private buffer = new Uint8Array(0);

  /** A copy. */
  get bytes(): Uint8Array {
    return this.buffer.slice(0, this.size);
  }

  /** Fills what is given as far as there is something at `offset`; gives the number of bytes. */
  readInto(buffer: Uint8Array, offset: number): number {
    const bytes = this.buffer.subarray(Math.min(offset, this.size), Math.min(offset + buffer.length, this.size));
    buffer.set(bytes);
    return bytes.length;
  }

  write(bytes: Uint8Array, offset: number): void {
    if (bytes.length === 0) return;
    this.reserve(offset + bytes.length);
    this.buffer.set(bytes, offset);
    this.size = Math.max(this.size, offset + bytes.length);
  }

  resize(size: number): void {
    this.reserve(size);
    // What comes back after a cut is empty.
    this.buffer.fill(0, Math.min(size, this.size), this.size);
    this.size = size;
  }

  private reserve(size: number): void {
    if (size <= this.buffer.length) return;
    const larger = new Uint8Array(Math.max(size, 2 * this.buffer.length));
    larger.set(this.buffer);
    this.buffer = larger;
  }
}

/** A directory. */
export class DirectoryInode extends Inode {
  readonly kind = "directory";
  readonly size = 4096;
  readonly entries = new Map<string, AnyInode>();
  /** Its own parent, if it is the root. */
  parent: DirectoryInode;

  constructor(tree: InodeTree, perm: number, parent?: DirectoryInode) {
    super(tree, perm);
    this.parent = parent ?? this;
    this.nlink = 2;
  }

  /** Whether `node` is this, or something in or below this. */
  contains(node: DirectoryInode): boolean {
    for (let at = node; ; at = at.parent) {
      if (at === this) return true;
      if (at === at.parent) return false;
    }
  }
}

/** A link. */
export class LinkInode extends Inode {
  readonly kind = "symlink";
  readonly target: string;

  constructor(tree: InodeTree, target: string) {
    super(tree, 0o777);
    this.target = target;
  }

  get size(): number {
    return lengthInBytes(this.target);
  }
}

/** Whatever has a place in the tree. */
export type AnyInode = FileInode | DirectoryInode | LinkInode;

/** How a file is opened. */
export interface OpenFlags {
  readonly write?: boolean;
  /** With these permissions, if it is missing. */
  readonly create?: number;
  readonly exclusive?: boolean;
  readonly truncate?: boolean;
  readonly directory?: boolean;
  /** A link in the place of the last name is refused. */
  readonly noFollow?: boolean;
}

/** What becomes of the last name, if it is a link. */
type Last =
  /** It is what is meant. */
  | "entry"
  /** It is what is meant, unless a slash follows. */
  | "look"
  /** It is followed. */
  | "follow"
  /** It is followed, and no slash may come after what is to be created. */
  | "create";

/** Where a path ends. */
interface Found {
  readonly at: DirectoryInode;
  /** `.`, `..` and `/` are no names of entries. */
  readonly name: string;
  readonly node: AnyInode | undefined;
  /** Whether a slash follows, so that it has to be a directory. */
  readonly slash: boolean;
}

const MOST_LINKS = 40;
const LONGEST_NAME = 255;
const LONGEST_PATH = 4095;

const READ = 4;
const WRITE = 2;
const SEARCH = 1;

/** The tree, and the calls that a system has for it. A path begins at `from`, unless it begins with a slash. */
export class InodeTree {
  readonly now: () => bigint;
  readonly user: User;
  readonly umask: number;
  readonly root: DirectoryInode;
  private lastIno = 0n;

  /** @param now  the time, in nanoseconds */
  constructor(now: () => bigint, user: User, umask: number) {
    this.now = now;
    this.user = user;
    this.umask = umask;
    this.root = new DirectoryInode(this, 0o755);
  }

  nextIno(): bigint {
    return ++this.lastIno;
  }

  // --- finding ---

  private find(from: DirectoryInode, path: string, last: Last): Found {
    if (path === "") throw systemError("ENOENT");
    if (lengthInBytes(path) > LONGEST_PATH) throw systemError("ENAMETOOLONG");
    let at = path.startsWith("/") ? this.root : from;
    const left = namesIn(path);
    let slash = false;
    for (let links = 0; ;) {
      const written = left.pop();
      if (written === undefined) return { at: this.root, name: "/", node: this.root, slash };
      const name = written.replace("/", "");
      const isLast = left.length === 0;
      const node = this.entry(at, name);
      if (isLast) {
        const isName = name !== "." && name !== "..";
        if (last === "create" && isName && written !== name) throw systemError("EISDIR");
        slash ||= written !== name;
        const follows = last === "follow" || last === "create" || (last === "look" && slash);
        if (!(node instanceof LinkInode && follows)) return { at, name, node, slash };
      } else if (!node) throw systemError("ENOENT");
      if (node instanceof LinkInode) {
        if (++links > MOST_LINKS) throw systemError("ELOOP");
        if (node.target.startsWith("/")) at = this.root;
        left.push(...namesIn(node.target));
      } else if (node instanceof DirectoryInode) at = node;
      else throw systemError("ENOTDIR");
    }
  }

  private entry(at: DirectoryInode, name: string): AnyInode | undefined {
    this.expectAccess(at, SEARCH);
    if (name === ".") return at;
    if (name === "..") return at.parent;
    if (lengthInBytes(name) > LONGEST_NAME) throw systemError("ENAMETOOLONG");
    return at.entries.get(name);
  }

  /** What is there. */
  private existing(from: DirectoryInode, path: string, follow: boolean): AnyInode {
    const { node, slash } = this.find(from, path, follow ? "follow" : "look");
    if (!node) throw systemError("ENOENT");
    if (slash && !(node instanceof DirectoryInode)) throw systemError("ENOTDIR");
    return node;
  }

  private expectAccess(node: AnyInode, bits: number): void {
    const { uid, gid } = this.user;
    if (uid === 0) return;
    const granted = node.uid === uid ? node.perm >> 6 : node.gid === gid ? node.perm >> 3 : node.perm;
    if ((granted & bits) !== bits) throw systemError("EACCES");
  }

  // --- the calls ---

  open(from: DirectoryInode, path: string, flags: OpenFlags): FileInode | DirectoryInode {
    const { write = false, create, exclusive = false, truncate = false, directory = false, noFollow = false } = flags;
    const creates = create !== undefined;
    const last = exclusive ? "entry" : creates ? "create" : noFollow ? "look" : "follow";
    const { at, name, node, slash } = this.find(from, path, last === "create" && noFollow ? "entry" : last);
    const isName = isEntry(name);
    if (creates && isName && slash) throw systemError("EISDIR");
    if (!node) {
      if (!creates) throw systemError("ENOENT");
      return this.add(at, name, new FileInode(this, create & ~this.umask & 0o7777));
    }
    if (exclusive) throw systemError("EEXIST");
    if (node instanceof DirectoryInode && (creates || write)) throw systemError("EISDIR");
    if ((directory || slash) && !(node instanceof DirectoryInode)) throw systemError("ENOTDIR");
    if (node instanceof LinkInode) throw systemError("ELOOP");
    this.expectAccess(node, write ? READ | WRITE : READ);
    if (truncate && node instanceof FileInode) this.truncate(node, 0);
    return node;
  }

  /** The directory `name` in `at`, to be a place; not what a link leads to. */
  enter(at: DirectoryInode, name: string): DirectoryInode {
    const node = this.entry(at, name);
    if (!node) throw systemError("ENOENT");
    if (!(node instanceof DirectoryInode)) throw systemError("ENOTDIR");
    return node;
  }

  mkdir(from: DirectoryInode, path: string, perm: number): void {
    const { at, name, node } = this.find(from, path, "entry");
    if (node) throw systemError("EEXIST");
    this.add(at, name, new DirectoryInode(this, perm & ~this.umask & 0o1777, at));
  }

  symlink(from: DirectoryInode, path: string, target: string): void {
    if (target === "") throw systemError("ENOENT");
    if (lengthInBytes(target) > LONGEST_PATH) throw systemError("ENAMETOOLONG");
    const { at, name, node, slash } = this.find(from, path, "entry");
    if (node) throw systemError("EEXIST");
    if (slash) throw systemError("ENOENT");
    this.add(at, name, new LinkInode(this, target));
  }

  readLink(from: DirectoryInode, path: string): string {
    const node = this.existing(from, path, false);
    if (!(node instanceof LinkInode)) throw systemError("EINVAL");
    return node.target;
  }

  unlink(from: DirectoryInode, path: string): void {
    const { at, name, node, slash } = this.find(from, path, "entry");
    if (!isEntry(name)) throw systemError("EISDIR");
    if (!node) throw systemError("ENOENT");
    if (slash) throw systemError(node instanceof DirectoryInode ? "EISDIR" : "ENOTDIR");
    this.expectAccess(at, WRITE | SEARCH);
    if (node instanceof DirectoryInode) throw systemError("EISDIR");
    this.remove(at, name, node);
  }

  rmdir(from: DirectoryInode, path: string): void {
    const { at, name, node } = this.find(from, path, "entry");
    if (name === ".") throw systemError("EINVAL");
    if (name === "..") throw systemError("ENOTEMPTY");
    if (name === "/") throw systemError("EBUSY");
    if (!node) throw systemError("ENOENT");
    this.expectAccess(at, WRITE | SEARCH);
    if (!(node instanceof DirectoryInode)) throw systemError("ENOTDIR");
    if (node.entries.size > 0) throw systemError("ENOTEMPTY");
    this.remove(at, name, node);
  }

  rename(from: DirectoryInode, path: string, to: DirectoryInode, toPath: string): void {
    const old = this.find(from, path, "entry");
    const place = this.find(to, toPath, "entry");
    if (!isEntry(old.name) || !isEntry(place.name)) throw systemError("EBUSY");
    const { node } = old;
    if (!node) throw systemError("ENOENT");
    const isDirectory = node instanceof DirectoryInode;
    if (!isDirectory && (old.slash || place.slash)) throw systemError("ENOTDIR");
    const { node: target } = place;
    if (isDirectory && node.contains(place.at)) throw systemError("EINVAL");
    if (target instanceof DirectoryInode && target.contains(old.at)) throw systemError("ENOTEMPTY");
    if (target === node) return;
    this.expectAccess(old.at, WRITE | SEARCH);
    if (isDirectory && old.at !== place.at) this.expectAccess(node, WRITE);
    this.expectAccess(place.at, WRITE | SEARCH);
    if (target) {
      if (isDirectory && !(target instanceof DirectoryInode)) throw systemError("ENOTDIR");
      if (!isDirectory && target instanceof DirectoryInode) throw systemError("EISDIR");
      if (target instanceof DirectoryInode && target.entries.size > 0) throw systemError("ENOTEMPTY");
    } else if (place.at.nlink === 0) throw systemError("ENOENT");
    if (target) this.remove(place.at, place.name, target);
    this.remove(old.at, old.name, node);
    node.nlink = isDirectory ? 2 + subdirectories(node) : 1;
    if (isDirectory) node.parent = place.at;
    this.add(place.at, place.name, node);
  }

  chmod(from: DirectoryInode, path: string, perm: number): void {
    const node = this.existing(from, path, true);
    if (this.user.uid !== 0 && this.user.uid !== node.uid) throw systemError("EPERM");
    node.perm = perm & 0o7777;
    node.ctime = this.now();
  }

  chown(from: DirectoryInode, path: string, uid: number | undefined, gid: number | undefined, follow: boolean): void {
    const node = this.existing(from, path, follow);
    const isOwn = this.user.uid === node.uid && (uid ?? node.uid) === node.uid && (gid ?? node.gid) === node.gid;
    if (this.user.uid !== 0 && !isOwn) throw systemError("EPERM");
    node.uid = uid ?? node.uid;
    node.gid = gid ?? node.gid;
    node.ctime = this.now();
  }

  stat(from: DirectoryInode, path: string, follow: boolean): FileStat {
    return statOf(this.existing(from, path, follow));
  }

  /** What is in it, in the order in which it came. */
  list(directory: DirectoryInode): [name: string, kind: FileKind][] {
    directory.atime = this.now();
    return [...directory.entries].map(([name, { kind }]) => [name, kind]);
  }

  truncate(file: FileInode, size: number): void {
    file.resize(size);
    file.mtime = file.ctime = this.now();
  }

  // --- entries ---

  private add<N extends AnyInode>(at: DirectoryInode, name: string, node: N): N {
    if (at.nlink === 0) throw systemError("ENOENT");
    this.expectAccess(at, WRITE | SEARCH);
    at.entries.set(name, node);
    if (node instanceof DirectoryInode) at.nlink++;
    at.mtime = at.ctime = this.now();
    return node;
  }

  private remove(at: DirectoryInode, name: string, node: AnyInode): void {
    at.entries.delete(name);
    if (node instanceof DirectoryInode) at.nlink--;
    node.nlink = 0;
    node.ctime = at.mtime = at.ctime = this.now();
  }
}

function subdirectories(directory: DirectoryInode): number {
  let count = 0;
  for (const node of directory.entries.values()) if (node instanceof DirectoryInode) count++;
  return count;
}

function isEntry(name: string): boolean {
  return name !== "." && name !== ".." && name !== "/";
}

/** The last one first, and with the slash that follows it. */
function namesIn(path: string): string[] {
  const names = path.match(/[^/]+(?:\/+$)?/g) ?? [];
  return names.map((name) => name.replace(/\/+$/, "/")).reverse();
}

function lengthInBytes(text: string): number {
  return new TextEncoder().encode(text).length;
}

const BLOCK = 4096;

export function statOf(node: AnyInode): FileStat {
  const { kind, perm, size, ino, nlink, uid, gid, atime, mtime, ctime } = node;
  const dateOf = (ns: bigint) => new Date(Number(ns / 1_000_000n));
  return {
    kind,
    perm,
    size,
    dev: 1n,
    ino,
    nlink,
    uid,
    gid,
    rdev: 0n,
    blksize: BLOCK,
    blocks: (Math.ceil(size / BLOCK) * BLOCK) / 512,
    atime: dateOf(atime),
    mtime: dateOf(mtime),
    ctime: dateOf(ctime),
    atimeNs: atime,
    mtimeNs: mtime,
    ctimeNs: ctime,
  };
}
