// @ts-check
// npm run programs: as many random programs as there is time for, migrated and compared with what they were.

import { spawn } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { optionsFor } from "../../bench/command-line.js";

const help = `npm run programs -- [options]

Draws programs of async functions, migrates them, and compares what they do before and after under a virtual clock. Each
is compared several times, with other sets of its functions kept async. What differs is made smaller, printed, and
makes the exit code 1.

  --count <n>      how many comparisons; by default 10000
  --seed <n>       where the drawing starts; by default the time. The seed and the number that are printed give the same program again
  --borders <n>    how many sets of functions are kept async in each program, at most; by default 2
  --batch <n>      how many programs are migrated at once; by default 250
  --size <size>    small (by default) or large
  --jobs <n>       how many processes; by default one for each processor
  --no-shrink      print what differs as it was drawn
  --help           this text
`;

const { values, refuse } = optionsFor("programs", help, {
  count: { type: "string", default: "10000" },
  seed: { type: "string", default: String(Math.floor(Date.now() / 1000) % 1_000_000_000) },
  borders: { type: "string", default: "2" },
  batch: { type: "string", default: "250" },
  size: { type: "string", default: "small" },
  jobs: { type: "string", default: String(availableParallelism()) },
  "no-shrink": { type: "boolean", default: false },
});
const [count = 0, seed = 0, borders = 0, batch = 0, jobs = 0] = [
  values.count,
  values.seed,
  values.borders,
  values.batch,
  values.jobs,
].map(Number);
if (![count, borders, batch, jobs].every((n) => Number.isInteger(n) && n > 0) || !Number.isInteger(seed) || seed < 0) {
  refuse("--count, --borders, --batch and --jobs take whole numbers from 1, --seed one from 0");
}
if (values.size !== "small" && values.size !== "large") refuse("--size takes small or large");

const here = fileURLToPath(new URL(".", import.meta.url));
const folder = fileURLToPath(new URL("../../../node_modules/.cache/programs/", import.meta.url));
mkdirSync(folder, { recursive: true });
const bundle = `${folder}${process.pid}.mjs`;
await build({
  entryPoints: [`${here}programs.ts`],
  outfile: bundle,
  bundle: true,
  platform: "node",
  format: "esm",
  packages: "external",
  // The libraries as they are built: one copy for the programs and for what compares them.
  tsconfigRaw: {},
  logLevel: "error",
});

console.log(`${count} comparisons from seed ${seed}, in ${jobs} processes`);
const total = { compared: 0, functions: 0, converted: 0, broken: 0, differences: 0 };
const began = Date.now();
const part = Math.ceil(count / jobs);
try {
  const codes = await Promise.all(Array.from({ length: jobs }, (_, index) => work(index)));
  const share = ((100 * total.converted) / Math.max(1, total.functions)).toFixed(1);
  console.log(
    `${total.compared} compared in ${Math.round((Date.now() - began) / 1000)} s: ${total.differences} differ; ` +
      `${share} % of ${total.functions} functions converted, ${total.broken} did not type-check`,
  );
  process.exitCode = total.differences > 0 || codes.some((code) => code !== 0) ? 1 : 0;
} finally {
  rmSync(bundle, { force: true });
}

/** @param {number} index @returns {Promise<number | null>} */
function work(index) {
  const given = JSON.stringify({
    from: seed + index,
    step: jobs,
    count: part,
    batch,
    borders,
    size: values.size,
    shrink: !values["no-shrink"],
  });
  const child = spawn(process.execPath, [bundle, given], { stdio: ["ignore", "inherit", "pipe"] });
  createInterface({ input: child.stderr }).on("line", (line) => {
    if (!line.startsWith('{"seed"')) return void process.stderr.write(`${line}\n`);
    const { seed: at, ...counts } = JSON.parse(line);
    for (const message of counts.broken) console.log(`seed ${at}: ${message}`);
    counts.broken = counts.broken.length;
    for (const key of /** @type {(keyof typeof total)[]} */ (Object.keys(total))) total[key] += counts[key];
  });
  return new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
}
