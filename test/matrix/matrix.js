// @ts-check
// npm run test:matrix: the suites of core and bridges on every Node that is supported, and in Chromium.

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { optionsFor } from "../bench/command-line.js";
import { cache, Missing, nodeOf } from "./nodes.js";
import { runSuites, top } from "./suites.js";

const SUPPORTED = [20, 22, 24, 26];
const chromium = process.env.CHROMIUM ?? "/usr/bin/chromium";

const { values, refuse } = optionsFor(
  "test:matrix",
  `npm run test:matrix -- [options]

Runs the tests of core and bridges, and those that load the packed packages, on Node ${SUPPORTED.join(", ")},
and in Chromium; prints a line for each, and ends with "N passed, N failed".

  --nodes <majors>  on these Nodes, as in 22,24, and not in Chromium
  --browser         in Chromium, and on no Node but those of --nodes
  --help            this text

A Node that is not the one running this is installed by npm, in ${cache};
NODE_22=<path> names another one. Chromium is ${chromium}; CHROMIUM=<path> names another one.
TRESTLE_PROGRAMS=<n> says how many random programs are compared with the model, 1000 by default.

Exit codes: 0 green, 1 a test failed, 2 something is missing or an option is wrong.
`,
  { nodes: { type: "string" }, browser: { type: "boolean" } },
);

const named = values.nodes === undefined ? undefined : values.nodes.split(",").map((word) => word.trim());
for (const word of named ?? []) {
  if (!/^\d+$/.test(word) || Number(word) < 20) refuse(`--nodes takes majors from 20 on, as in 22,24, not "${word}"`);
}
const majors = named?.map(Number) ?? (values.browser ? [] : SUPPORTED);
const inChromium = values.browser ?? named === undefined;

/** @type {import("./suites.js").Outcome[]} */
const outcomes = [];

try {
  // Before anything is run: nobody waits ten minutes to hear that something is missing.
  if (!existsSync(join(top, "core", "dist", "cjs", "index.js"))) throw new Missing('no build; run "npm run build"');
  const version = inChromium ? versionOfChromium() : "";
  const nodes = [];
  for (const major of majors) nodes.push(await nodeOf(major));

  row("", "passed", "failed", "skipped", "seconds");
  for (const { path, version } of nodes) {
    const suites = ["test/core", "test/bridges", "test/packages/loading.test.ts"];
    note(`Node ${version}`, await runSuites(path, suites));
  }
  if (inChromium) {
    const outcome = await runSuites(process.execPath, ["--config", "test/matrix/chromium.config.ts"]);
    note(version, outcome);
    sayWhatIsForNodeOnly(outcome);
  }
} catch (error) {
  if (!(error instanceof Missing)) throw error;
  process.stderr.write(`test:matrix: ${error.message}\n`);
  process.exit(2);
}

/** @param {"passed" | "failed"} key */
const sum = (key) => outcomes.reduce((total, outcome) => total + outcome[key], 0);
console.log(`\n${sum("passed")} passed, ${sum("failed")} failed`);
process.exitCode = sum("failed") === 0 ? 0 : 1;

/** @param {string} name @param {import("./suites.js").Outcome} outcome */
function note(name, outcome) {
  outcomes.push(outcome);
  const { passed, failed, skipped, seconds, text } = outcome;
  row(name, passed, failed, skipped, seconds.toFixed(0));
  if (failed > 0) console.log(`\n${text.trim()}\n`);
}

/** @param {string} name @param {...(string | number)} cells */
function row(name, ...cells) {
  console.log(name.padEnd(28) + cells.map((cell) => String(cell).padStart(9)).join(""));
}

/**
 * Lists the files of the two suites that were not run in Chromium; one that does not say that it is for Node only is a failure.
 * @param {import("./suites.js").Outcome} outcome
 */
function sayWhatIsForNodeOnly(outcome) {
  const suites = ["test/core", "test/bridges"].flatMap((folder) =>
    readdirSync(join(top, folder), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".test.ts"))
      .map((path) => `${folder}/${path.replaceAll("\\", "/")}`),
  );
  const left = suites.filter((path) => !outcome.files.has(path)).sort();
  console.log(`\n${suites.length - left.length} of ${suites.length} files ran in Chromium. For Node only:`);
  for (const path of left) {
    const reason = /^\/\/ Node only: (.*)/.exec(readFileSync(join(top, path), "utf8"))?.[1];
    if (reason === undefined) outcome.failed++;
    console.log(`  ${path}: ${reason ?? "IT DOES NOT SAY WHY, AND WAS NOT RUN"}`);
  }
}

function versionOfChromium() {
  try {
    const text = execFileSync(chromium, ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return text.trim().split(" ").slice(0, 2).join(" ");
  } catch {
    throw new Missing(
      `no Chromium at ${chromium}; install it, as with "apt-get install chromium", or set CHROMIUM to the path of one`,
    );
  }
}
