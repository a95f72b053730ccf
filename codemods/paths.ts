/** Which files the paths and globs of a command line mean. */
import { existsSync, realpathSync } from "node:fs";
import { isAbsolute, relative, resolve, sep } from "node:path";
import picomatch from "picomatch";
import { ExitCode, MigrationError } from "./failure.js";

export interface PathSelection {
  /** Existing files and folders that the paths and globs lie in; the search for a project starts from them. */
  readonly anchors: readonly string[];
  /** Whether a file, by its real path, is meant. */
  includes(file: string): boolean;
}

/**
 * Reads `paths` relative to `cwd`: files, folders and globs, and with `!` before them what is to be left out. What
 * exists is taken by its name, also where that looks like a glob, as `[id].tsx` does.
 */
export function selectPaths(cwd: string, paths: readonly string[], exclude: readonly string[] = []): PathSelection {
  const wanted = paths.filter((path) => !path.startsWith("!")).map((path) => pattern(cwd, path));
  const unwanted = [...paths.filter((path) => path.startsWith("!")).map((path) => path.slice(1)), ...exclude];
  const excluded = unwanted.map((path) => pattern(cwd, path, false));
  return {
    anchors: wanted.map(({ anchor }) => anchor),
    includes: (file) =>
      (wanted.length === 0 || wanted.some(({ matches }) => matches(file))) &&
      !excluded.some(({ matches }) => matches(file)),
  };
}

interface Pattern {
  readonly anchor: string;
  readonly matches: (file: string) => boolean;
}

function pattern(cwd: string, path: string, mustExist = true): Pattern {
  const plain = resolve(cwd, path);
  if (existsSync(plain)) {
    const anchor = realpathSync(plain);
    return { anchor, matches: (file) => isWithin(file, anchor) };
  }
  const { isGlob, base, glob } = picomatch.scan(path.split(sep).join("/"));
  const folder = resolve(cwd, base);
  if (!isGlob || !existsSync(folder)) {
    if (!mustExist) return { anchor: plain, matches: (file) => isWithin(file, plain) };
    throw new MigrationError(
      ExitCode.usage,
      `${path} does not exist. Name a file or folder of the project, or a glob.`,
    );
  }
  const anchor = realpathSync(folder);
  const isMatch = picomatch(glob, { dot: true });
  return {
    anchor,
    matches: (file) => isWithin(file, anchor) && isMatch(relative(anchor, file).split(sep).join("/")),
  };
}

export function isWithin(path: string, directory: string): boolean {
  const inside = relative(directory, path);
  return inside === "" || (inside !== ".." && !inside.startsWith(`..${sep}`) && !isAbsolute(inside));
}
