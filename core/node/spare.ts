// Descriptors that have to be there before Node begins something that takes several: when there are too few it forgets to close some.

import { closeSync, openSync } from "node:fs";
import { devNull } from "node:os";
import { fromSystemError } from "../io-error.js";

/**
 * Expects that `count` more descriptors can be had.
 *
 * @throws IoError  `Io Too_many_files`
 */
export function expectSpare(count: number): void {
  const taken: number[] = [];
  try {
    while (taken.length < count) taken.push(openSync(devNull, "r"));
  } catch (error) {
    throw fromSystemError(error);
  } finally {
    for (const fd of taken) closeSync(fd);
  }
}
