// @ts-check
// What the threads of the checksum program do.

import { createHash } from "node:crypto";
import { addContext, EndOfFile } from "trestle";

/**
 * The SHA-256 of a file, which is read in pieces.
 * @param {import("trestle/node").NodeEnv} env @param {string} path @returns {import("trestle").Op<string>}
 */
export function* checksum(env, path) {
  try {
    return yield* env.fs.join(path).withOpenIn(digest);
  } catch (error) {
    throw addContext(error, `checksum of ${path}`);
  }
}

/** @param {import("trestle").Source} file @returns {import("trestle").Op<string>} */
function* digest(file) {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(65_536);
  for (;;) {
    try {
      hash.update(buffer.subarray(0, yield* file.read(buffer)));
    } catch (error) {
      if (error instanceof EndOfFile) return hash.digest("hex");
      throw error;
    }
  }
}
