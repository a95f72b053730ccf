// Files and directories as capabilities: a path is a directory that one was given, and a way from there.

import { BufRead } from "./buf-read.js";
import type { Cursor } from "./cursor.js";
import { protect } from "./cancel.js";
import { expectBody, expectOptions, refuse } from "./engine/describe.js";
import { InvalidArgument } from "./engine/invalid-argument.js";
import type { Op } from "./engine/op.js";
import type { File, FileKind, FileStat } from "./file.js";
import { decode, EndOfFile, write } from "./flow.js";
import { addContext, IoError } from "./io-error.js";
import { Switch } from "./switch.js";

/** What to do when a file is there, or is not; the number is the permissions of a new one, before the umask. */
export type Create =
  "never" | { readonly ifMissing: number } | { readonly orTruncate: number } | { readonly exclusive: number };

/** How a file is opened for writing. */
export interface OpenOptions {
  create: Create;
  /** Every write goes to the end. Default false. */
  append?: boolean;
}

/** An entry of a directory. */
export interface DirEntry {
  readonly name: string;
  readonly kind: FileKind;
}

/** An open directory, entry by entry. */
export interface OpenedDir {
  readonly entries: Cursor<DirEntry>;
  close(): Op<void>;
}

/**
 * What provides a part of the file system. Paths are as programs write them; a provider that is confined refuses those that lead out of
 * it. For authors of such providers; programs use {@link Path}.
 */
export interface Dir {
  /** Shown in errors: `cwd`, `fs`, or a name. */
  readonly label: string;
  /** The path that programs without capabilities would use. */
  native(path: string): string | undefined;
  open(path: string, how: "read" | OpenOptions, sw: Switch): Op<File>;
  mkdir(path: string, perm: number): Op<void>;
  rmdir(path: string): Op<void>;
  unlink(path: string): Op<void>;
  /** @throws InvalidArgument when `to` is of another kind */
  rename(path: string, to: Dir, toPath: string): Op<void>;
  symlink(path: string, target: string): Op<void>;
  readLink(path: string): Op<string>;
  chmod(path: string, perm: number, follow: boolean): Op<void>;
  chown(path: string, uid: number | undefined, gid: number | undefined, follow: boolean): Op<void>;
  stat(path: string, follow: boolean): Op<FileStat>;
  openDir(path: string): Op<OpenedDir>;
  /** With `follow` false, a link in the place of the directory is an error. Default true. */
  openSubtree(path: string, sw: Switch, follow?: boolean): Op<Dir>;
  /** A part of a name that nothing here has. Default: at random. */
  freshName?(): string;
}

/**
 * A place in the file system that can be reached from a directory that one was given: `env.cwd`, which cannot be left, neither by `..`
 * nor by links; or `env.fs`, which is everything. Errors name the path and what was being done.
 *
 * @example
 * const notes = env.cwd.join("notes.txt");
 * yield* notes.load(); // => "the notes"
 * String(notes); // => "<cwd:notes.txt>"
 */
export class Path {
  readonly dir: Dir;
  /** The way from there; empty for the directory itself. */
  readonly path: string;

  private constructor(dir: Dir, path: string) {
    this.dir = dir;
    this.path = path;
  }

  /** The directory `dir` itself. */
  static ofDir(dir: Dir): Path {
    if (typeof (dir as Partial<Dir> | undefined | null)?.label !== "string")
      refuse("Path.ofDir", "dir", "a Dir (something with a label, and methods)", dir);
    return new Path(dir, "");
  }

  // --- as text ---

  /** The place that `step` leads to from here. An absolute one leads from the root, which only `env.fs` lets one reach. */
  join(step: string): Path {
    if (typeof step !== "string") refuse("Path.join", "step", "a string", step);
    expectName("Path.join", step);
    return new Path(this.dir, joined(this.path, step));
  }

  /** The directory that this is in, and the last name; undefined where there is none. */
  split(): [parent: Path, name: string] | undefined {
    const parts = splitPath(this.path);
    return parts && [new Path(this.dir, parts[0]), parts[1]];
  }

  /** `<cwd:path>`. */
  toString(): string {
    const path = this.path === "" ? "" : `:${this.path}`;

    return `<${this.dir.label}${path}>`.replace(/[\u0000-\u001f\u007f]/g, (c) => JSON.stringify(c).slice(1, -1));
  }

  /** What programs without capabilities would write, if there is such a thing. Nothing is checked. */
  native(): string | undefined {
    return this.dir.native(this.path);
  }

  /**
   * Like {@link native}.
   *
   * @throws IoError  `Fs Not_native`
   */
  nativeOrThrow(): string {
    const native = this.native();
    if (native === undefined) throw new IoError({ area: "Fs", kind: "Not_native" }, [`naming ${String(this)}`]);
    return native;
  }

  private *doing<T>(step: string, op: Op<T>): Op<T> {
    try {
      return yield* op;
    } catch (error) {
      throw addContext(error, step);
    }
  }

  // --- files ---

  /**
   * All of a file, as text in UTF-8. A cancellation point, as is everything that follows.
   *
   * @throws IoError  with the step `opening <path>` or `loading <path>`
   * @throws TypeError when it is not UTF-8; {@link loadBytes} takes anything
   */
  *load(): Op<string> {
    return decode(yield* this.loadBytes());
  }

  /** All of a file, as it is. */
  *loadBytes(): Op<Uint8Array> {
    return yield* this.withOpenIn((file) => this.doing(`loading ${String(this)}`, contentsOf(file)));
  }

  /**
   * Writes a file: `data` is all that is in it, unless `create` or `append` say otherwise. With `atomic`, others see the old file or the
   * new one, and nothing in between, even after a crash; nothing is left beside it when that fails.
   *
   * @example
   * yield* env.cwd.join("notes.txt").save("new notes", { create: { orTruncate: 0o644 } });
   */
  *save(data: string | Uint8Array, options: OpenOptions & { atomic?: boolean }): Op<void> {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    if (!(bytes instanceof Uint8Array)) refuse("Path.save", "data", "a string or a Uint8Array", data);
    expectGiven("Path.save", "{ create }", options);
    expectCreate("Path.save", options.create);
    if (options.atomic === true) return yield* this.doing(`saving ${String(this)}`, this.replace(bytes, options));
    yield* this.withOpenOut(options, (file) => this.doing(`saving ${String(this)}`, write(file, [bytes])));
  }

  private freshName(): string {
    return this.dir.freshName?.() ?? Math.random().toString(36).slice(2, 12).padEnd(10, "0");
  }

  /** Writes beside the file first. */
  private *replace(bytes: Uint8Array, { create, append }: OpenOptions): Op<void> {
    if (typeof create !== "object" || !("orTruncate" in create))
      throw new InvalidArgument("Path.save: atomic needs create: { orTruncate }");
    if (append === true) throw new InvalidArgument("Path.save: atomic writes a new file, and cannot append");
    const parts = this.split();
    if (!parts || parts[1] === "." || parts[1] === "..")
      throw new InvalidArgument(`Path.save: ${String(this)} is not the name of a file`);
    // A part of the name is enough to tell whose it is, and all of it may leave no room for more.
    const beside = parts[0].join(`.${parts[1].slice(0, 50)}.${this.freshName()}`);
    let isOurs = false;
    try {
      yield* beside.withOpenOut({ create: { exclusive: create.orTruncate } }, function* (file) {
        isOurs = true;
        yield* write(file, [bytes]);
        yield* file.sync();
      });
      yield* beside.rename(this);
    } catch (error) {
      if (isOurs) yield* protect(() => discard(beside));
      throw error;
    }
  }

  /**
   * Runs `fn` with the lines of a file, of any length, as they are asked for.
   *
   * @example
   * yield* env.cwd.join("notes.txt").withLines(function* (lines) {
   *   while (yield* lines.next()) log(lines.value);
   * });
   */
  *withLines<T>(fn: (lines: Cursor<string>) => Op<T>): Op<T> {
    expectBody("Path.withLines", "fn", fn);
    return yield* this.withOpenIn((file) => fn(new BufRead(file, { maxSize: Infinity }).lines()));
  }

  /** Opens a file to be read; `sw` closes it. */
  openIn(options: { sw: Switch }): Op<File> {
    expectGiven("Path.openIn", "{ sw }", options);
    const { sw } = options;
    expectSwitch("Path.openIn", sw);
    return this.doing(`opening ${String(this)}`, this.dir.open(this.path, "read", sw));
  }

  /** Opens a file to be written, and read; `sw` closes it. */
  openOut(given: OpenOptions & { sw: Switch }): Op<File> {
    expectGiven("Path.openOut", "{ sw, create }", given);
    const { sw, ...options } = given;
    expectSwitch("Path.openOut", sw);
    expectCreate("Path.openOut", options.create);
    return this.doing(`opening ${String(this)}`, this.dir.open(this.path, options, sw));
  }

  /** Runs `fn` with the file opened to be read, and closes it. */
  *withOpenIn<T>(fn: (file: File) => Op<T>): Op<T> {
    expectBody("Path.withOpenIn", "fn", fn);
    return yield* Switch.run((sw) => opened(this.openIn({ sw }), fn), { name: "Path.withOpenIn" });
  }

  /** Runs `fn` with the file opened to be written, and closes it. */
  *withOpenOut<T>(options: OpenOptions, fn: (file: File) => Op<T>): Op<T> {
    expectGiven("Path.withOpenOut", "{ create }", options);
    expectCreate("Path.withOpenOut", options.create);
    expectBody("Path.withOpenOut", "fn", fn);
    return yield* Switch.run((sw) => opened(this.openOut({ ...options, sw }), fn), { name: "Path.withOpenOut" });
  }

  // --- directories ---

  /** Creates a directory, with permissions `perm` before the umask. */
  mkdir(options: { perm: number }): Op<void> {
    expectGiven("Path.mkdir", "{ perm }", options);
    const { perm } = options;
    expectPerm("Path.mkdir", "options.perm", perm);
    return this.doing(`creating directory ${String(this)}`, this.dir.mkdir(this.path, perm));
  }

  /** Creates a directory, and those above it that are missing. With `existsOk`, it may be there already. */
  *mkdirs(options: { perm: number; existsOk?: boolean }): Op<void> {
    expectGiven("Path.mkdirs", "{ perm }", options);
    const { perm, existsOk = false } = options;
    expectPerm("Path.mkdirs", "options.perm", perm);
    yield* this.doing(`creating directory ${String(this)}`, this.createParent(perm));
    try {
      yield* this.mkdir({ perm });
    } catch (error) {
      const exists = error instanceof IoError && error.err.area === "Fs" && error.err.kind === "Already_exists";
      if (!existsOk || !exists || !(yield* this.isDirectory())) throw error;
    }
  }

  private *createParent(perm: number): Op<void> {
    const [parent] = this.split() ?? [];
    if (!parent || parent.path === "" || (yield* parent.kind({ follow: true })) === "directory") return;
    yield* parent.mkdirs({ perm, existsOk: true });
  }

  /** The names in a directory, sorted by their bytes. */
  *readDir(): Op<string[]> {
    return (yield* this.readDirEntries()).map(({ name }) => name);
  }

  /** The entries of a directory, sorted by the bytes of their names. */
  *readDirEntries(): Op<DirEntry[]> {
    const entries = yield* this.withDirEntries(function* (cursor) {
      const all: DirEntry[] = [];
      while (yield* cursor.next()) all.push(cursor.value);
      return all;
    });
    const encoder = new TextEncoder();
    const keyed = entries.map((entry) => ({ entry, bytes: encoder.encode(entry.name) }));
    return keyed.sort((a, b) => compare(a.bytes, b.bytes)).map(({ entry }) => entry);
  }

  /** Runs `fn` with the entries of a directory, as they are asked for and in any order. */
  *withDirEntries<T>(fn: (entries: Cursor<DirEntry>) => Op<T>): Op<T> {
    expectBody("Path.withDirEntries", "fn", fn);
    const opened = yield* this.doing(`reading directory ${String(this)}`, this.dir.openDir(this.path));
    try {
      return yield* fn(opened.entries);
    } finally {
      yield* protect(() => opened.close());
    }
  }

  /** The directory as a capability of its own: from there, nothing outside of it can be reached. `sw` closes it. */
  *openSubtree(options: { sw: Switch }): Op<Path> {
    expectGiven("Path.openSubtree", "{ sw }", options);
    const { sw } = options;
    expectSwitch("Path.openSubtree", sw);
    return Path.ofDir(yield* this.doing(`opening directory ${String(this)}`, this.dir.openSubtree(this.path, sw)));
  }

  /** Runs `fn` with the directory as a capability of its own. */
  *withSubtree<T>(fn: (subtree: Path) => Op<T>): Op<T> {
    expectBody("Path.withSubtree", "fn", fn);
    return yield* Switch.run((sw) => opened(this.openSubtree({ sw }), fn), { name: "Path.withSubtree" });
  }

  /**
   * Creates a directory of a new name in this one, which is removed with all that is in it when `sw` ends.
   *
   * @example
   * const scratch = yield* env.cwd.openTemporary({ sw });
   * yield* scratch.join("draft").save("...", { create: { exclusive: 0o600 } });
   */
  *openTemporary(options: { sw: Switch }): Op<Path> {
    expectGiven("Path.openTemporary", "{ sw }", options);
    const { sw } = options;
    expectSwitch("Path.openTemporary", sw);
    sw.check();
    const path = this.join(`tmp-${this.freshName()}`);
    yield* path.mkdir({ perm: 0o700 });
    try {
      sw.addHook(() => path.rmtree({ missingOk: true }));
    } catch (error) {
      yield* protect(() => path.rmdir());
      throw error;
    }
    return path;
  }

  // --- what is there ---

  /** What the file system knows; with `follow`, about what a link leads to. */
  stat(options: { follow: boolean }): Op<FileStat> {
    const follow = followOf("Path.stat", options);
    return this.doing(`examining ${String(this)}`, this.dir.stat(this.path, follow));
  }

  /** What is there; `"not_found"` if nothing is. */
  *kind(options: { follow: boolean }): Op<FileKind | "not_found"> {
    const follow = followOf("Path.kind", options);
    try {
      return (yield* this.stat({ follow })).kind;
    } catch (error) {
      if (isMissing(error)) return "not_found";
      throw error;
    }
  }

  /** Whether there is a file, or a link to one. */
  *isFile(): Op<boolean> {
    return (yield* this.kind({ follow: true })) === "regular";
  }

  /** Whether there is a directory, or a link to one. */
  *isDirectory(): Op<boolean> {
    return (yield* this.kind({ follow: true })) === "directory";
  }

  /** The text of a link. */
  readLink(): Op<string> {
    return this.doing(`reading target of symlink ${String(this)}`, this.dir.readLink(this.path));
  }

  // --- changes ---

  /** Removes a file, or a link and not what it leads to. With `missingOk`, there may be none. */
  *unlink(options?: { missingOk?: boolean }): Op<void> {
    expectOptions("Path.unlink", options);
    try {
      yield* this.doing(`removing file ${String(this)}`, this.dir.unlink(this.path));
    } catch (error) {
      if (options?.missingOk !== true || !isMissing(error)) throw error;
    }
  }

  /** Removes an empty directory. */
  rmdir(): Op<void> {
    return this.doing(`removing directory ${String(this)}`, this.dir.rmdir(this.path));
  }

  /** Removes whatever is here, and what is below it; links are removed, not followed. With `missingOk`, things may vanish meanwhile. */
  *rmtree(options?: { missingOk?: boolean }): Op<void> {
    expectOptions("Path.rmtree", options);
    const missingOk = options?.missingOk === true;
    if ((yield* this.kind({ follow: false })) !== "directory") return yield* this.unlink({ missingOk });
    try {
      yield* Switch.run((sw) => this.empty(sw, missingOk), { name: "Path.rmtree" });
      yield* this.rmdir();
    } catch (error) {
      if (!missingOk || !isMissing(error)) throw error;
    }
  }

  /** From within: somebody who puts a link in the place of the directory meanwhile leads nowhere else. */
  private *empty(sw: Switch, missingOk: boolean): Op<void> {
    const step = `emptying ${String(this)}`;
    const inside = Path.ofDir(yield* this.doing(step, this.dir.openSubtree(this.path, sw, false)));
    for (const name of yield* this.doing(step, inside.readDir())) {
      yield* this.doing(step, inside.join(name).rmtree({ missingOk }));
    }
  }

  /** Moves this to `to`, in place of what is there. */
  rename(to: Path): Op<void> {
    if (!(to instanceof Path)) refuse("Path.rename", "to", "a Path", to);
    return this.doing(`renaming ${String(this)} to ${String(to)}`, this.dir.rename(this.path, to.dir, to.path));
  }

  /** Creates a link here, whose text is `target`. */
  symlink(target: string): Op<void> {
    if (typeof target !== "string") refuse("Path.symlink", "target", "a string", target);
    expectName("Path.symlink", target);
    return this.doing(`creating symlink ${String(this)} -> ${target}`, this.dir.symlink(this.path, target));
  }

  /** Sets the permissions; with `follow`, of what a link leads to. */
  chmod(options: { perm: number; follow: boolean }): Op<void> {
    const follow = followOf("Path.chmod", options);
    const { perm } = options;
    expectPerm("Path.chmod", "options.perm", perm);
    return this.doing(`chmoding file ${String(this)}`, this.dir.chmod(this.path, perm, follow));
  }

  /** Sets the owner, the group, or both; with `follow`, of what a link leads to. */
  chown(options: { uid?: number; gid?: number; follow: boolean }): Op<void> {
    const follow = followOf("Path.chown", options);
    const { uid, gid } = options;
    expectId("Path.chown", "options.uid", uid);
    expectId("Path.chown", "options.gid", gid);
    return this.doing(`changing ownership of ${String(this)}`, this.dir.chown(this.path, uid, gid, follow));
  }
}

/** After a failure, which is what is to be told of. */
function* discard(file: Path): Op<void> {
  try {
    yield* file.unlink();
  } catch {
    // Whoever took it away, or took our right to, was there first.
  }
}

function* opened<R, T>(open: Op<R>, fn: (resource: R) => Op<T>): Op<T> {
  return yield* fn(yield* open);
}

/** At least this much is read at once. */
const CHUNK = 65536;

function* contentsOf(file: File): Op<Uint8Array> {
  const { size } = yield* file.stat();
  // One byte more than there should be, to meet the end at once; some files say nothing about their size.
  let buffer = new Uint8Array(Math.max(size + 1, size === 0 ? CHUNK : 1));
  let length = 0;
  try {
    for (;;) {
      if (length === buffer.length) {
        const larger = new Uint8Array(2 * buffer.length);
        larger.set(buffer);
        buffer = larger;
      }
      length += yield* file.read(buffer.subarray(length));
    }
  } catch (error) {
    if (!(error instanceof EndOfFile)) throw error;
  }
  return buffer.subarray(0, length);
}

function isMissing(error: unknown): boolean {
  return error instanceof IoError && error.err.area === "Fs" && error.err.kind === "Not_found";
}

function expectSwitch(where: string, sw: unknown): void {
  if (!(sw instanceof Switch)) refuse(where, "sw", "a Switch", sw);
}

function expectCreate(where: string, create: unknown): void {
  const [key, ...more] = typeof create === "object" && create !== null ? Object.keys(create) : [];
  const known = more.length === 0 && (key === "ifMissing" || key === "orTruncate" || key === "exclusive");
  if (create !== "never" && !known)
    refuse(where, "options.create", '"never", { ifMissing }, { orTruncate } or { exclusive }', create);
  if (key !== undefined) expectPerm(where, `options.create.${key}`, (create as Record<string, unknown>)[key]);
}

/** What the system would cut off, and what has no bytes in UTF-8: another name would take its place. */
function expectName(where: string, text: string): void {
  if (text.includes("\0")) throw new InvalidArgument(`${where}: ${JSON.stringify(text)} contains a NUL`);
  if (/[\ud800-\udfff]/u.test(text))
    throw new InvalidArgument(`${where}: ${JSON.stringify(text)} contains half of a surrogate pair`);
}

/** Options that cannot be left out. */
function expectGiven(where: string, expected: string, options: unknown): void {
  if (typeof options !== "object" || options === null) refuse(where, "options", expected, options);
}

function expectPerm(where: string, argument: string, perm: unknown): void {
  if (!Number.isInteger(perm) || (perm as number) < 0 || (perm as number) > 0o7777)
    refuse(where, argument, "permission bits, from 0 to 0o7777", perm);
}

/** Users and groups are 32-bit numbers; the last one means none. */
function expectId(where: string, argument: string, id: unknown): void {
  if (id === undefined) return;
  if (!Number.isInteger(id) || (id as number) < 0 || (id as number) >= 2 ** 32 - 1)
    refuse(where, argument, "a number from 0 to 4294967294", id);
}

function followOf(where: string, options: { follow: boolean }): boolean {
  expectGiven(where, "{ follow }", options);
  const { follow } = options;
  if (typeof follow !== "boolean") refuse(where, "options.follow", "a boolean", follow);
  return follow;
}

function compare(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

// --- path strings ---

function joined(path: string, step: string): string {
  if (step.startsWith("/") || path === "" || path === ".") return step === "" && path !== "" ? `${path}/` : step;
  return path.endsWith("/") ? path + step : `${path}/${step}`;
}

/** The path up to the last name, and that; undefined for the root and for nothing. */
function splitPath(path: string): [parent: string, name: string] | undefined {
  const trimmed = path.replace(/\/+$/, "");
  if (trimmed === "") return undefined;
  const at = trimmed.lastIndexOf("/");
  const parent = trimmed.slice(0, at + 1).replace(/\/+$/, "");
  return [parent === "" && at >= 0 ? "/" : parent, trimmed.slice(at + 1)];
}
