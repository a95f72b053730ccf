// @ts-check
// npm run bench: the speed of the built package, side by side with promises, Effect, Effection, RxJS and p-limit.

import { fork } from "node:child_process";
import { join } from "node:path";
import { optionsFor } from "./command-line.js";
import { fieldFor } from "./field.js";
import { machine } from "./machine.js";
import { print } from "./print.js";
import { benchRegion, fillRegion } from "./region.js";
import { reportOn } from "./report.js";
import { rows } from "./rows/index.js";

const keys = rows.map((row) => row.key).join(", ");
const help = `npm run bench -- [options]

Measures the built package against promises and other libraries. The contenders of a row
take turns, round by round; a ratio is the median over the rounds.

  --only <row>        this row alone; may be given several times
                      (${keys})
  --who <name>        this contender alone, as the table names it; may be given several times
  --rounds <n>        rounds a row, 15 by default
  --quick             5 rounds, at a quarter of the size
  --cpu               processor time in place of elapsed time: for a machine that has other work
  --profile <folder>  has the process of each row write a processor profile there
  --json              the report as JSON
  --readme            writes the figures that have a bar into README.md, too
  --help              this text
`;

const { values, refuse } = optionsFor("bench", help, {
  only: { type: "string", multiple: true },
  who: { type: "string", multiple: true },
  rounds: { type: "string" },
  quick: { type: "boolean" },
  cpu: { type: "boolean" },
  profile: { type: "string" },
  json: { type: "boolean" },
  readme: { type: "boolean" },
});
for (const key of values.only ?? []) {
  if (!rows.some((row) => row.key === key)) refuse(`there is no row "${key}"; the rows are ${keys}`);
}
for (const name of values.who ?? []) {
  if (!rows.some((row) => fieldFor(row, 1, [name]).length > 0)) refuse(`there is no contender "${name}"`);
}
const rounds = Number(values.rounds ?? (values.quick ? 5 : 15));
if (!Number.isInteger(rounds) || rounds < 1) refuse(`--rounds takes a positive number, not "${values.rounds}"`);
const scale = values.quick ? 0.25 : 1;
const warmups = values.quick ? 2 : 3;
if (values.readme && (values.quick || values.only || values.who)) refuse("--readme takes all rows at their full size");
const clock = values.cpu ? "cpu" : "wall";

/** @type {import("./row.js").Report[]} */
const reports = [];
for (const row of rows) {
  if (values.only && !values.only.includes(row.key)) continue;
  if (fieldFor(row, scale, values.who).length === 0) continue;
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${row.key}...`);
  const samples = await (row.measures === "heap" ? weigh(row) : race(row));
  reports.push(reportOn(row, scale, fieldFor(row, scale, values.who), samples));
}
if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");

const line = `Medians of ${rounds} rounds, ${values.cpu ? "processor" : "elapsed"} time. ${machine()}`;
if (values.readme) fillRegion("bench", benchRegion(reports, `${line}.`));
if (values.json) process.stdout.write(`${JSON.stringify({ measured: line, rows: reports }, null, 2)}\n`);
else process.stdout.write(`${print(reports)}\n\n${line}\n`);

/**
 * The samples of a row of times.
 * @param {import("./row.js").Row} row
 * @returns {Promise<(number | string)[][]>}
 */
function race(row) {
  const profiling = values.profile === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", values.profile];
  return child("row-process.js", { key: row.key, scale, who: values.who, rounds, warmups, clock }, profiling);
}

/**
 * The samples of a row of heaps: they vary little, so that a few rounds will do.
 * @param {import("./row.js").Row} row
 */
async function weigh(row) {
  /** @type {number[][]} */
  const samples = [];
  for (const { name } of fieldFor(row, scale, values.who)) {
    const sizes = [];
    for (let i = 0; i < Math.min(rounds, 3); i++) {
      sizes.push(await child("heap-process.js", { key: row.key, scale, who: name }, ["--expose-gc"]));
    }
    samples.push(sizes);
  }
  return samples;
}

/**
 * What a script of this folder sends.
 * @param {string} script @param {object} order @param {string[]} flags
 * @returns {Promise<any>}
 */
function child(script, order, flags) {
  return new Promise((resolve, reject) => {
    const path = join(import.meta.dirname, script);
    const stdio = /** @type {const} */ (["ignore", "inherit", "pipe", "ipc"]);
    const started = fork(path, [JSON.stringify(order)], { execArgv: flags, stdio: [...stdio] });
    let complaints = "";
    started.stderr?.on("data", (chunk) => (complaints += chunk));
    /** @type {unknown} */
    let message;
    started.on("message", (sent) => (message = sent));
    started.on("close", (code) => {
      if (code === 0 && message !== undefined) resolve(message);
      else reject(new Error(`${script} ${JSON.stringify(order)} ended with ${code}\n${complaints}`));
    });
  });
}
