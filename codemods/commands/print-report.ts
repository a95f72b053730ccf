/** Prints the report of a command on stdout, in the format that was asked for. */

import type { FileEdit } from "../file-edit.js";
import type { Report } from "../report/report.js";
import { formatReport } from "../report/text.js";
import { unifiedDiff } from "../report/unified-diff.js";
import { paintFor } from "../terminal.js";
import type { Invocation, ReadingOptions } from "./invocation.js";

export interface Printout {
  readonly report: Report;
  /** To be shown as a diff. */
  readonly edits: readonly FileEdit[];
  readonly paths: readonly string[];
  readonly options: ReadingOptions;
}

export function printReport({ io }: Invocation, { report, edits, paths, options }: Printout): void {
  if (options.format === "json") {
    io.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    return;
  }
  const paint = paintFor(io.stdout, io.env);
  // Before the summary, since it may be long and a terminal shows what comes last.
  if (edits.length > 0) io.stdout.write(`${unifiedDiff(report.root, edits, paint)}\n`);
  io.stdout.write(formatReport(report, { paint, commandLine: commandLine(report.command, paths, options) }));
}

function commandLine(
  command: string,
  paths: readonly string[],
  { project, exclude = [], symbol = [], level, since, batchSize, allowBaselineErrors }: ReadingOptions,
): string {
  const words = [
    "trestle",
    command,
    ...paths,
    ...(project === undefined ? [] : ["-p", project]),
    ...exclude.flatMap((path) => ["--exclude", path]),
    ...symbol.flatMap((name) => ["--symbol", name]),
    ...(level === undefined ? [] : ["--level", level]),
    ...(since === undefined ? [] : ["--since", since]),
    ...(batchSize === undefined ? [] : ["--batch-size", String(batchSize)]),
    ...(allowBaselineErrors ? ["--allow-baseline-errors"] : []),
  ];
  return words.map(quoted).join(" ");
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
