// @ts-check
// When and where something was measured, in one line.

import { arch, availableParallelism, cpus, platform } from "node:os";

export function machine() {
  const date = new Date().toISOString().slice(0, 10);
  const model = cpus()[0]?.model.replace(/\s+/g, " ").trim() ?? "";
  const cores = availableParallelism();
  return `${date}, Node ${process.versions.node}, ${platform()} ${arch()}, ${cores} cores${model ? ` (${model})` : ""}`;
}
