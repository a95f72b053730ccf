// @ts-check
// A file copied into another one, piece by piece.

import { createReadStream, createWriteStream, statSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { Flow } from "trestle";
import { run } from "trestle/node";
import { scratchFile } from "../scratch.js";

const MB = 1 << 20;

/** @param {number} n */
const path = (n) => scratchFile(`copy-${n}`, () => new Uint8Array(n * MB).fill(97));

/** @param {number} n @param {import("../row.js").Watch} watch */
async function trestle(n, watch) {
  const [from, to] = [path(n), `${path(n)}.trestle`];
  watch.start();
  await run(({ fs }) =>
    fs
      .join(from)
      .withOpenIn((source) =>
        fs.join(to).withOpenOut({ create: { orTruncate: 0o600 } }, (sink) => Flow.copy(source, sink)),
      ),
  );
  watch.stop();
  return statSync(to).size;
}

/** @param {number} n @param {import("../row.js").Watch} watch */
async function streams(n, watch) {
  const [from, to] = [path(n), `${path(n)}.streams`];
  watch.start();
  await pipeline(createReadStream(from), createWriteStream(to));
  watch.stop();
  return statSync(to).size;
}

/** @type {import("../row.js").Row} */
export default {
  key: "file-copy",
  title: "copy of a file",
  size: 32,
  of: "MB",
  contenders: { trestle, "stream.pipeline": streams },
  expected: (n) => n * MB,
  bars: [{ against: "stream.pipeline", most: 1.1 }],
};
