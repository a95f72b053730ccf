// @ts-check
// One function before and after, so that the reader sees what a migration does to code.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { git } from "./workspace.js";

/**
 * @param {string} folder a project whose last commit is the migration
 * @param {import("./trestle.js").Report} report
 * @param {string} preferred the function that shows best, if it was converted
 * @returns {Promise<{ file: string, before: string, after: string } | undefined>}
 */
export async function excerpt(folder, report, preferred) {
  const converted = report.candidates.filter(
    ({ kind, disposition }) => kind === "function" && ["rewrite", "rewrite+note", "facade"].includes(disposition),
  );
  for (const { name, file } of [...converted].sort(
    (a, b) => Number(b.name.endsWith(preferred)) - Number(a.name.endsWith(preferred)),
  )) {
    const ownName = name.split(".").at(-1) ?? name;
    const before = functionText(await git(folder, "show", `HEAD~1:${file}`), file, [ownName]);
    const after = functionText(readFileSync(join(folder, file), "utf8"), file, [`${ownName}Op`, ownName]);
    if (before !== undefined && after !== undefined && before !== after) return { file, before, after };
  }
  return undefined;
}

/**
 * The text of the function that has the first of `names`, moved to the margin.
 * @param {string} text
 * @param {string} file
 * @param {string[]} names
 */
function functionText(text, file, names) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  for (const name of names) {
    const found = find(
      source,
      (node) => ts.isFunctionLike(node) && node.name?.getText(source) === name && "body" in node,
    );
    if (found === undefined) continue;
    const { character } = source.getLineAndCharacterOfPosition(found.getStart(source));
    return found.getText(source).replaceAll(new RegExp(`^ {${character}}`, "gm"), "");
  }
  return undefined;
}

/**
 * @param {ts.Node} node
 * @param {(node: ts.Node) => boolean} wanted
 * @returns {ts.Node | undefined}
 */
function find(node, wanted) {
  return wanted(node) ? node : ts.forEachChild(node, (child) => find(child, wanted));
}
