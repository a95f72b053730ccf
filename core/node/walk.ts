// Walking along confined paths of the system. On Linux each directory on the way is held open, and the next name is looked up in the very
// directory that was checked, through `/proc/self/fd`. Elsewhere directories are checked and then named, which leaves a moment in between.

import { close, constants, lstat, open, readlink } from "node:fs";
import { protect } from "../cancel.js";
import type { Op } from "../engine/op.js";
import { systemError, walk, type Meaning, type Steps } from "../walk.js";
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

const isWindows = process.platform === "win32";
export const isLinux = process.platform === "linux";
/** Open only to be a place: neither to be read nor written. Node has no name for it. */
export const O_PATH = 0x200000;
const HOLD = constants.O_DIRECTORY | constants.O_NOFOLLOW | (isLinux ? O_PATH : 0);

export function openFd(path: string, flags: number, mode = 0): Op<number> {
  return call<number>(`opening ${path}`, (done) => open(path, flags, mode, done));
}

export function closeFd(fd: number): Op<void> {
  return call<void>("closing a file", (done) => close(fd, () => done(null)));
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

const steps: Steps<Held> = {
  enter: ({ prefix }, name) => hold(prefix + name),
  *leave({ fd }) {
    if (fd !== undefined) yield* protect(() => closeFd(fd));
  },
  *readLink({ prefix }, name) {
    const path = prefix + name;
    return withSlashes(yield* call<string>(`reading ${path}`, (done) => readlink(path, done)));
  },
};

/** What Windows takes for a device, in any directory. */
const DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\.|$)/i;

/**
 * A path with slashes between its names. On Windows there are two kinds of them, a colon follows a volume, and precedes a part of a file
 * that goes by another name; dots and spaces at the end of a name are dropped. What is not the name of an entry leads out.
 */
function withSlashes(path: string): string {
  if (!isWindows) return path;
  const names = path.replaceAll("\\", "/");
  const isName = (name: string) => name === "." || name === ".." || !(/:|[. ]$/.test(name) || DEVICE.test(name));
  if (names.split("/").every(isName)) return names;
  throw systemError("ENOTCAPABLE", `${path} leads outside of its directory`);
}

/** Whether it begins somewhere else than in the current directory. */
export function isAbsolute(path: string): boolean {
  return path.startsWith("/") || (isWindows && /^(\\|[a-z]:)/i.test(path));
}

/**
 * Goes from `base`, to which the system may follow links, along `path`, and runs `body` with the place of its last name.
 *
 * @throws  what the system says, or an error of code `ENOTCAPABLE` when the path leads out
 */
export function* walkFrom<T>(base: string, path: string, meaning: Meaning, body: (place: Place) => Op<T>): Op<T> {
  const start = yield* hold(base, HOLD & ~constants.O_NOFOLLOW);
  try {
    return yield* walk(steps, start, withSlashes(path), meaning, ({ prefix }, name) => body({ prefix, name }));
  } finally {
    yield* steps.leave(start);
  }
}
