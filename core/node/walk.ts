// Going through directories one name at a time, so that a confined path cannot lead out: neither by `..`, nor by links, nor by somebody
// who exchanges a directory for a link meanwhile.
//
// On Linux each directory on the way is held open, and the next name is looked up in the very directory that was checked, through
// `/proc/self/fd`. Elsewhere directories are checked and then named, which leaves a moment in between.

import { close, constants, lstat, open, readlink } from "node:fs";
import { protect } from "../cancel.js";
import type { Op } from "../engine/op.js";
import { call } from "./call.js";

/** A directory on the way. `prefix` and a name make a path to give to the system. */
interface Held {
  readonly prefix: string;
  readonly fd: number | undefined;
}

/** Where a walk ended: `prefix` and `name` are what the system is given. */
export interface Place {
  readonly prefix: string;
  readonly name: string;
}

const isLinux = process.platform === "linux";
/** Open only to be a place: neither to be read nor written. Node has no name for it. */
const O_PATH = 0x200000;
const HOLD = constants.O_DIRECTORY | constants.O_NOFOLLOW | (isLinux ? O_PATH : 0);
/** As many links as the system itself follows. */
const MOST_LINKS = 40;

export function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

/** Outside is nothing that this path may reach. */
function outside(path: string): Error {
  return systemError("ENOTCAPABLE", `${path} leads outside of its directory`);
}

export function openFd(path: string, flags: number, mode = 0): Op<number> {
  return call<number>(`opening ${path}`, (done) => open(path, flags, mode, done));
}

export function closeFd(fd: number): Op<void> {
  return call<void>("closing a file", (done) => close(fd, () => done(null)));
}

function readLink(path: string): Op<string> {
  return call<string>(`reading ${path}`, (done) => readlink(path, done));
}

function* hold(path: string, flags = HOLD): Op<Held> {
  if (isLinux) {
    const fd = yield* openFd(path, flags);
    return { prefix: `/proc/self/fd/${fd}/`, fd };
  }
  const stats = yield* call<{ isDirectory(): boolean }>(`examining ${path}`, (done) => lstat(path, done));
  if (!stats.isDirectory()) throw systemError("ENOTDIR", path);
  return { prefix: `${path.replace(/\/+$/, "")}/`, fd: undefined };
}

class Walk {
  private readonly path: string;
  private readonly held: Held[] = [];
  private links = 0;
  /** The names that are still to be gone through, the next one last. */
  private readonly left: string[];

  constructor(path: string) {
    this.path = path;
    this.left = this.namesIn(path);
  }

  private namesIn(text: string): string[] {
    if (text.startsWith("/")) throw outside(this.path);
    const names = text.split("/").filter((name) => name !== "" && name !== ".");
    // What ends like this has to be a directory: its own entry is what is meant.
    if (/(^|\/)\.?$/.test(text)) names.push(".");
    return names.reverse();
  }

  /** Begins in the directory that `base` leads to; the system follows that. */
  *begin(base: string): Op<void> {
    this.held.push(yield* hold(base, HOLD & ~constants.O_NOFOLLOW));
  }

  private get here(): Held {
    return this.held[this.held.length - 1]!;
  }

  /** Goes up to the last name; with `follow`, to the last that is not a link. */
  *end(follow: boolean): Op<Place> {
    for (;;) {
      const name = this.left.pop() ?? ".";
      const isLast =
        this.left.length === 0 || (this.left.length === 1 && !follow && this.left[0] === "." && name !== "..");
      if (name === "..") yield* this.up();
      else if (!isLast) yield* this.into(name);
      else if (this.left.length === 0 && name === ".") return { prefix: this.here.prefix, name };
      else if (!follow || !(yield* this.expand(name))) {
        return { prefix: this.here.prefix, name: this.left.length === 0 ? name : `${name}/` };
      }
    }
  }

  private *up(): Op<void> {
    if (this.held.length === 1) throw outside(this.path);
    yield* release(this.held.pop()!);
    if (this.left.length === 0) this.left.push(".");
  }

  private *into(name: string): Op<void> {
    if (name === ".") return;
    try {
      this.held.push(yield* hold(this.here.prefix + name));
    } catch (error) {
      const { code } = error as { code?: string };
      if ((code !== "ENOTDIR" && code !== "ELOOP") || !(yield* this.expand(name))) throw error;
    }
  }

  /** If `name` is a link, what it says takes its place. */
  private *expand(name: string): Op<boolean> {
    let target: string;
    try {
      target = yield* readLink(this.here.prefix + name);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === "EINVAL" || code === "ENOENT" || code === "ENOTDIR") return false;
      throw error;
    }
    if (++this.links > MOST_LINKS) throw systemError("ELOOP", this.path);
    this.left.push(...this.namesIn(target));
    return true;
  }

  *over(): Op<void> {
    while (this.held.length > 0) yield* release(this.held.pop()!);
  }
}

function* release({ fd }: Held): Op<void> {
  if (fd !== undefined) yield* protect(() => closeFd(fd));
}

/**
 * Goes from `base` along `path`, and runs `body` with the place of its last name, which is not followed; with `follow`, the last name is
 * no link when it is reached.
 *
 * @throws  what the system says, or an error of code `ENOTCAPABLE` when the path leads out
 */
export function* walk<T>(base: string, path: string, follow: boolean, body: (place: Place) => Op<T>): Op<T> {
  const going = new Walk(path);
  try {
    yield* going.begin(base);
    return yield* body(yield* going.end(follow));
  } finally {
    yield* protect(() => going.over());
  }
}
