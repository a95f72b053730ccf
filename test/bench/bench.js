// @ts-check
// npm run bench: the speed of the built package, side by side with promises, Effect, Effection, RxJS and p-limit.

import { fork } from "node:child_process";
import { join } from "node:path";
import { optionsFor } from "./command-line.js";
import { fieldFor } from "./field.js";
import { machine } from "./machine.js";
import { print } from "./print.js";
import { reportOn } from "./report.js";
import { rows } from "./rows/index.js";

const keys = rows.map((row) => row.key).join(", ");
const help = `npm run bench -- [options]

Measures the built package against promises and other libraries. The contenders of a row
take turns, round by round; a ratio is the median over the rounds.

  --only <row>   this row alone; may be given several times
                 (${keys})
  --rounds <n>   rounds a row, 15 by default
  --quick        5 rounds, at a quarter of the size
  --cpu          processor time in place of elapsed time: for a machine that is busy with other work
  --json         the report as JSON
  --help         this text
`;

const { values, refuse } = optionsFor("bench", help, {
  only: { type: "string", multiple: true },
  rounds: { type: "string" },
  quick: { type: "boolean" },
  cpu: { type: "boolean" },
  json: { type: "boolean" },
});
for (const key of values.only ?? []) {
  if (!rows.some((row) => row.key === key)) refuse(`there is no row "${key}"; the rows are ${keys}`);
}
const rounds = Number(values.rounds ?? (values.quick ? 5 : 15));
if (!Number.isInteger(rounds) || rounds < 1) refuse(`--rounds takes a positive number, not "${values.rounds}"`);
const scale = values.quick ? 0.25 : 1;
const warmups = values.quick ? 2 : 3;

const clock = values.cpu ? "cpu" : "wall";

/** @type {import("./row.js").Report[]} */
const reports = [];
for (const row of rows) {
  if (values.only && !values.only.includes(row.key)) continue;
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${row.key}...`);
  reports.push(reportOn(row, scale, await (row.measures === "heap" ? weigh(row) : race(row))));
}
if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");

if (values.json)
  process.stdout.write(`${JSON.stringify({ measured: machine(), clock, rounds, rows: reports }, null, 2)}\n`);
else
  process.stdout.write(
    `${print(reports, scale)}\n\nMedians of ${rounds} rounds, ${values.cpu ? "processor" : "elapsed"} time. ${machine()}\n`,
  );

/**
 * The samples of a row of times.
 * @param {import("./row.js").Row} row
 * @returns {Promise<(number | string)[][]>}
 */
function race(row) {
  return child("row-process.js", [row.key, rounds, warmups, scale, clock]);
}

/**
 * The samples of a row of heaps: they vary little, so that a few rounds will do.
 * @param {import("./row.js").Row} row
 */
async function weigh(row) {
  /** @type {number[][]} */
  const samples = [];
  for (const { name } of fieldFor(row, scale)) {
    const sizes = [];
    for (let i = 0; i < Math.min(rounds, 3); i++) {
      sizes.push(await child("heap-process.js", [row.key, name, scale], ["--expose-gc"]));
    }
    samples.push(sizes);
  }
  return samples;
}

/**
 * What a script of this folder sends.
 * @param {string} script @param {(string | number)[]} args @param {string[]} flags
 * @returns {Promise<any>}
 */
function child(script, args, flags = []) {
  return new Promise((resolve, reject) => {
    const path = join(import.meta.dirname, script);
    const stdio = /** @type {const} */ (["ignore", "inherit", "pipe", "ipc"]);
    const started = fork(path, args.map(String), { execArgv: flags, stdio: [...stdio] });
    let complaints = "";
    started.stderr?.on("data", (chunk) => (complaints += chunk));
    /** @type {unknown} */
    let message;
    started.on("message", (sent) => (message = sent));
    started.on("close", (code) => {
      if (code === 0 && message !== undefined) resolve(message);
      else reject(new Error(`${script} ${args.join(" ")} ended with ${code}\n${complaints}`));
    });
  });
}
