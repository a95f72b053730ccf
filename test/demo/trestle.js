// @ts-check
// The command line of this checkout, run on a project.

import { join } from "node:path";
import { run } from "./command.js";
import { git, repository } from "./workspace.js";

const cli = join(repository, "codemods", "bin", "trestle.js");

/**
 * What the demonstration reads of the report of a run.
 * @typedef {{
 *   totals: {
 *     functions: { found: number, converted: number, facade: number, left: number },
 *     bridgedSites: number,
 *     files: { scanned: number, changed: number },
 *     seconds: number,
 *   },
 *   candidates: { kind: string, name: string, file: string, start: number, end: number, disposition: string, reasons: { code: string, name: string }[] }[],
 *   files: { path: string }[],
 * }} Report
 */

/**
 * What `trestle scan` tells a person.
 * @param {string} folder
 */
export async function scan(folder) {
  return trestle(folder, "scan");
}

/**
 * @param {string} folder
 * @returns {Promise<Report>}
 */
export async function migrate(folder) {
  return JSON.parse(await trestle(folder, "migrate", "--write", "--format", "json"));
}

/**
 * Migrates once more; returns what that changed, which should be nothing.
 * @param {string} folder a folder without uncommitted changes
 * @returns {Promise<string[]>}
 */
export async function migrateAgain(folder) {
  const { files } = await migrate(folder);
  const changed = (await git(folder, "status", "--porcelain")).split("\n").filter((line) => line !== "");
  return [...new Set([...files.map((file) => file.path), ...changed.map((line) => line.slice(3))])];
}

/**
 * @param {string} folder
 * @param {string[]} args
 */
async function trestle(folder, ...args) {
  const { code, stdout, stderr } = await run(process.execPath, [cli, ...args], { cwd: folder });
  if (code !== 0) throw new Error(`trestle ${args.join(" ")} ended with ${code}:\n${stderr.trim() || stdout.trim()}`);
  return stdout;
}
