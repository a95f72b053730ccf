/** Fills in from the project's configuration what the command line leaves open. */

import { loadConfig } from "../config.js";
import type { Invocation, ReadingOptions } from "./invocation.js";

export interface Configured<O> {
  readonly paths: readonly string[];
  readonly options: O;
}

/** @param options of any command that reads a project; those of `migrate` and `scan` have more that can be filled in */
export async function configured<O extends ReadingOptions & { verify?: string | undefined; min?: number | undefined }>(
  { io }: Invocation,
  paths: readonly string[],
  options: O,
  takes: { readonly verify?: boolean; readonly min?: boolean } = {},
): Promise<Configured<O>> {
  const found = await loadConfig(io.cwd);
  if (found === undefined) return { paths, options };
  const { project, include = [], exclude = [], level, batchSize, allowBaselineErrors, verify, min } = found.config;
  return {
    paths: paths.length > 0 ? paths : include,
    options: {
      ...options,
      project: options.project ?? project,
      ...(exclude.length > 0 && { exclude: [...exclude, ...(options.exclude ?? [])] }),
      level: options.level ?? level,
      batchSize: options.batchSize ?? batchSize,
      allowBaselineErrors: options.allowBaselineErrors || (allowBaselineErrors ?? false),
      ...(takes.verify === true && { verify: options.verify ?? verify }),
      ...(takes.min === true && { min: options.min ?? min }),
    },
  };
}
