// @ts-check
// The temporary folder of a demonstration, and the projects in it: copies that are git repositories of their own and
// find their dependencies through links.

import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "./command.js";

export const repository = fileURLToPath(new URL("../..", import.meta.url));
const installed = join(repository, "node_modules");

/** @returns {{ root: string, remove: () => void }} */
export function openWorkspace() {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "trestle-demo-")));
  return { root, remove: () => rmSync(root, { recursive: true, force: true, maxRetries: 3 }) };
}

/**
 * Copies a project of this repository as it is.
 * @param {string} source
 * @param {string} target
 */
export async function copyProject(source, target) {
  cpSync(source, target, { recursive: true, filter: (path) => !/^(dist|node_modules)$/.test(relative(source, path)) });
  await makeProject(target, source);
}

/**
 * Copies the JavaScript that a package publishes, and gives it the tsconfig that its author would keep for an editor.
 * The declarations stay behind: beside a module they would hide it from the type checker.
 * @param {string} name
 * @param {string} target
 */
export async function copyPackage(name, target) {
  const source = join(installed, name);
  const wanted = (/** @type {string} */ path) =>
    /(\.[cm]?js|^|\/package\.json|\/licen[cs]e(\.\w+)?)$/i.test(path) || !/\.\w+$/.test(path);
  cpSync(source, target, {
    recursive: true,
    filter: (path) => !relative(source, path).startsWith("node_modules") && wanted(path),
  });
  const tsconfig = {
    compilerOptions: {
      allowJs: true,
      checkJs: false,
      noEmit: true,
      strict: true,
      skipLibCheck: true,
      target: "es2023",
      module: "nodenext",
      types: ["node"],
    },
    include: ["**/*.js", "**/*.mjs", "**/*.cjs"],
    exclude: ["node_modules"],
  };
  writeFileSync(join(target, "tsconfig.json"), `${JSON.stringify(tsconfig, null, 2)}\n`);
  writeFileSync(join(target, ".gitignore"), "node_modules/\n");
  await makeProject(target, source);
}

/**
 * The module that `import name` loads, in the installed package and in a copy of it.
 * @param {string} name
 * @param {string} copy
 */
export function entryPoints(name, copy) {
  const original = fileURLToPath(import.meta.resolve(name));
  return { original, copy: join(copy, relative(join(installed, name), original)) };
}

/**
 * @param {string} folder
 * @param {string} source where the project's own dependencies may be installed
 */
async function makeProject(folder, source) {
  linkDependencies(folder, source);
  for (const args of [
    ["init", "--quiet"],
    ["config", "user.name", "Trestle demonstration"],
    ["config", "user.email", "demo@localhost"],
    ["config", "commit.gpgsign", "false"],
    ["config", "core.autocrlf", "false"],
    ["config", "core.hooksPath", ".git/hooks"],
  ]) {
    await git(folder, ...args);
  }
  await commit(folder, "As it was");
}

/**
 * @param {string} folder
 * @param {string} message
 */
export async function commit(folder, message) {
  await git(folder, "add", "--all");
  await git(folder, "commit", "--quiet", "--allow-empty", "--message", message);
}

/**
 * @param {string} folder
 * @param {string[]} args
 */
export async function git(folder, ...args) {
  const { code, stdout, stderr } = await run("git", args, { cwd: folder, env: withoutGitVariables() });
  if (code !== 0) throw new Error(`git ${args[0]} failed in ${folder}: ${stderr.trim()}`);
  return stdout;
}

/** A hook of this repository may have started us; its variables would make git work on the wrong repository. */
function withoutGitVariables() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_")));
}

/**
 * @param {string} folder
 * @param {string} source
 */
function linkDependencies(folder, source) {
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  // Of what the author develops with, the compiler and the types of Node are enough.
  const names = [...Object.keys(dependencies), "typescript", "@types/node"];
  const links = new Map(names.map((name) => [name, placeOf(name, source)]));
  links.set("trestle", join(repository, "core"));
  links.set("@trestle/bridges", join(repository, "bridges"));
  for (const [name, place] of links) {
    const link = join(folder, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(place, link, "junction");
  }
}

/**
 * @param {string} name
 * @param {string} source
 */
function placeOf(name, source) {
  const places = [join(source, "node_modules", name), join(installed, name)];
  const place = places.find(existsSync);
  if (place === undefined) throw new Error(`${name} is not installed; run \`npm ci\` first`);
  return place;
}

/**
 * Every file under a folder, relative to it, in order.
 * @param {string} folder
 */
export function filesUnder(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}
