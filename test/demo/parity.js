// @ts-check
// Compares two copies of a package: each goes through the same exercise in a process of its own, and their transcripts
// must be the same line by line.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { run } from "./command.js";

/** @typedef {import("./stage.js").Transcript} Transcript */

const transcriptFile = "transcript.txt";
/** Of a difference, how many are shown. */
const mostLines = 60;
const performer = fileURLToPath(new URL("perform.js", import.meta.url));

/**
 * @param {string} name the package, whose exercise is `parity/<name>.js`
 * @param {string} entry the module to load
 * @param {string} folder keeps the transcript and whatever files the exercise makes
 * @returns {Promise<{ transcripts: Transcript[], folder: string }>}
 */
export async function perform(name, entry, folder) {
  const sandbox = join(folder, "files");
  mkdirSync(sandbox, { recursive: true });
  const { code, stdout, stderr } = await run(process.execPath, [performer, name, pathToFileURL(entry).href, sandbox], {
    cwd: sandbox,
  });
  const transcripts =
    code === 0
      ? JSON.parse(stdout)
      : [{ name: "loading it", lines: [`failed with ${code}`, ...stderr.trim().split("\n")] }];
  writeFileSync(join(folder, transcriptFile), asText(transcripts));
  return { transcripts, folder };
}

/**
 * @param {{ transcripts: readonly Transcript[], folder: string }} expected
 * @param {{ transcripts: readonly Transcript[], folder: string }} actual
 * @returns {Promise<{ passed: number, failed: number, output: string }>}
 */
export async function compare(expected, actual) {
  const names = [...new Set([...expected.transcripts, ...actual.transcripts].map(({ name }) => name))];
  const same = names.filter((name) => {
    const before = linesOf(name, expected.transcripts);
    return before !== "" && before === linesOf(name, actual.transcripts);
  });
  const failed = names.length - same.length;
  return { passed: same.length, failed, output: failed === 0 ? "" : await difference(expected.folder, actual.folder) };
}

/**
 * @param {string} name
 * @param {readonly Transcript[]} transcripts
 */
function linesOf(name, transcripts) {
  return transcripts.find((transcript) => transcript.name === name)?.lines.join("\n") ?? "";
}

/**
 * @param {string} before
 * @param {string} after
 */
async function difference(before, after) {
  const files = [join(before, transcriptFile), join(after, transcriptFile)];
  const { stdout } = await run("git", ["diff", "--no-index", "--no-color", "--unified=2", "--", ...files], {
    cwd: after,
  });
  const hunks = stdout.indexOf("@@");
  if (hunks === -1) return "an exercise left no transcript";
  const lines = stdout.slice(hunks).trimEnd().split("\n");
  const rest = lines.length - mostLines;
  return [...lines.slice(0, mostLines), ...(rest > 0 ? [`... and ${rest} more lines`] : [])].join("\n");
}

/**
 * Starts each check with a word at the margin, which is what a diff repeats above a change further down.
 * @param {readonly Transcript[]} transcripts
 */
function asText(transcripts) {
  return transcripts.map(({ name, lines }) => `${name}\n${lines.map((line) => `  ${line}\n`).join("")}`).join("\n");
}
