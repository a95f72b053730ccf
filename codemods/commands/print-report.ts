/** Prints the report of a command on stdout, or into files, in the formats that were asked for. */

import { dirname, extname, resolve } from "node:path";
import { ExitCode, MigrationError } from "../failure.js";
import type { FileEdit } from "../file-edit.js";
import { errorMessage, writeDurably } from "../file-system.js";
import { markdownReport } from "../report/markdown.js";
import { htmlReport } from "../report/page/page.js";
import type { Report } from "../report/report.js";
import { sarifReport } from "../report/sarif.js";
import { formatReport } from "../report/text.js";
import { unifiedDiff } from "../report/unified-diff.js";
import { paintFor, plain, type Paint } from "../terminal.js";
import type { Format, Invocation, MigrateOptions, ReadingOptions } from "./invocation.js";

export interface Printout {
  readonly report: Report;
  readonly edits: readonly FileEdit[];
  /** Whether the text on stdout begins with the edits as a diff. */
  readonly showsDiff: boolean;
  readonly paths: readonly string[];
  readonly options: PrintedOptions;
}

/** What of the options the next command has to repeat. */
type PrintedOptions = ReadingOptions & Pick<MigrateOptions, "batch">;

/** With files to write to, stdout gets a summary. */
export async function printReport(invocation: Invocation, printout: Printout): Promise<void> {
  const { io } = invocation;
  const { format = "text", output = [] } = printout.options;
  const paint = paintFor(io.stdout, io.env);
  for (const file of output) {
    await writeReport(
      invocation,
      file,
      rendered(formatOf(file, printout.options), { ...printout, showsDiff: true }, plain),
    );
  }
  const summary = { ...printout, showsDiff: printout.showsDiff && output.length === 0 };
  io.stdout.write(rendered(output.length > 0 ? "text" : format, summary, paint));
}

/** Throws, before any work is done, if the format of a file cannot be told. */
export function requireKnownFormats({ format, output = [] }: ReadingOptions): void {
  for (const file of output) formatOf(file, { format });
}

const extensions: Readonly<Record<string, Format>> = {
  ".txt": "text",
  ".json": "json",
  ".sarif": "sarif",
  ".html": "html",
  ".htm": "html",
  ".md": "md",
};

function formatOf(file: string, { format }: Pick<ReadingOptions, "format">): Format {
  const known = format ?? extensions[extname(file).toLowerCase()];
  if (known !== undefined) return known;
  throw new MigrationError(
    ExitCode.usage,
    `the name ${file} does not tell its format; end it in ${Object.keys(extensions).join(", ")}, or give --format`,
  );
}

function rendered(format: Format, { report, edits, showsDiff, paths, options }: Printout, paint: Paint): string {
  switch (format) {
    case "json":
      return `${JSON.stringify(report, null, 2)}\n`;
    case "sarif":
      return `${sarifReport(report)}\n`;
    case "html":
      return htmlReport(report, edits);
    case "md":
      return markdownReport(report);
    case "text": {
      // Before the summary, since it may be long and a terminal shows what comes last.
      const diff = showsDiff && edits.length > 0 ? `${unifiedDiff(report.root, edits, paint)}\n` : "";
      return diff + formatReport(report, { paint, commandLine: commandLine(report.command, paths, options) });
    }
  }
}

async function writeReport({ io, engine: { fs } }: Invocation, file: string, text: string): Promise<void> {
  const path = resolve(io.cwd, file);
  try {
    await fs.mkdir(dirname(path), { recursive: true });
    await writeDurably(fs, path, Buffer.from(text), "w");
  } catch (error) {
    throw new MigrationError(ExitCode.conflict, `cannot write the report ${file}: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

function commandLine(command: string, paths: readonly string[], options: PrintedOptions): string {
  const { project, exclude = [], symbol = [], level, since, batch, batchSize, allowBaselineErrors } = options;
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
    ...(batch === undefined ? [] : ["--batch", String(batch)]),
    ...(allowBaselineErrors ? ["--allow-baseline-errors"] : []),
  ];
  return words.map(quoted).join(" ");
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
