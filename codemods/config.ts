/**
 * The configuration of a project: `trestle.config.ts`, `.js` or `.json`, or the field `trestle` of its package.json. It
 * sets defaults for the options of the command line, which win.
 */

import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import { createJiti } from "jiti";
import { ExitCode, MigrationError } from "./failure.js";
import { errorMessage } from "./file-system.js";

/** Paths and globs are relative to the file they are in. */
export interface Config {
  /** The project's tsconfig.json, or the folder it is in. */
  readonly project?: string;
  /** Files, folders and globs to work on, where the command line names none. */
  readonly include?: readonly string[];
  /** Files, folders and globs to leave out. */
  readonly exclude?: readonly string[];
  readonly level?: "safe" | "standard";
  /** Functions in a batch. */
  readonly batchSize?: number;
  readonly allowBaselineErrors?: boolean;
  /** The command of `migrate --verify`. */
  readonly verify?: string;
  /** The share of `scan --check --min`, from 0 to 1. */
  readonly min?: number;
}

export interface FoundConfig {
  readonly path: string;
  readonly config: Config;
}

const names = [".ts", ".mts", ".cts", ".js", ".mjs", ".cjs", ".json"].map((end) => `trestle.config${end}`);

/** The nearest configuration at or above `cwd`, up to the package that `cwd` is in. */
export async function loadConfig(cwd: string): Promise<FoundConfig | undefined> {
  for (let directory = cwd; ; directory = dirname(directory)) {
    const manifest = join(directory, "package.json");
    const found = names.map((name) => join(directory, name)).filter((path) => existsSync(path));
    const field = existsSync(manifest) ? fieldOf(manifest) : undefined;
    const places = [...found, ...(field === undefined ? [] : [manifest])];
    if (places.length > 1) {
      throw usage(
        `${places.map((path) => basename(path)).join(" and ")} in ${directory} both configure trestle; keep one`,
      );
    }
    const [path] = places;
    if (path !== undefined) {
      const value = path === manifest ? field : await valueOf(path);
      return { path, config: rebased(checked(path, value), directory, cwd) };
    }
    if (existsSync(manifest) || dirname(directory) === directory) return undefined;
  }
}

function fieldOf(manifest: string): unknown {
  try {
    return (JSON.parse(readFileSync(manifest, "utf8")) as { trestle?: unknown }).trestle;
  } catch {
    // Whoever needs the package.json will say what is wrong with it.
    return undefined;
  }
}

async function valueOf(path: string): Promise<unknown> {
  try {
    if (path.endsWith(".json")) return JSON.parse(readFileSync(path, "utf8"));
    return await createJiti(path, { fsCache: false, moduleCache: false }).import(path, { default: true });
  } catch (error) {
    throw usage(`${path} cannot be read: ${errorMessage(error)}`);
  }
}

type Check = readonly [expected: string, isRight: (value: unknown) => boolean];

const texts: Check = ["an array of texts", (v) => Array.isArray(v) && v.every((item) => typeof item === "string")];
const text: Check = ["a text", (v) => typeof v === "string"];

const keys: Readonly<Record<keyof Config, Check>> = {
  project: text,
  include: texts,
  exclude: texts,
  level: ['"safe" or "standard"', (v) => v === "safe" || v === "standard"],
  batchSize: ["a whole number from 1", (v) => Number.isInteger(v) && (v as number) >= 1],
  allowBaselineErrors: ["true or false", (v) => typeof v === "boolean"],
  verify: text,
  min: ["a number from 0 to 1", (v) => typeof v === "number" && v >= 0 && v <= 1],
};

function checked(path: string, value: unknown): Config {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw usage(`${path} must hold an object with the keys ${Object.keys(keys).join(", ")}`);
  }
  for (const [key, given] of Object.entries(value)) {
    const check = Object.hasOwn(keys, key) ? keys[key as keyof Config] : undefined;
    if (check === undefined) {
      throw usage(`${path} has the unknown key "${key}"; there are ${Object.keys(keys).join(", ")}`);
    }
    const [expected, isRight] = check;
    if (!isRight(given)) throw usage(`"${key}" in ${path} must be ${expected}, and is ${JSON.stringify(given)}`);
  }
  return value;
}

function rebased(config: Config, directory: string, cwd: string): Config {
  const prefix = relative(cwd, directory).split(sep).join("/");
  if (prefix === "") return config;
  const moved = (path: string): string => (path.startsWith("!") ? `!${prefix}/${path.slice(1)}` : `${prefix}/${path}`);
  return {
    ...config,
    ...(config.project !== undefined && { project: moved(config.project) }),
    ...(config.include && { include: config.include.map(moved) }),
    ...(config.exclude && { exclude: config.exclude.map(moved) }),
  };
}

function usage(message: string): MigrationError {
  return new MigrationError(ExitCode.usage, message);
}

export const configNames = names;
