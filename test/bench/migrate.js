// @ts-check
// npm run bench:migrate: what planning a migration costs against type-checking the same project.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { optionsFor } from "./command-line.js";
import { generate } from "./generated.js";
import { machine } from "./machine.js";
import { table } from "./table.js";

const BAR = 2;
const help = `npm run bench:migrate -- [options]

Generates a project of each size and measures the processor time, of all threads, of

  tsc --noEmit       type-checking it
  trestle migrate    planning its migration, with the checks of the outcome; nothing is written

one after the other, in processes of their own. The bar for the ratio is ${BAR}; the doubling is what twice the
lines cost: 2 is linear.

  --lines <count>    a size; may be given several times; by default 10000 and 50000
  --rounds <count>   how often; the median counts; by default 3
  --help             this text
`;

const { values, refuse } = optionsFor("bench:migrate", help, {
  lines: { type: "string", multiple: true, default: ["10000", "50000"] },
  rounds: { type: "string", default: "3" },
});
const sizes = values.lines.map(Number).sort((one, other) => one - other);
const rounds = Number(values.rounds);
if (!sizes.every((size) => size >= 100)) refuse("--lines takes whole numbers from 100");
if (!(rounds >= 1)) refuse("--rounds takes a whole number from 1");

const require = createRequire(import.meta.url);
const tsc = require.resolve("typescript/bin/tsc");
const trestle = join(import.meta.dirname, "..", "..", "codemods", "bin", "trestle.js");
// Told on a channel of its own when the process ends: the seconds of all its threads.
const meter = `import { writeSync } from "node:fs";
import { isMainThread } from "node:worker_threads";
if (isMainThread) process.on("exit", () => {
  const { user, system } = process.cpuUsage();
  writeSync(3, String((user + system) / 1e6));
});`;

/** @param {string} cwd @param {readonly string[]} args  @returns {number} seconds */
function seconds(cwd, args) {
  const preload = `data:text/javascript,${encodeURIComponent(meter)}`;
  const { status, output, stderr } = spawnSync(process.execPath, ["--import", preload, ...args], {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}:\n${stderr}`);
  return Number(output[3]);
}

/** @param {number[]} figures */
const median = (figures) => figures.sort((one, other) => one - other)[figures.length >> 1] ?? NaN;

const reports = sizes.map((size) => {
  const root = mkdtempSync(join(tmpdir(), "trestle-bench-"));
  try {
    const lines = generate(root, size);
    /** @type {number[]} */
    const checking = [];
    /** @type {number[]} */
    const planning = [];
    for (let round = 0; round < rounds; round++) {
      checking.push(seconds(root, [tsc, "--noEmit"]));
      planning.push(seconds(root, [trestle, "migrate", "--quiet"]));
    }
    return { lines, checking: median(checking), planning: median(planning) };
  } finally {
    rmSync(root, { recursive: true });
  }
});

const print = (/** @type {number} */ figure) => figure.toFixed(2);
const lines = reports.map(({ lines, checking, planning }, index) => {
  const before = reports[index - 1];
  // What twice the lines cost, from what the growth of the lines cost.
  const doubling = before && 2 ** (Math.log(planning / before.planning) / Math.log(lines / before.lines));
  const ratio = planning / checking;
  return [
    lines.toLocaleString("en"),
    `${print(checking)} s`,
    `${print(planning)} s`,
    print(ratio),
    `<= ${BAR}${ratio > BAR ? " (over)" : ""}`,
    doubling ? print(doubling) : "",
  ];
});
const header = ["lines", " tsc --noEmit", " trestle migrate", " ratio", " bar", " doubling"];
process.stdout.write(`${table(header, lines)}\n\nMedians of ${rounds} rounds, processor time. ${machine()}.\n`);
