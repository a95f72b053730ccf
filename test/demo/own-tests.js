// @ts-check
// The tests that a project brings along: run them, count them, and make sure that nobody touched them.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { run } from "./command.js";
import { filesUnder, repository } from "./workspace.js";

/** @typedef {{ passed: number, failed: number, output: string }} TestRun */

/**
 * Builds the project and runs its tests, as its own package.json says.
 * @param {string} folder
 * @returns {Promise<TestRun>}
 */
export async function runOwnTests(folder) {
  const build = await npm(folder, "run", "build");
  if (build.code !== 0) return { passed: 0, failed: 1, output: build.stdout + build.stderr };
  const { code, stdout, stderr } = await npm(folder, "test");
  const count = (/** @type {string} */ word) => Number(new RegExp(`^\\S+ ${word} (\\d+)$`, "m").exec(stdout)?.[1] ?? 0);
  const passed = count("pass");
  const failed = count("fail") + count("cancelled");
  // A run that ends badly without a failing test is a failure all the same.
  return { passed, failed: failed === 0 && (code !== 0 || passed === 0) ? 1 : failed, output: stdout + stderr };
}

/**
 * The hash of every file of the tests, by path.
 * @param {string} folder
 */
export function fingerprint(folder) {
  const tests = join(folder, "test");
  return new Map(
    filesUnder(tests).map((file) => [
      file,
      createHash("sha256")
        .update(readFileSync(join(tests, file)))
        .digest("hex"),
    ]),
  );
}

/**
 * Which files differ.
 * @param {Map<string, string>} before
 * @param {Map<string, string>} after
 */
export function touched(before, after) {
  return [...new Set([...before.keys(), ...after.keys()])].filter((file) => before.get(file) !== after.get(file));
}

/**
 * @param {string} folder
 * @param {string[]} args
 */
function npm(folder, ...args) {
  // npm tells its scripts where it is itself; the name alone does not start it everywhere.
  const { npm_execpath: npmPath, PATH = "" } = process.env;
  const env = { ...process.env, PATH: join(repository, "node_modules", ".bin") + delimiter + PATH };
  return npmPath?.endsWith(".js")
    ? run(process.execPath, [npmPath, "--silent", ...args], { cwd: folder, env })
    : run("npm", ["--silent", ...args], { cwd: folder, env });
}
