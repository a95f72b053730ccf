/** `trestle explain`: why one place became what it became: its reasons, what it is tied to, where it is used. */

import { existsSync, readFileSync, realpathSync } from "node:fs";
import { relative, resolve, sep } from "node:path";
import { ExitCode, MigrationError } from "../failure.js";
import type { Candidate, Explanation, MigrationPlan } from "../plan.js";
import { describeReason, remedyOf } from "../reason-descriptions.js";
import { reasons, type ReasonCode } from "../reasons.js";
import { analyse } from "./analysis.js";
import type { Invocation, ReadingOptions } from "./invocation.js";

export async function explain(invocation: Invocation, what: string, options: ReadingOptions): Promise<ExitCode> {
  const { io } = invocation;
  if (/^TR\d+$/i.test(what)) {
    io.stdout.write(explainedCode(what.toUpperCase()));
    return ExitCode.ok;
  }
  const place = placeIn(io.cwd, what);
  const { plan } = await analyse(invocation, "scan", [], options, false, { explain: true });
  const found = place === undefined ? named(plan, what) : at(plan, place);
  if (found.length === 0) {
    throw new MigrationError(
      ExitCode.usage,
      place === undefined
        ? `no async function in scope is called ${what}; give its name, Class.method, file:line, or a code such as TR1206`
        : `there is nothing asynchronous at ${what}; see \`trestle scan\``,
    );
  }
  io.stdout.write(found.map((candidate) => explained(plan, candidate)).join("\n"));
  return ExitCode.ok;
}

function explainedCode(code: string): string {
  if (!(code in reasons)) {
    throw new MigrationError(ExitCode.usage, `there is no reason ${code}; \`trestle list\` shows those there are`);
  }
  const known = code as ReasonCode;
  return `${known} ${reasons[known]}\n  ${describeReason(known)}\n  What helps: ${remedyOf(known)}\n`;
}

interface LineOfFile {
  readonly file: string;
  /** One-based. */
  readonly line: number;
  readonly column: number | undefined;
}

function placeIn(cwd: string, what: string): LineOfFile | undefined {
  const [, path, line, column] = /^(.+?):(\d+)(?::(\d+))?$/.exec(what) ?? [];
  if (path === undefined) return undefined;
  const file = resolve(cwd, path);
  if (!existsSync(file)) throw new MigrationError(ExitCode.usage, `${path} does not exist`);
  return { file: realpathSync(file), line: Number(line), column: column === undefined ? undefined : Number(column) };
}

function named(plan: MigrationPlan, name: string): Candidate[] {
  const meant = (plan.explanations ?? []).filter(({ names }) => names.includes(name));
  return plan.candidates.filter(
    ({ kind, file, start }) => kind === "function" && meant.some((each) => each.file === file && each.start === start),
  );
}

/** What begins on the line, and the innermost function around it. */
function at({ candidates }: MigrationPlan, { file, line, column }: LineOfFile): Candidate[] {
  const text = readFileSync(file, "utf8").replace(/^\uFEFF/, "");
  const lines = text.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  const end = start + (lines[line - 1]?.length ?? 0);
  const here = candidates.filter((candidate) => realpathSync(candidate.file) === file);
  const starting = here.filter((each) => each.line === line && (column === undefined || each.column === column));
  const around = here
    .filter((each) => each.kind === "function" && each.start <= end && start < each.end && !starting.includes(each))
    .sort((a, b) => b.start - a.start)[0];
  return [...starting, ...(starting.some(({ kind }) => kind === "function") || around === undefined ? [] : [around])];
}

const words: Record<Candidate["disposition"], string> = {
  rewrite: "becomes direct style",
  "rewrite+note": "becomes direct style, and there is something to know about it",
  facade: "becomes a fiber function, and its name keeps giving a promise",
  bridge: "is waited for through a bridge",
  leave: "stays as it is",
  suspect: "stays as it is, and looks like a mistake",
};

function explained(plan: MigrationPlan, candidate: Candidate): string {
  const path = (file: string) => relative(plan.root, file).split(sep).join("/");
  const lines = [
    `${candidate.name}  ${path(candidate.file)}:${candidate.line}:${candidate.column}`,
    `  ${candidate.kind} (${candidate.pattern}): ${words[candidate.disposition]}`,
  ];
  for (const { code, message } of candidate.reasons) {
    lines.push(`  ${code} ${reasons[code]}: ${message}`, `    ${describeReason(code)}`);
    lines.push(`    What helps: ${remedyOf(code)}`);
  }
  const explanation = plan.explanations?.find(
    ({ file, start }) => file === candidate.file && start === candidate.start,
  );
  if (candidate.kind === "function" && explanation !== undefined)
    lines.push(...background(plan, candidate, explanation, path));
  return `${lines.join("\n")}\n`;
}

function background(
  plan: MigrationPlan,
  candidate: Candidate,
  { ties, uses }: Explanation,
  path: (file: string) => string,
): string[] {
  const lines: string[] = [];
  const group = plan.candidates.filter((each) => each.kind === "function" && each.group === candidate.group);
  if (group.length > 1) {
    const others = group.filter((each) => each !== candidate);
    lines.push(`  Converted or left together with ${others.map(({ name }) => name).join(", ")}, because it`);
    for (const { file, line, column, text } of ties) lines.push(`    ${text}  ${path(file)}:${line}:${column}`);
  }
  if (uses.length > 0) lines.push("  Used");
  for (const { file, line, column, direct, exported, within } of uses) {
    const how = exported ? "exported" : direct ? "run directly" : "through its promise";
    lines.push(`    ${path(file)}:${line}:${column}  ${how}${within === undefined ? "" : `, in ${within}`}`);
  }
  return lines;
}
