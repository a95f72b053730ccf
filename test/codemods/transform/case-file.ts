/**
 * Reads tables of before and after. A table is a text file of cases:
 *
 *     === id: "CM-A01 a sentence about the case"
 *     reason load TR1301          what a candidate named `load` must have among its reasons, or
 *     shape load facade           the disposition it must have
 *     site CM-E04 TR1602          what some place that is no function must be recognised as, and its reason
 *     --- main.ts                 a file
 *     ...
 *     --- becomes                 its text afterwards; without this part the file must stay as it is
 *     ...
 *
 * Everything between two such lines is text as it stands, so that no formatter touches it.
 */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";

export interface Sample {
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

export interface Case {
  readonly title: string;
  readonly family: string;
  /** The title and the notes as they stand in the table. */
  readonly header: string;
  /** A folder name that no other case has. */
  readonly folder: string;
  readonly files: readonly Sample[];
  readonly reasons: readonly (readonly [name: string, code: string])[];
  readonly shapes: readonly (readonly [name: string, disposition: string])[];
  readonly sites: readonly (readonly [pattern: string, code: string])[];
  /** Set when the case is a known defect: what goes wrong. */
  readonly defect: string | undefined;
}

const folder = new URL("./cases/", import.meta.url);

export const families: readonly string[] = readdirSync(folder)
  .filter((name) => name.endsWith(".cases.md"))
  .map((name) => name.slice(0, -".cases.md".length))
  .sort();

export function casesOf(family: string): Case[] {
  const text = readFileSync(new URL(`${family}.cases.md`, folder), "utf8");
  return text
    .split(/^=== /m)
    .slice(1)
    .map((part, index) => parse(part, family, index));
}

function parse(part: string, family: string, index: number): Case {
  const [header = "", ...pieces] = part.split(/^--- /m);
  const [first = "", ...notes] = header.trim().split("\n");
  const title = first.slice("id: ".length + 1, -1);
  const files: { path: string; before: string; after: string }[] = [];
  for (const piece of pieces) {
    const end = piece.indexOf("\n");
    const name = piece.slice(0, end).trim();
    const body = piece.slice(end + 1).replace(/\n\n$/, "\n");
    const last = files.at(-1);
    if (name !== "becomes") files.push({ path: name, before: body, after: body });
    else if (last === undefined) throw new Error(`${family}: "${title}" becomes something out of nothing`);
    else last.after = body;
  }
  const noted = (kind: string): [string, string][] =>
    notes
      .map((line) => line.split(" "))
      .filter(([word]) => word === kind)
      .map(([, name = "", value = ""]) => [name, value]);
  return {
    title,
    family,
    header: header.trim(),
    folder: `${family}${index}`,
    files,
    reasons: noted("reason"),
    shapes: noted("shape"),
    sites: noted("site"),
    defect: notes.find((line) => line.startsWith("defect "))?.slice("defect ".length),
  };
}

/** The files of many cases as one project, a folder a case: those in JavaScript, or those in TypeScript. */
export function projectFilesOf(cases: readonly Case[], javaScript: boolean): Record<string, string> {
  const files: Record<string, string> = {};
  for (const one of cases.filter((c) => isJavaScript(c) === javaScript)) {
    for (const { path, before } of one.files) files[`src/${one.folder}/${path}`] = before;
  }
  return files;
}

export function isJavaScript(one: Case): boolean {
  return one.files.some(({ path }) => /\.[cm]?js$/.test(path));
}

/** Writes a table anew with other outcomes; those of known defects stay as they should be. */
export function rewriteTable(family: string, outcomeOf: (path: string) => string | undefined): void {
  const parts = casesOf(family).map((one) => {
    const files = one.files.map(({ path, before, after }) => {
      const outcome = one.defect === undefined ? (outcomeOf(`src/${one.folder}/${path}`) ?? after) : after;
      return `--- ${path}\n${before}${outcome === before ? "" : `--- becomes\n${outcome}`}`;
    });
    return `=== ${one.header}\n${files.join("")}`;
  });
  writeFileSync(new URL(`${family}.cases.md`, folder), parts.join("\n"));
}
