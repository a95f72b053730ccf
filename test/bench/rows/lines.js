// @ts-check
// The lines of a file, one after the other.

import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { run } from "trestle/node";
import { scratchFile } from "../scratch.js";

/** @param {number} n */
const path = (n) => scratchFile(`lines-${n}`, () => Array.from({ length: n }, (_, i) => textOf(i)).join(""));

/** @param {number} i */
const textOf = (i) => `${i} ${"the quick brown fox jumps over the lazy dog ".slice(i % 40)}\n`;

/** @param {number} n @param {import("../row.js").Watch} watch */
async function trestle(n, watch) {
  const file = path(n);
  watch.start();
  return await run(({ fs }) =>
    fs.join(file).withLines(function* (lines) {
      let length = 0;
      while (yield* lines.next()) length += lines.value.length;
      return length;
    }),
  );
}

/** @param {number} n @param {import("../row.js").Watch} watch */
async function readline(n, watch) {
  const file = path(n);
  watch.start();
  let length = 0;
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity }))
    length += line.length;
  return length;
}

/** @type {import("../row.js").Row} */
export default {
  key: "lines",
  title: "lines of a file",
  size: 100_000,
  of: "lines",
  contenders: { trestle, readline },
  expected(n) {
    let length = 0;
    for (let i = 0; i < n; i++) length += textOf(i).length - 1;
    return length;
  },
  bars: [{ against: "readline", most: 1 }],
};
