// Files in memory: the tree is given and looked at as an object, what goes wrong is scripted, and what is done can be traced.

import { expectOptions, refuse } from "../engine/describe.js";
import { InvalidArgument } from "../engine/invalid-argument.js";
import type { Op } from "../engine/op.js";
import { fromSystemError, IoError } from "../io-error.js";
import { Path } from "../path.js";
import type { Clock } from "../time.js";
import { traceln } from "../traceln.js";
import { yieldNow } from "../turns.js";
import { systemError } from "../walk.js";
import { Everything, plain, WorkingDirectory } from "./dir.js";
import { Handler } from "./handler.js";
import { DirectoryInode, FileInode, InodeTree, LinkInode, type AnyInode } from "./inodes.js";

// --- trees as objects ---

/** A link in a {@link MockTree}. */
export class MockLink {
  /** Its text. */
  readonly target: string;

  constructor(target: string) {
    if (typeof target !== "string") refuse("new MockLink", "target", "a string", target);
    this.target = target;
  }
}

/** What is in a directory, by name: the text or the bytes of a file, a directory, or a link. */
export interface MockTree {
  readonly [name: string]: string | Uint8Array | MockLink | MockTree;
}

type Entry = MockTree[string];

function asObject(directory: DirectoryInode): MockTree {
  return Object.fromEntries([...directory.entries].map(([name, node]) => [name, asEntry(node)]));
}

function asEntry(node: AnyInode): Entry {
  if (node instanceof DirectoryInode) return asObject(node);
  if (node instanceof LinkInode) return new MockLink(node.target);
  const { bytes } = node;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return bytes;
  }
}

// --- what is done ---

/** What can be done to files, as faults and traces have it. */
export type FsOperation =
  | "open"
  | "read"
  | "write"
  | "truncate"
  | "sync"
  | "close"
  | "mkdir"
  | "rmdir"
  | "unlink"
  | "rename"
  | "symlink"
  | "readLink"
  | "chmod"
  | "chown"
  | "stat"
  | "readDir"
  | "openSubtree";

const operations: readonly string[] = [
  "open",
  "read",
  "write",
  "truncate",
  "sync",
  "close",
  "mkdir",
  "rmdir",
  "unlink",
  "rename",
  "symlink",
  "readLink",
  "chmod",
  "chown",
  "stat",
  "readDir",
  "openSubtree",
] satisfies readonly FsOperation[];

/** The options of {@link MockFs}. */
export interface MockFsOptions {
  /** Where paths begin that begin nowhere else. It is made, if it is missing. Default: the root. */
  cwd?: string;
  /** The permissions that new files and directories do not get. Default `0o022`. */
  umask?: number;
  /** Who the program is. Permissions matter for anybody but 0. Default 0. */
  uid?: number;
  /** Default 0. */
  gid?: number;
  /** Says when things were changed. Default: always at 0. */
  clock?: Clock;
  /** Whether each operation is traced, with the error if it failed. Default false. */
  trace?: boolean;
}

/** When a fault of {@link MockFs.fail} happens. */
export interface MockFaultOptions {
  /** At which time from now on, counted from 1. Default 1. */
  nth?: number;
  /** At that time, and each time after it. Default false. */
  always?: boolean;
}

/**
 * Files in memory, for tests. Its paths behave as those of a Linux system do, errors included; the same suite of tests runs over both.
 *
 * @example
 * const files = new MockFs({ notes: { "today.txt": "buy milk\n" } });
 * const notes = files.cwd.join("notes");
 * yield* notes.join("today.txt").save("buy bread\n", { create: "never", append: true });
 * files.tree(); // => { notes: { "today.txt": "buy milk\nbuy bread\n" } }
 *
 * files.fail("write", "/notes/today.txt", "ENOSPC");
 * yield* notes.join("today.txt").save("", { create: { orTruncate: 0o644 } }); // nothing to write
 * yield* notes.join("today.txt").save("more", { create: "never" });
 * // throws IoError: Fs No_space ENOSPC: write /notes/today.txt, saving <cwd:notes/today.txt>
 */
export class MockFs {
  /** The current directory, which cannot be left. */
  readonly cwd: Path;
  /** Everything; paths begin in the current directory. */
  readonly root: Path;
  /** @internal */
  readonly inodes: InodeTree;
  /** @internal */
  readonly here: DirectoryInode;
  /** The path of the current directory. */
  readonly cwdPath: string;
  private readonly traces: boolean;
  private readonly handlers = new Map<string, Handler<void>>();
  private readonly open = new Map<number, string>();
  private lastFd = 2;
  private lastName = 0;

  /**
   * @param tree  what is there at first, from the root on
   */
  constructor(tree: MockTree = {}, options?: MockFsOptions) {
    const where = "new MockFs";
    expectTree(where, "tree", tree);
    expectOptions(where, options);
    const { cwd = "/", umask = 0o022, uid = 0, gid = 0, clock, trace = false } = options ?? {};
    if (typeof cwd !== "string" || !cwd.startsWith("/"))
      refuse(where, "options.cwd", "a string that begins with a slash", cwd);
    for (const [name, value] of Object.entries({ umask, uid, gid })) {
      if (!Number.isInteger(value) || value < 0)
        refuse(where, `options.${name}`, "a whole number of at least 0", value);
    }
    if (typeof trace !== "boolean") refuse(where, "options.trace", "a boolean", trace);
    const now = () => (clock ? BigInt(Math.round(clock.now() * 1e9)) : 0n);
    this.inodes = new InodeTree(now, { uid, gid }, umask);
    this.traces = trace;
    this.seed(tree);
    this.cwdPath = plain(cwd);
    this.here = this.directoryAt(namesIn(cwd));
    this.cwd = Path.ofDir(new WorkingDirectory(this));
    this.root = Path.ofDir(new Everything(this));
  }

  /**
   * Puts what is in `tree` there, from the root on, in place of what has the same names; directories stay, and what else is in them.
   * Nothing is traced, and nothing fails.
   *
   * @example
   * const files = new MockFs({ etc: { hosts: "" } });
   * files.seed({ etc: { passwd: "", link: new MockLink("passwd") } });
   * files.tree("/etc"); // => { hosts: "", passwd: "", link: new MockLink("passwd") }
   */
  seed(tree: MockTree): void {
    expectTree("MockFs.seed", "tree", tree);
    this.plant(this.inodes.root, tree);
  }

  private plant(at: DirectoryInode, tree: MockTree): void {
    for (const [name, entry] of Object.entries(tree)) {
      if (isTree(entry)) this.plant(this.subdirectory(at, name), entry);
      else if (entry instanceof MockLink) this.replace(at, name, new LinkInode(this.inodes, entry.target));
      else {
        const file = new FileInode(this.inodes, 0o666 & ~this.inodes.umask);
        file.write(typeof entry === "string" ? new TextEncoder().encode(entry) : entry, 0);
        this.replace(at, name, file);
      }
    }
  }

  private replace(at: DirectoryInode, name: string, node: FileInode | LinkInode): void {
    if (at.entries.get(name) instanceof DirectoryInode) at.nlink--;
    at.entries.set(name, node);
  }

  private subdirectory(at: DirectoryInode, name: string): DirectoryInode {
    const found = at.entries.get(name);
    if (found instanceof DirectoryInode) return found;
    const made = new DirectoryInode(this.inodes, 0o777 & ~this.inodes.umask, at);
    at.entries.set(name, made);
    at.nlink++;
    return made;
  }

  private directoryAt(names: readonly string[]): DirectoryInode {
    return names.reduce((at, name) => this.subdirectory(at, name), this.inodes.root);
  }

  /**
   * What is in a directory now, as an object to compare: files that are text as strings, others as bytes.
   *
   * @param path  from the root on. Default: the root
   * @throws IoError  when there is no directory
   */
  tree(path = "/"): MockTree {
    if (typeof path !== "string") refuse("MockFs.tree", "path", "a string", path);
    try {
      const directory = this.inodes.open(this.inodes.root, plain(path), { directory: true });
      return asObject(directory as DirectoryInode);
    } catch (error) {
      throw fromSystemError(error);
    }
  }

  /** The paths of what is open, oldest first: nothing, when a program has closed all it opened. */
  get opened(): readonly string[] {
    return [...this.open.values()];
  }

  // --- faults ---

  /**
   * The script of an operation on a path: what happens before it is done. A value of undefined lets it be done, an error is what it
   * throws, a wait keeps it waiting.
   *
   * @example
   * const files = new MockFs({ log: "" });
   * files.before("write", "/log").seq([{ return: undefined }, { yieldThen: { raise: new Error("the second fails, late") } }]);
   *
   * @param path  the path that the program names, from the root and without `.`, `..` and slashes that say nothing, links as they are; for
   *   an open file, the path that it was opened by; `"*"` for all that have no script of their own
   */
  before(operation: FsOperation, path: string): Handler<void> {
    if (!operations.includes(operation)) refuse("MockFs.before", "operation", "the name of an operation", operation);
    if (typeof path !== "string" || !(path === "*" || path.startsWith("/")))
      refuse("MockFs.before", "path", '"*" or a string that begins with a slash', path);
    const key = keyOf(operation, path === "*" ? path : plain(path));
    let handler = this.handlers.get(key);
    if (!handler) this.handlers.set(key, (handler = new Handler<void>({ return: undefined })));
    return handler;
  }

  /**
   * Has an operation on a path fail: the next time, unless `nth` or `always` say otherwise. In place of what was scripted for it before.
   *
   * @example
   * const files = new MockFs({ log: "" });
   * files.fail("open", "*", "EMFILE", { nth: 3, always: true }); // from the third on, everywhere
   * files.fail("unlink", "/log", "EACCES");
   * yield* files.cwd.join("log").unlink(); // throws IoError: Fs Permission_denied EACCES: unlink /log, removing file <cwd:log>
   * yield* files.cwd.join("log").unlink();
   *
   * @param path  as for {@link before}
   * @param error  the code that the system would give, such as `"ENOSPC"`, or the error itself
   */
  fail(operation: FsOperation, path: string, error: string | Error, options?: MockFaultOptions): void {
    const handler = this.before(operation, path);
    if (!(error instanceof Error) && !/^E[A-Z0-9]+$/.test(error))
      refuse("MockFs.fail", "error", 'a code such as "ENOSPC", or an Error', error);
    expectOptions("MockFs.fail", options);
    const { nth = 1, always = false } = options ?? {};
    if (!Number.isInteger(nth) || nth < 1) refuse("MockFs.fail", "options.nth", "a whole number of at least 1", nth);
    let times = 0;
    const doomed = () => {
      times++;
      if (always ? times >= nth : times === nth) throw error instanceof Error ? error : systemError(error);
    };
    handler.setHandler(function* () {
      doomed();
    });
  }

  /** @internal Does what it says when it is its turn, unless it is to fail. */
  *do<T>(operation: FsOperation, path: string, what: string, body: () => Op<T>): Op<T> {
    yield* yieldNow();
    try {
      const handler = this.handlers.get(keyOf(operation, path)) ?? this.handlers.get(keyOf(operation, "*"));
      if (handler) yield* handler.run();
      const value = yield* body();
      if (this.traces) traceln("fs: %s", `${operation} ${path}${what}`);
      return value;
    } catch (error) {
      const failure = failureOf(error, `${operation} ${path}`);
      if (this.traces) traceln("fs: %s", `${operation} ${path}${what}: ${nameOf(failure)}`);
      throw failure;
    }
  }

  /** @internal */
  register(path: string): number {
    this.open.set(++this.lastFd, path);
    return this.lastFd;
  }

  /** @internal */
  release(fd: number): void {
    const path = this.open.get(fd)!;
    this.open.delete(fd);
    if (this.traces) traceln("fs: %s", `close ${path}`);
  }

  /** @internal */
  freshName(): string {
    return String(++this.lastName);
  }
}

function keyOf(operation: FsOperation, path: string): string {
  return `${operation} ${path}`;
}

/** What a system would report, as the program sees it. */
function failureOf(error: unknown, what: string): unknown {
  const { code } = (error ?? {}) as { code?: unknown };
  if (!(error instanceof Error) || typeof code !== "string" || !/^E[A-Z0-9]+$/.test(code)) return error;
  if (error.message === code) error.message = `${code}: ${what}`;
  return fromSystemError(error);
}

function nameOf(failure: unknown): string {
  if (!(failure instanceof IoError)) return String(failure);
  const { code } = (failure.cause ?? {}) as { code?: unknown };
  return typeof code === "string" ? code : String(failure);
}

function isTree(entry: unknown): entry is MockTree {
  return typeof entry === "object" && entry !== null && !(entry instanceof Uint8Array) && !(entry instanceof MockLink);
}

function expectTree(where: string, argument: string, tree: unknown): asserts tree is MockTree {
  if (!isTree(tree)) refuse(where, argument, "an object of files and directories", tree);
  for (const [name, entry] of Object.entries(tree)) {
    if (name === "" || name === "." || name === ".." || /[/\0]/.test(name))
      throw new InvalidArgument(`${where}: ${JSON.stringify(name)} is not the name of a file`);
    if (typeof entry === "string" || entry instanceof Uint8Array || entry instanceof MockLink) continue;
    if (!isTree(entry))
      refuse(where, `${argument}[${JSON.stringify(name)}]`, "a string, bytes, a MockLink or an object", entry);
    expectTree(where, argument, entry);
  }
}

function namesIn(path: string): string[] {
  return path.split("/").filter((name) => name !== "");
}
