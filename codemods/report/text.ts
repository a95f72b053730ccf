/** The report as a person reads it: what was found, what became of it and why, and what to do next. */

import type { CandidateKind } from "../plan.js";
import type { Paint } from "../terminal.js";
import { countReasons, needsReason, type ReasonCount, type Report, type ReportedCandidate } from "./report.js";

export interface TextOptions {
  readonly paint: Paint;
  /** How the command was called, to be extended in advice such as "the same with --write". */
  readonly commandLine: string;
}

/** How many findings of one kind are listed before the rest is only counted. */
const listLimit = 10;

export function formatReport(report: Report, options: TextOptions): string {
  const { candidates } = report;
  const { paint } = options;
  // Suspects have a list of their own.
  const unconverted = candidates.filter(({ disposition }) => disposition === "leave" || disposition === "bridge");
  const functions = unconverted.filter(({ kind }) => kind === "function");
  const others = unconverted.filter(({ kind }) => kind !== "function");
  return [
    headline(report, paint),
    totals(report),
    report.command === "scan" ? kindTable(report, paint) : "",
    section("Batches, each of which leaves a program that type-checks", batchLines(report), paint),
    section("Why functions were left", reasonLines(countReasons(functions)), paint),
    section("Why other places were left or bridged", reasonLines(countReasons(others)), paint),
    section("Suspected mistakes in the code as it is; nothing was done about them", suspectLines(candidates), paint),
    section("Comments that direct nothing", idleLines(report), paint),
    section("Good to know about what is rewritten", reasonLines(report.notes), paint),
    section("Next", nextSteps(report, options), paint),
  ]
    .filter((part) => part !== "")
    .join("\n");
}

function headline({ command, root, written, files }: Report, paint: Paint): string {
  const what =
    command === "scan" || command === "plan"
      ? `${command === "scan" ? "Scanned" : "Plan for"} ${root}`
      : written
        ? `Migrated ${root}`
        : files.length > 0
          ? `Dry run in ${root}: nothing was written`
          : `Nothing to change in ${root}`;
  return `${paint("bold", what)}\n`;
}

function totals({ totals, candidates, written, install, verification }: Report): string {
  const { functions, byDisposition, files, seconds } = totals;
  const future = written ? "" : "to be ";
  const facades = functions.facade > 0 ? `, ${functions.facade} with a promise façade` : "";
  const share = functions.found > 0 ? ` (${percent(functions.converted, functions.found)}${facades})` : "";
  const awaits = candidates.filter(({ kind }) => kind === "await");
  const direct = awaits.filter((candidate) => !needsReason(candidate)).length;
  const manifest = install.added.length > 0 && install.manifest !== undefined ? ` and ${install.manifest}` : "";
  const demoted = verification.demoted > 0 ? `, ${plural(verification.demoted, "function")} given up on the way` : "";
  const all = functions.already + functions.found;
  return table([
    ...(functions.already > 0
      ? [
          [
            "so far",
            `${functions.already} of ${all} functions are direct style (${percent(functions.already, all)})`,
          ] as const,
        ]
      : []),
    [
      "functions",
      `${functions.found} found, ${functions.converted} ${future}converted${share}, ${functions.left} left`,
    ],
    ["awaits", `${awaits.length} found, ${direct} ${future}direct calls${shareOf(direct, awaits.length)}`],
    ["sites", `${totals.bridgedSites} bridged, ${byDisposition.suspect} suspect`],
    ["files", `${files.scanned} scanned, ${files.changed} ${future}changed${manifest}`],
    ["checked", `${plural(verification.rounds, "time")} with the type checker${demoted}`],
    ["time", `${seconds.toFixed(1)} s`],
  ]);
}

function percent(part: number, whole: number): string {
  return `${Math.round((100 * part) / whole)} %`;
}

function shareOf(part: number, whole: number): string {
  return whole > 0 ? ` (${percent(part, whole)})` : "";
}

/** For a scan: each kind of place, and how many of it would become direct style. */
function kindTable({ candidates }: Report, paint: Paint): string {
  const kinds = new Map<CandidateKind, { found: number; direct: number }>();
  for (const candidate of candidates) {
    const counts = kinds.get(candidate.kind) ?? { found: 0, direct: 0 };
    kinds.set(candidate.kind, {
      found: counts.found + 1,
      direct: counts.direct + (needsReason(candidate) ? 0 : 1),
    });
  }
  const rows = [...kinds].map(
    ([kind, { found, direct }]) => [kind, `${found} found, ${direct} can be direct style`] as const,
  );
  return section("What was found", rows.length === 0 ? [] : table(rows).trimEnd().split("\n"), paint, "");
}

function reasonLines(counts: readonly ReasonCount[]): string[] {
  if (counts.length === 0) return [];
  const shown = counts.slice(0, listLimit);
  const width = Math.max(...shown.map(({ name }) => name.length));
  const digits = Math.max(...shown.map(({ count }) => String(count).length));
  const lines = shown.map(({ code, name, count, first }) => {
    const start = `${code}  ${name.padEnd(width)}  ${String(count).padStart(digits)}  first ${first.file}:${first.line}:${first.column}`;
    return `${start}\n          ${first.message}`;
  });
  return counts.length > listLimit
    ? [...lines, `and ${counts.length - listLimit} more kinds, see --format json`]
    : lines;
}

function suspectLines(candidates: readonly ReportedCandidate[]): string[] {
  const suspects = candidates.filter(({ disposition }) => disposition === "suspect");
  const lines = suspects
    .slice(0, listLimit)
    .map(
      ({ file, line, column, reasons: [reason] }) => `${file}:${line}:${column}  ${reason?.code} ${reason?.message}`,
    );
  return suspects.length > listLimit ? [...lines, `and ${suspects.length - listLimit} more, see --format json`] : lines;
}

function batchLines({ batches = [] }: Report): string[] {
  return batches.flatMap(({ number, functions, files, facades, bridges }) => [
    `${String(number).padStart(3)}  ${plural(functions.length, "function")} in ${plural(files.length, "file")}; ` +
      `then ${plural(facades, "façade")} and ${plural(bridges, "bridge")} stand`,
    `     ${shortened(files)}`,
  ]);
}

function shortened(names: readonly string[]): string {
  const shown = 4;
  return names.length > shown
    ? `${names.slice(0, shown).join(", ")} and ${names.length - shown} more`
    : names.join(", ");
}

function idleLines({ idleComments }: Report): string[] {
  return idleComments.map(({ file, line, column, message }) => `${file}:${line}:${column}  ${message}`);
}

function nextSteps({ command, written, files, install, packages }: Report, { commandLine }: TextOptions): string[] {
  if (files.length === 0) return [];
  if (command === "plan") {
    const batch = commandLine.replace("trestle plan", "trestle migrate");
    return [
      `migrate the first with \`${batch} --batch 1 --write\`, run the tests and commit`,
      "then do the same again: what was the second batch is the first now",
    ];
  }
  if (command === "scan") return [`see the changes with \`${commandLine.replace("trestle scan", "trestle migrate")}\``];
  const missing =
    packages.length > 0 && install.manifest === undefined
      ? [`no package.json was found: make ${packages.join(" and ")} available to the project`]
      : [];
  if (!written) return [...missing, `apply this with \`${commandLine} --write\``];
  const fetch =
    install.command === undefined ? [] : [`run \`${install.command}\` to fetch ${install.added.join(" and ")}`];
  return [...missing, ...fetch, "run the project's own tests, look at `git diff`, and commit"];
}

function section(title: string, lines: readonly string[], paint: Paint, indent = "  "): string {
  return lines.length === 0 ? "" : `${paint("bold", title)}\n${lines.map((line) => `${indent}${line}\n`).join("")}`;
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, value]) => `  ${label.padEnd(width)}  ${value}\n`).join("");
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
