// @ts-check
// The demonstration: real asynchronous code goes in, fiber code comes out, and the code's own tests stay green.
//   npm run demo                         everything
//   npm run demo -- orders p-map         only these
//   npm run demo -- --keep               leaves the migrated projects for a look

import { join } from "node:path";
import { parseArgs } from "node:util";
import { interrupt, Interrupted } from "./command.js";
import { excerpt } from "./excerpt.js";
import { fingerprint, runOwnTests, touched } from "./own-tests.js";
import { compare, perform } from "./parity.js";
import { table } from "./table.js";
import { migrate, migrateAgain, scan } from "./trestle.js";
import { commit, copyPackage, copyProject, entryPoints, openWorkspace, repository } from "./workspace.js";

const packages = ["p-map", "p-queue", "fs-extra", "p-retry", "p-limit"];
const projects = ["orders", ...packages];

/** @typedef {import("./table.js").Row} Row */
/** @typedef {{ passed: number, failed: number, output: string }} TestRun */

const { keep, names } = readArguments();
const workspace = openWorkspace();
if (!keep) process.once("exit", workspace.remove);
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) process.on(signal, interrupt);

try {
  process.exitCode = await demonstrate(names);
} catch (error) {
  if (!(error instanceof Interrupted)) throw error;
  console.error("\ninterrupted");
  process.exitCode = 130;
}
if (keep) console.log(`\nThe projects are kept in ${workspace.root}`);

/** @returns {{ keep: boolean, names: readonly string[] }} */
function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      options: { keep: { type: "boolean", default: false } },
      allowPositionals: true,
    });
    const unknown = positionals.filter((name) => !projects.includes(name));
    if (unknown.length > 0) throw new Error(`there is no project ${unknown.join(", ")}`);
    return { keep: values.keep, names: positionals.length > 0 ? positionals : projects };
  } catch (error) {
    console.error(`demo: ${error instanceof Error ? error.message : String(error)}`);
    console.error(`usage: npm run demo -- [--keep] [${projects.join("] [")}]`);
    process.exit(2);
  }
}

/**
 * @param {readonly string[]} names
 * @returns {Promise<number>} the exit code
 */
async function demonstrate(names) {
  say("Trestle turns promise code into direct-style fiber code. Each project below is copied to a temporary folder,");
  say("tested, migrated by one command, and tested again; a second migration must find nothing left to do.");
  /** @type {Row[]} */
  const rows = [];
  for (const name of names) rows.push(await demonstrateOne(name));

  say(`\n${table(rows)}`);
  for (const { name, red } of rows) for (const problem of red) say(`\n${name}: ${problem}`);
  const failures = rows.filter(({ red }) => red.length > 0).length;
  say(failures === 0 ? "\nAll green." : `\n${failures} of ${rows.length} projects are red.`);
  return failures === 0 ? 0 : 1;
}

/**
 * @param {string} name
 * @returns {Promise<Row>}
 */
async function demonstrateOne(name) {
  const start = performance.now();
  /** @type {Row} */
  const row = { name, seconds: 0, red: [] };
  try {
    await (name === "orders" ? migrateOrders(row) : migratePackage(row));
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    row.red.push(error instanceof Error ? error.message : String(error));
    say(`   failed: ${row.red.at(-1)}`);
  }
  row.seconds = (performance.now() - start) / 1000;
  return row;
}

/**
 * A service with a test suite of its own, which the migration must not touch.
 * @param {Row} row
 */
async function migrateOrders(row) {
  title("orders: a small service written in the old ways, with its own test suite");
  const folder = join(workspace.root, "orders");
  await copyProject(join(repository, "test", "fixtures", "orders"), folder);
  say("   copied, committed to a git repository of its own, dependencies linked");

  row.before = judge(row, "its tests, before", await runOwnTests(folder));
  const tests = fingerprint(folder);
  await migrateStep(row, folder);
  row.after = judge(row, "its tests, after", await runOwnTests(folder));
  const changed = touched(tests, fingerprint(folder));
  check(
    row,
    `${tests.size} test files are byte for byte the same`,
    changed.length === 0,
    `changed: ${changed.join(", ")}`,
  );
  await secondStep(row, folder);
  await showExcerpt(row, folder, "pay");
}

/**
 * A published package: the copy is migrated, and both are put through the same exercise.
 * @param {Row} row
 */
async function migratePackage(row) {
  const { name } = row;
  title(`${name}: as published, exercised before and after`);
  const folder = join(workspace.root, name);
  await copyPackage(name, folder);
  say("   copied, committed to a git repository of its own, dependencies linked");

  const entry = entryPoints(name, folder);
  const exercise = (/** @type {string} */ side, /** @type {string} */ module) =>
    perform(name, module, join(workspace.root, "exercises", name, side));
  const [original, untouched] = await Promise.all([
    exercise("original", entry.original),
    exercise("copied", entry.copy),
  ]);
  row.before = judge(row, "same as the original, before", await compare(original, untouched));
  await migrateStep(row, folder);
  const migrated = await exercise("migrated", entry.copy);
  row.after = judge(row, "same as the original, after", await compare(original, migrated));
  await secondStep(row, folder);
}

/**
 * @param {Row} row
 * @param {string} folder
 */
async function migrateStep(row, folder) {
  say("   $ trestle scan");
  // The counts; for the service, where everything is at hand to look at, the whole of it.
  const paragraphs = (await scan(folder)).split("\n\n");
  say(indented(paragraphs.slice(0, row.name === "orders" ? undefined : 2).join("\n\n")));
  say("   $ trestle migrate --write");
  row.report = await migrate(folder);
  const { functions, files, bridgedSites, seconds } = row.report.totals;
  say(
    `     ${functions.converted} of ${functions.found} functions converted, ${functions.left} left, ${bridgedSites} places bridged,`,
  );
  say(`     ${files.changed} of ${files.scanned} files changed in ${seconds.toFixed(1)} s`);
  await commit(folder, "Migrate to fibers");
}

/**
 * @param {Row} row
 * @param {string} folder
 */
async function secondStep(row, folder) {
  const changed = await migrateAgain(folder);
  check(row, "a second migration changes nothing", changed.length === 0, `changed: ${changed.join(", ")}`);
}

/**
 * @param {Row} row
 * @param {string} folder
 * @param {string} preferred
 */
async function showExcerpt({ report }, folder, preferred) {
  const shown = report && (await excerpt(folder, report, preferred));
  if (shown === undefined) return;
  say(`\n   ${shown.file}, before\n${indented(shown.before)}\n\n   and after\n${indented(shown.after)}`);
}

/**
 * @param {Row} row
 * @param {string} what
 * @param {TestRun} run
 */
function judge(row, what, { passed, failed, output }) {
  const counts = failed === 0 ? `${passed} passed` : `${passed} passed, ${failed} FAILED`;
  say(`   ${what}: ${counts}`);
  if (failed > 0) row.red.push(`${what}: ${counts}\n${indented(output)}`);
  return { passed, failed };
}

/**
 * @param {Row} row
 * @param {string} what
 * @param {boolean} good
 * @param {string} otherwise
 */
function check(row, what, good, otherwise) {
  say(`   ${what}: ${good ? "yes" : `NO, ${otherwise}`}`);
  if (!good) row.red.push(`${what}: no, ${otherwise}`);
}

/** @param {string} text */
function title(text) {
  say(`\n== ${text}`);
}

/** @param {string} text */
function indented(text) {
  return text.trimEnd().replaceAll(/^(?=.)/gm, "     ");
}

/** @param {string} text */
function say(text) {
  console.log(text);
}
