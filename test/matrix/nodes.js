// @ts-check
// The Nodes of the matrix: the one that runs this, or those that npm has as packages, kept outside of the project.

import { execFile } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** Something that the matrix needs is not there, and could not be brought; the message says what to do. */
export class Missing extends Error {
  name = "Missing";
}

export const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "trestle", "nodes");

/**
 * The path of a Node of this major version, installed if need be.
 * @param {number} major
 */
export async function nodeOf(major) {
  const variable = `NODE_${major}`;
  const own = process.env[variable];
  if (own !== undefined) {
    const version = await versionOf(own);
    if (isOf(major, version)) return { path: own, version };
    throw new Missing(`${variable} is "${own}", which ${version ? `is ${version}` : "does not run"}`);
  }
  if (isOf(major, process.version)) return { path: process.execPath, version: process.version };
  const platform = process.platform === "win32" ? "win" : process.platform;
  const name = `node-${platform}-${process.arch}`;
  const folder = join(cache, String(major));
  const path = join(folder, "node_modules", name, "bin", process.platform === "win32" ? "node.exe" : "node");
  let version = await versionOf(path);
  if (!isOf(major, version)) {
    await install(folder, `${name}@${major}`, variable);
    version = await versionOf(path);
  }
  if (version && isOf(major, version)) return { path, version };
  throw new Missing(`the package ${name}@${major} has no Node ${major} at ${path}; set ${variable} to the path of one`);
}

/**
 * @param {string} folder @param {string} specifier @param {string} variable
 */
async function install(folder, specifier, variable) {
  process.stderr.write(`installing ${specifier} into ${folder}\n`);
  // What an interrupted installation has left.
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  const windows = process.platform === "win32";
  try {
    await execute(windows ? "npm.cmd" : "npm", ["install", "--no-audit", "--no-fund", specifier], {
      cwd: folder,
      shell: windows,
    });
  } catch (error) {
    const { stderr = "", message } = /** @type {Error & { stderr?: string }} */ (error);
    const lines = stderr.split("\n").filter((line) => line.startsWith("npm error"));
    throw new Missing(
      `npm cannot install ${specifier}; see that it reaches its registry, or set ${variable} to the path of such a Node\n` +
        (lines.slice(0, 5).join("\n") || message),
    );
  }
}

/** @param {string} path @returns {Promise<string | undefined>} */
async function versionOf(path) {
  if (!existsSync(path)) return undefined;
  return await execute(path, ["--version"]).then(
    ({ stdout }) => stdout.split("\n")[0],
    () => undefined,
  );
}

/** @param {number} major @param {string | undefined} version */
function isOf(major, version) {
  return version?.startsWith(`v${major}.`) ?? false;
}
