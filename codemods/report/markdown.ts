/** The report as Markdown, for the description of a pull request. */

import { needsReason, type ReasonCount, type Report } from "./report.js";

/** How many places are listed before the rest is only counted. */
const listLimit = 50;

export function markdownReport(report: Report): string {
  const { totals, candidates, files, batches = [] } = report;
  const { functions } = totals;
  const awaits = candidates.filter(({ kind }) => kind === "await");
  const direct = awaits.filter((candidate) => !needsReason(candidate)).length;
  const left = candidates.filter(({ kind, disposition }) => kind === "function" && disposition === "leave");
  const suspects = candidates.filter(({ disposition }) => disposition === "suspect");
  const parts = [
    `# ${titles[report.command](report.written)}\n`,
    table(
      ["", "found", "direct style", "share"],
      [
        ["functions", functions.found, functions.converted, share(functions.converted, functions.found)],
        ["awaits", awaits.length, direct, share(direct, awaits.length)],
      ],
    ),
    `${functions.facade} façades, ${totals.bridgedSites} bridged places, ${files.length} changed files; ` +
      `type-checked ${report.verification.rounds} times.\n`,
    section("Batches", batches.length, () =>
      table(
        ["batch", "functions", "files", "façades after it", "bridges after it"],
        batches.map((batch) => [
          batch.number,
          batch.functions.length,
          batch.files.map(code).join(", "),
          batch.facades,
          batch.bridges,
        ]),
      ),
    ),
    section("Why places were left or bridged", report.topReasons.length, () => reasonTable(report.topReasons)),
    section("Good to know about what is rewritten", report.notes.length, () => reasonTable(report.notes)),
    section("Suspected mistakes in the code as it is", suspects.length, () => placeTable(suspects)),
    section("Functions left as they are", left.length, () => placeTable(left)),
    section("Comments that direct nothing", report.idleComments.length, () =>
      report.idleComments.map(({ file, line, message }) => `- ${code(`${file}:${line}`)} ${text(message)}\n`).join(""),
    ),
    section("Changed files", files.length, () => files.map(({ path }) => `- ${code(path)}\n`).join("")),
  ];
  return parts.filter((part) => part !== "").join("\n");
}

const titles: Record<Report["command"], (written: boolean) => string> = {
  scan: () => "What a migration to fibers would make of this",
  plan: () => "Plan of a migration to fibers",
  migrate: (written) => (written ? "Migrated to fibers" : "A migration to fibers, not written"),
};

function section(title: string, count: number, body: () => string): string {
  return count === 0 ? "" : `## ${title}\n\n${body()}`;
}

function reasonTable(counts: readonly ReasonCount[]): string {
  return table(
    ["reason", "", "places", "first"],
    counts.map(({ code: id, name, count, first }) => [id, name, count, code(`${first.file}:${first.line}`)]),
  );
}

function placeTable(places: Report["candidates"]): string {
  const shown = places
    .slice(0, listLimit)
    .map(({ name, file, line, reasons }) => [
      code(name),
      code(`${file}:${line}`),
      reasons.map((reason) => `${reason.code} ${text(reason.message)}`).join("; "),
    ]);
  const rest = places.length > listLimit ? `\nand ${places.length - listLimit} more.\n` : "";
  return table(["function", "place", "reason"], shown) + rest;
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(" | ")} |\n`;
  return line(head) + line(head.map(() => "---")) + rows.map(line).join("");
}

function share(part: number, whole: number): string {
  return whole === 0 ? "" : `${Math.round((100 * part) / whole)} %`;
}

/** Text in which nothing is markup. */
function text(value: string): string {
  return value.replace(/[\\`*_{}[\]<>#|]/g, "\\$&").replace(/\s+/g, " ");
}

function code(value: string): string {
  const fence = value.includes("`") ? "``" : "`";
  const pad = fence === "``" ? " " : "";
  return `${fence}${pad}${value.replaceAll("|", "\\|").replace(/\s+/g, " ")}${pad}${fence}`;
}
