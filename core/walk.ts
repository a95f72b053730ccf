// Going through directories one name at a time, so that a confined path cannot lead out: neither by `..`, nor by links, nor by somebody
// who exchanges a directory for a link meanwhile. For providers of files.

import type { Op } from "./engine/op.js";
import { protect } from "./cancel.js";

/** @internal What a walk asks of a file system; each throws errors with a `code`, as systems do. */
export interface Steps<D> {
  /** The directory `name` in `at`, which stays what it is until it is left. Code `ENOTDIR` or `ELOOP` for anything else. */
  enter(at: D, name: string): Op<D>;
  leave(directory: D): Op<void>;
  /** The text of a link. Code `EINVAL` for anything else. */
  readLink(at: D, name: string): Op<string>;
}

/**
 * @internal What is meant by the last name of a path: the entry itself, whatever it is; what it leads to; or that, and it may have to be
 * created. As systems have it, a slash after the name of an entry is left to the operation; elsewhere it asks for a directory.
 */
export type Meaning = "entry" | "target" | "creation";

/** As many links as systems follow. */
const MOST_LINKS = 40;

/** @internal An error as Node gives them. */
export function systemError(code: string, path?: string): Error {
  return Object.assign(new Error(path === undefined ? code : `${code}: ${path}`), { code });
}

/** Outside is nothing that this path may reach. */
function outside(path: string): Error {
  return systemError("ENOTCAPABLE", `${path} leads outside of its directory`);
}

class Walk<D> {
  private readonly steps: Steps<D>;
  private readonly path: string;
  /** The directories on the way; the first one is not ours to leave. */
  private readonly held: D[];
  private links = 0;
  /** The names that are still to be gone through, the next one last; the last one of all with the slash that follows it. */
  private readonly left: string[];

  constructor(steps: Steps<D>, base: D, path: string) {
    this.steps = steps;
    this.path = path;
    this.held = [base];
    this.left = this.namesIn(path);
  }

  private namesIn(text: string): string[] {
    if (text.startsWith("/")) throw outside(this.path);
    // A dot at the end stays: what is before it has to be a directory.
    const names = text.match(/[^/]+(?:\/+$)?/g) ?? [];
    return names.map((name) => name.replace(/\/+$/, "/")).reverse();
  }

  private get here(): D {
    return this.held[this.held.length - 1]!;
  }

  /** Goes up to the last name; gives the directory that it is in, and the name. */
  *end(meaning: Meaning): Op<[at: D, name: string]> {
    for (;;) {
      const written = this.left.pop() ?? ".";
      const name = written.replace("/", "");
      const isLast = this.left.length === 0;
      if (name === "..") yield* this.up();
      else if (name !== "." && !isLast) yield* this.into(name);
      if (!isLast) continue;
      if (name === ".." || name === ".") return [this.here, "."];
      if (meaning === "entry") return [this.here, written];
      if (written !== name) {
        if (meaning === "creation") throw systemError("EISDIR", this.path);
        yield* this.into(name);
        this.left.unshift(".");
      } else if (!(yield* this.expand(name))) return [this.here, name];
    }
  }

  private *up(): Op<void> {
    if (this.held.length === 1) throw outside(this.path);
    yield* this.steps.leave(this.held.pop()!);
  }

  private *into(name: string): Op<void> {
    try {
      this.held.push(yield* this.steps.enter(this.here, name));
    } catch (error) {
      const { code } = error as { code?: string };
      if ((code !== "ENOTDIR" && code !== "ELOOP") || !(yield* this.expand(name))) throw error;
    }
  }

  /** If `name` is a link, what it says takes its place. */
  private *expand(name: string): Op<boolean> {
    let target: string;
    try {
      target = yield* this.steps.readLink(this.here, name);
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
    while (this.held.length > 1) yield* this.steps.leave(this.held.pop()!);
  }
}

/**
 * @internal Goes from the directory `base` along `path`, and runs `body` with the directory that its last name is in, and that name: `.` for
 * the directory itself.
 *
 * @throws  what the steps throw, or an error of code `ENOTCAPABLE` when the path leads out
 */
export function* walk<D, T>(
  steps: Steps<D>,
  base: D,
  path: string,
  meaning: Meaning,
  body: (at: D, name: string) => Op<T>,
): Op<T> {
  const going = new Walk(steps, base, path);
  try {
    const [at, name] = yield* going.end(meaning);
    return yield* body(at, name);
  } finally {
    yield* protect(() => going.over());
  }
}
