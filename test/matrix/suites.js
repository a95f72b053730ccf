// @ts-check
// Runs the test runner on some Node, and reads what it reports.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, relative } from "node:path";

export const top = join(import.meta.dirname, "..", "..");
const vitest = join(top, "node_modules", "vitest", "vitest.mjs");

/** A run that takes longer is ended. */
const MINUTES = 20;

/**
 * What came of one run: the counts, those of each file, and what was printed.
 * @typedef {{ passed: number, failed: number, skipped: number }} Counts
 * @typedef {Counts & { files: Map<string, Counts>, seconds: number, text: string }} Outcome
 */

/**
 * @param {string} node  the path of a Node
 * @param {readonly string[]} args
 * @returns {Promise<Outcome>}
 */
export async function runSuites(node, args) {
  const folder = mkdtempSync(join(tmpdir(), "trestle-matrix-"));
  const file = join(folder, "report.json");
  const start = performance.now();
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const { code, text } = await run(node, [vitest, "run", ...args, ...reporters]);
  const seconds = (performance.now() - start) / 1_000;
  const files = read(file);
  rmSync(folder, { recursive: true, force: true });
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const each of files.values()) {
    counts.passed += each.passed;
    counts.failed += each.failed;
    counts.skipped += each.skipped;
  }
  // Red without a red test: errors outside of all tests, or the runner did not get to its end.
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  return { ...counts, files, seconds, text };
}

/**
 * @param {string} node @param {readonly string[]} args
 * @returns {Promise<{ code: number, text: string }>}
 */
function run(node, args) {
  // The programs that tests start are run by this Node, too.
  const env = {
    ...process.env,
    PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ""}`,
    TRESTLE_PROGRAMS: process.env.TRESTLE_PROGRAMS ?? "1000",
    NO_COLOR: "1",
  };
  return new Promise((resolve, reject) => {
    const child = spawn(node, args, { cwd: top, env, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (part) => (text += part));
    const timer = setTimeout(() => {
      text += `\nended after ${MINUTES} minutes\n`;
      child.kill();
      setTimeout(() => child.kill("SIGKILL"), 10_000).unref();
    }, MINUTES * 60_000);
    const stop = () => child.kill();
    process.once("SIGTERM", stop);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      process.off("SIGTERM", stop);
      resolve({ code: code ?? 1, text: signal ? `${text}ended by ${signal}\n` : text });
    });
  });
}

/** @param {string} file @returns {Map<string, Counts>} */
function read(file) {
  let report;
  try {
    report = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return new Map();
  }
  return new Map(
    report.testResults.map((/** @type {any} */ { name, status, assertionResults }) => {
      const count = (/** @type {string[]} */ ...states) =>
        assertionResults.filter((/** @type {any} */ test) => states.includes(test.status)).length;
      const failed = count("failed");
      // A file that does not load has no tests, and must not pass for that.
      const counts = {
        passed: count("passed"),
        failed: failed === 0 && status === "failed" ? 1 : failed,
        skipped: count("pending", "skipped", "todo", "disabled"),
      };
      return [relative(top, name), counts];
    }),
  );
}
