#!/usr/bin/env node
// @ts-check
// npm run sample: installs published packages that are rich in asynchronous code and migrates a copy of the sources of
// each, which nobody wrote with the migrator in mind. Needs a package registry, and so is no part of the tests.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";

const help = `npm run sample -- [options] [packages...]

Installs each package of packages.txt, or those named, and migrates a copy of its JavaScript. Holds that

  migrate does not crash, what it writes parses (node --check), TypeScript finds no more to complain
  about than before, and a second run, as well as one after a formatter, changes nothing.

  --only <count>   the first so many
  --keep           keep the copies, and say where
  --help           this text

Exits with 1 if one of it does not hold.
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: "string" }, keep: { type: "boolean" }, help: { type: "boolean" } },
});
if (values.help) {
  process.stdout.write(help);
  process.exit(0);
}

const top = join(import.meta.dirname, "..", "..", "..");
const trestle = join(top, "codemods", "bin", "trestle.js");
const prettier = createRequire(import.meta.url).resolve("prettier/bin/prettier.cjs");
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const listed = readFileSync(join(import.meta.dirname, "packages.txt"), "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"));
const names = (positionals.length > 0 ? positionals : listed).slice(0, Number(values.only ?? Infinity));

const TIMEOUT = 300_000;

/** @param {string} cwd @param {string} command @param {readonly string[]} args */
function execute(cwd, command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    timeout: TIMEOUT,
    maxBuffer: 1 << 28,
  });
  return { status, stdout, stderr };
}

/** @param {string} root @param {readonly string[]} args */
const migrate = (root, ...args) =>
  execute(root, process.execPath, [trestle, "migrate", "--quiet", "--allow-baseline-errors", ...args]);

const isSource = (/** @type {string} */ file) => /\.[cm]?js$/.test(file) && !/\.min\.[cm]?js$/.test(file);

/** @param {string} root @returns {string[]} */
const sourcesOf = (root) =>
  readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
    (file) => isSource(file) && !/(^|[\\/])node_modules[\\/]/.test(file),
  );

/**
 * How much the compiler complains about.
 * @param {string} root
 */
function complaints(root) {
  const flags = [
    "--noEmit",
    "--allowJs",
    "--checkJs",
    "--strict",
    "false",
    "--skipLibCheck",
    "--target",
    "esnext",
    "--module",
    "nodenext",
  ];
  const { stdout } = execute(root, process.execPath, [tsc, ...flags, ...sourcesOf(root)]);
  return stdout.split("\n").filter((line) => line.includes("): error TS")).length;
}

/** @param {string} root */
function fingerprint(root) {
  const hash = createHash("sha256");
  for (const file of sourcesOf(root).sort()) hash.update(file).update(readFileSync(join(root, file)));
  return hash.digest("hex");
}

/**
 * A copy of the package beside what it depends on.
 * @param {string} name @param {string} folder
 */
function copyOf(name, folder) {
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  const { status, stderr } = execute(folder, "npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", name]);
  if (status !== 0) throw new Error(`npm install ended with ${status}: ${stderr.trim().split("\n").at(-1)}`);
  const installed = join(folder, "node_modules");
  const root = join(folder, "copy");
  cpSync(join(installed, name), root, { recursive: true });
  // What the package brings itself stays the nearest.
  if (!existsSync(join(root, "node_modules"))) symlinkSync(installed, join(root, "node_modules"));
  for (const [library, source] of [
    ["trestle", "core"],
    ["@trestle/bridges", "bridges"],
  ]) {
    const place = join(installed, /** @type {string} */ (library));
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(join(top, /** @type {string} */ (source)), place);
  }
  for (const file of readdirSync(root)) if (/^[jt]sconfig.*\.json$/.test(file)) rmSync(join(root, file));
  const options = {
    allowJs: true,
    noEmit: true,
    strict: false,
    skipLibCheck: true,
    target: "esnext",
    module: "nodenext",
  };
  writeFileSync(join(root, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: sourcesOf(root) }));
  return root;
}

/**
 * What does not hold of a package; and the figures of its migration.
 * @param {string} name
 */
function sample(name) {
  const folder = mkdtempSync(join(tmpdir(), "trestle-sample-"));
  /** @type {string[]} */
  const problems = [];
  let figures = "";
  try {
    const root = copyOf(name, folder);
    const before = new Map(sourcesOf(root).map((file) => [file, readFileSync(join(root, file), "utf8")]));
    const complained = complaints(root);
    const parsed = (/** @type {string} */ file) => execute(root, process.execPath, ["--check", file]).status === 0;
    const first = migrate(root, "--write", "--allow-no-git", "--format", "json");
    if (first.status !== 0) {
      const why = first.stderr.trim().split("\n").slice(-3).join(" / ");
      return { figures, problems: [`migrate ended with ${first.status ?? "its time"}: ${why}`], folder };
    }
    const { totals } = JSON.parse(first.stdout);
    const { found = 0, converted = 0 } = totals.functions;
    figures = `${converted} of ${found} functions`;
    const changed = sourcesOf(root).filter((file) => readFileSync(join(root, file), "utf8") !== before.get(file));
    figures += `, ${changed.length} files`;
    for (const file of changed) {
      if (parsed(file)) continue;
      const after = readFileSync(join(root, file), "utf8");
      writeFileSync(join(root, file), before.get(file) ?? "");
      if (parsed(file)) problems.push(`${file} does not parse`);
      writeFileSync(join(root, file), after);
    }
    const complains = complaints(root);
    if (complains > complained) problems.push(`${complains - complained} type errors more, of ${complained}`);
    const once = fingerprint(root);
    const second = migrate(root, "--write", "--allow-no-git", "--format", "json");
    if (second.status !== 0) problems.push(`the second run ended with ${second.status}`);
    else if (fingerprint(root) !== once) problems.push("the second run changes something");
    for (const file of changed) {
      const text = readFileSync(join(root, file), "utf8");
      const readable = parsed(file);
      execute(root, process.execPath, [prettier, "--write", "--log-level", "silent", file]);
      // It writes types in comments, as those of Flow, out.
      if (readable && !parsed(file)) writeFileSync(join(root, file), text);
    }
    const formatted = fingerprint(root);
    const third = migrate(root, "--write", "--allow-no-git", "--format", "json");
    if (third.status !== 0) problems.push(`the run after the formatter ended with ${third.status}`);
    else if (fingerprint(root) !== formatted) problems.push("the run after the formatter changes something");
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
  } finally {
    if (!values.keep) rmSync(folder, { recursive: true, force: true });
  }
  return { figures, problems, folder };
}

let failed = 0;
for (const name of names) {
  const { figures, problems, folder } = sample(name);
  failed += problems.length > 0 ? 1 : 0;
  process.stdout.write(
    `${problems.length > 0 ? "FAIL" : "ok  "}  ${name}  ${figures}${values.keep ? `  ${folder}` : ""}\n`,
  );
  for (const problem of problems) process.stdout.write(`        ${problem}\n`);
}
process.stdout.write(`${names.length - failed} of ${names.length} packages hold\n`);
process.exitCode = failed > 0 ? 1 : 0;
