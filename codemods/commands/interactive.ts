/**
 * `trestle migrate --interactive`: asks about one group of functions after the other. Half of a group would not
 * type-check, so a group is what is accepted or declined.
 */

import { relative, sep } from "node:path";
import type { Writable } from "node:stream";
import { structuredPatch } from "diff";
import { ExitCode, MigrationError } from "../failure.js";
import type { FileEdit } from "../file-edit.js";
import { convertedGroups, type Group } from "../groups.js";
import { paintFor, type OutputStream, type Paint } from "../terminal.js";
import { analyse, type Analysis } from "./analysis.js";
import type { Invocation, MigrateOptions } from "./invocation.js";

/** Throws, before any work is done, where there is nobody to ask. */
export function requireTerminal({ io }: Invocation): void {
  if (io.stdin?.isTTY === true && io.stderr.isTTY === true) return;
  throw new MigrationError(
    ExitCode.usage,
    "--interactive needs a terminal to ask in; leave it out, or name functions with --symbol",
  );
}

/** @returns the analysis with only what was accepted */
export async function accepted(
  invocation: Invocation,
  all: Analysis,
  paths: readonly string[],
  options: MigrateOptions,
): Promise<Analysis> {
  const groups = convertedGroups(all.plan);
  const declined = await ask(invocation, all, groups);
  if (declined.length === 0) return all;
  const only = groups.flatMap(({ functions }) => functions.map(({ file, start }) => ({ file, start })));
  const leave = declined.flatMap(({ functions }) =>
    functions.map(({ file, start, name }) => ({
      file,
      start,
      reason: { code: "TR1803" as const, message: `${name}: it was declined` },
    })),
  );
  return analyse(invocation, "migrate", paths, options, options.write, { only, leave });
}

type Answer = "yes" | "no" | "all" | "none";

async function ask({ io }: Invocation, all: Analysis, groups: readonly Group[]): Promise<readonly Group[]> {
  const { isCancel, select } = await import("@clack/prompts");
  const paint = paintFor(io.stderr, io.env);
  const declined: Group[] = [];
  for (const [index, group] of groups.entries()) {
    io.stderr.write(`\n${shown(all, group, paint)}\n`);
    const answer = await select<Answer>({
      message: `Migrate ${group.name}? (${index + 1} of ${groups.length})`,
      options: [
        { value: "yes", label: "yes" },
        { value: "no", label: "no, leave it" },
        { value: "all", label: "yes, and all that follow" },
        { value: "none", label: "no, and none that follow" },
      ],
      ...(io.stdin && { input: io.stdin }),
      output: io.stderr as OutputStream & Writable,
      ...(io.signal && { signal: io.signal }),
    });
    if (isCancel(answer)) throw new MigrationError(ExitCode.interrupted, "interrupted; nothing was changed");
    if (answer === "all") return declined;
    if (answer === "none") return [...declined, ...groups.slice(index)];
    if (answer === "no") declined.push(group);
  }
  return declined;
}

/** The functions of a group, what is to be known about them, and how their lines change. */
function shown({ plan, edits }: Analysis, { functions }: Group, paint: Paint): string {
  const lines = functions.flatMap(({ name, file, line, column, reasons }) => [
    paint("bold", `${name}  ${relative(plan.root, file).split(sep).join("/")}:${line}:${column}`),
    ...reasons.map(({ code, message }) => `  ${code} ${message}`),
  ]);
  for (const edit of edits) {
    const here = functions.filter(({ file }) => file === edit.path);
    if (here.length > 0) lines.push(...changes(edit, here, paint));
  }
  return lines.join("\n");
}

interface Extent {
  readonly start: number;
  readonly end: number;
}

function changes({ path, original, replacement }: FileEdit, extents: readonly Extent[], paint: Paint): string[] {
  const before = original.toString();
  const lineOf = (offset: number): number => before.slice(0, offset).split("\n").length;
  const spans = extents.map(({ start, end }) => ({ first: lineOf(start), last: lineOf(end) }));
  const patch = structuredPatch(path, path, before, replacement.toString(), undefined, undefined, {
    context: 0,
    timeout: 2000,
  });
  return (patch?.hunks ?? [])
    .filter(({ oldStart, oldLines }) =>
      spans.some(({ first, last }) => oldStart <= last && oldStart + Math.max(oldLines, 1) > first),
    )
    .flatMap(({ lines }) => lines.map((line) => paint(line.startsWith("-") ? "red" : "green", `  ${line}`)));
}
