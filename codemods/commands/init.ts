/** `trestle init`: writes a configuration with every key explained. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { configNames, loadConfig } from "../config.js";
import { ExitCode, MigrationError } from "../failure.js";
import { errorCode, errorMessage, syncDirectory, writeDurably } from "../file-system.js";
import type { Invocation } from "./invocation.js";

const text = `// Defaults for the command line of trestle, which win over them. Paths and globs are relative to this file.
export default {
  // The project's tsconfig.json, or the folder it is in.
  // project: "tsconfig.json",

  // Files, folders and globs to work on, where the command line names none; the whole project otherwise.
  // include: ["src"],

  // Files, folders and globs to leave out.
  // exclude: ["src/legacy/**"],

  // "safe" leaves functions whose conversion has a note, "standard" converts them.
  // level: "standard",

  // Functions in a batch of \`trestle plan\` and \`trestle migrate --batch\`.
  // batchSize: 25,

  // Accept type errors that are there already.
  // allowBaselineErrors: false,

  // \`trestle migrate --write\` keeps only the changes with which this command succeeds.
  // verify: "npm test",

  // \`trestle scan --check\` fails when less than this share of functions is direct style.
  // min: 0.8,
};
`;

export async function init({ io, engine: { fs } }: Invocation): Promise<ExitCode> {
  const before = await loadConfig(io.cwd);
  if (before !== undefined) {
    throw new MigrationError(ExitCode.conflict, `${before.path} configures trestle already; nothing was written`);
  }
  const name = existsSync(join(io.cwd, "tsconfig.json")) ? "trestle.config.ts" : "trestle.config.mjs";
  if (!configNames.includes(name)) throw new Error(`${name} would not be read`);
  const path = join(io.cwd, name);
  try {
    await writeDurably(fs, path, Buffer.from(text), "wx");
    await syncDirectory(fs, io.cwd);
  } catch (error) {
    if (errorCode(error) !== "EEXIST") await fs.unlink(path).catch(() => undefined);
    throw new MigrationError(ExitCode.conflict, `cannot write ${name}: ${errorMessage(error)}`, { cause: error });
  }
  io.stdout.write(`${name} is written; every key in it is explained, and none is set.\n`);
  return ExitCode.ok;
}
