/**
 * The report as a page to look at: one file with everything in it, which asks nothing of the network. It draws the
 * border between fibers and promises module by module, lists what was left and why, and shows each file's changes side
 * by side.
 */

import { relative, sep } from "node:path";
import { structuredPatch } from "diff";
import type { FileEdit } from "../../file-edit.js";
import { describeReason } from "../../reason-descriptions.js";
import type { Report, ReportedCandidate } from "../report.js";
import { script } from "./script.js";
import { style } from "./style.js";

/** What the script of the page draws. */
export interface PageData {
  readonly title: string;
  readonly subtitle: string;
  readonly totals: Report["totals"];
  readonly candidates: readonly PageCandidate[];
  /** Of each code that occurs: what it means. */
  readonly reasons: Readonly<Record<string, { readonly name: string; readonly meaning: string }>>;
  readonly files: readonly PageFile[];
  readonly batches: Report["batches"];
  readonly idleComments: Report["idleComments"];
}

type PageCandidate = Pick<ReportedCandidate, "kind" | "name" | "file" | "line" | "column" | "disposition"> & {
  readonly reasons: readonly { readonly code: string; readonly message: string }[];
};

interface PageFile {
  readonly path: string;
  /** Absent when comparing would have taken too long. */
  readonly hunks?: readonly {
    readonly oldStart: number;
    readonly newStart: number;
    readonly lines: readonly string[];
  }[];
}

const millisecondsPerFile = 2000;

export function htmlReport(report: Report, edits: readonly FileEdit[]): string {
  const data = pageData(report, edits);
  // A script element ends at the first "</", whatever is around it.
  const json = JSON.stringify(data).replaceAll("<", "\\u003c");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>${escaped(data.title)}</title>
<style>${style}</style>
</head>
<body>
<a class="skip" href="#places">Skip to the list of places</a>
<header>
<h1>${escaped(data.title)}</h1>
<p>${escaped(data.subtitle)}</p>
</header>
<main>
<section aria-labelledby="totals-title"><h2 id="totals-title">At a glance</h2><div id="totals" class="cards"></div></section>
<section aria-labelledby="border-title"><h2 id="border-title">The border, module by module</h2>
<p>Each square is a function. Left of the line are fiber functions, on it those that keep a promise façade, right of it what stays async.
Arrows count the places where fibers wait for promises through a bridge. Choose a module to see only its places below.</p>
<ul class="legend" aria-label="Legend">
<li><span class="cell direct" aria-hidden="true"></span> fiber function</li>
<li><span class="cell facade" aria-hidden="true"></span> fiber function with a façade</li>
<li><span class="cell left" aria-hidden="true"></span> left async</li>
<li><span class="cell suspect" aria-hidden="true"></span> suspected mistake</li>
</ul>
<div id="border"></div></section>
<section aria-labelledby="folders-title"><h2 id="folders-title">Share per folder</h2><div id="folders"></div></section>
<section aria-labelledby="batches-title" id="batches" hidden><h2 id="batches-title">Batches</h2></section>
<section aria-labelledby="places-title" id="places" tabindex="-1"><h2 id="places-title">Places</h2>
<form id="filters" aria-label="Filters"></form>
<p id="count" role="status"></p>
<div class="scroll" role="region" aria-label="Table of places" tabindex="0"><table><thead><tr><th scope="col">What became of it</th><th scope="col">Name</th><th scope="col">Place</th><th scope="col">Why</th></tr></thead><tbody id="rows"></tbody></table></div>
<button type="button" id="more" hidden>Show more</button></section>
<section aria-labelledby="changes-title" id="changes"><h2 id="changes-title">Changes, side by side</h2><div id="files"></div></section>
</main>
<noscript><p>This page draws itself with a script, which is switched off here.</p></noscript>
<script type="application/json" id="data">${json}</script>
<script>${script}</script>
</body>
</html>
`;
}

function pageData(report: Report, edits: readonly FileEdit[]): PageData {
  const used = new Map(report.candidates.flatMap(({ reasons }) => reasons.map((reason) => [reason.code, reason.name])));
  return {
    title: `${titles[report.command](report.written)}: ${report.root.split(sep).at(-1) ?? report.root}`,
    subtitle: `${report.root} · ${report.totals.files.scanned} files scanned · ${report.tool.name} ${report.tool.version}`,
    totals: report.totals,
    candidates: report.candidates.map(({ kind, name, file, line, column, disposition, reasons }) => ({
      kind,
      name,
      file,
      line,
      column,
      disposition,
      reasons: reasons.map(({ code, message }) => ({ code, message })),
    })),
    reasons: Object.fromEntries(
      [...used].sort().map(([code, name]) => [code, { name, meaning: describeReason(code) }]),
    ),
    files: edits.map((edit) => pageFile(report.root, edit)),
    batches: report.batches,
    idleComments: report.idleComments,
  };
}

const titles: Record<Report["command"], (written: boolean) => string> = {
  scan: () => "What a migration would make of it",
  plan: () => "Plan of a migration",
  migrate: (written) => (written ? "Migrated" : "Dry run of a migration"),
};

function pageFile(root: string, { path, original, replacement }: FileEdit): PageFile {
  const name = relative(root, path).split(sep).join("/");
  const options = { context: 3, timeout: millisecondsPerFile };
  const patch = structuredPatch(name, name, original.toString(), replacement.toString(), undefined, undefined, options);
  return {
    path: name,
    ...(patch && { hunks: patch.hunks.map(({ oldStart, newStart, lines }) => ({ oldStart, newStart, lines })) }),
  };
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
