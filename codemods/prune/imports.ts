/** Brings the imports of a file up to date with what is left of it. */
import { ts, type TS } from "../compiler.js";
import type { Edit } from "../rewrite/edits.js";
import { runtimeNames } from "../runtime-names.js";

/**
 * Brings the imports of a file up to date: `idle` names go if what is left of the file does not use them, and `wanted`
 * ones come: a bridge by its name, or, after the name of a façade, that of its fiber function.
 */
export function importEdits(
  file: TS.SourceFile,
  idle: ReadonlySet<string>,
  wanted: ReadonlySet<string>,
  removed: readonly { start: number; end: number }[],
): Edit[] {
  const lists = new Set<TS.NamedImports>();
  const used = new Set<string>();
  const visit = (node: TS.Node): void => {
    if (ts.isNamedImports(node)) {
      lists.add(node);
      return;
    }
    if (ts.isIdentifier(node) && !removed.some(({ start, end }) => start <= node.getStart() && node.end <= end)) {
      used.add(node.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  const known = new Set([...lists].flatMap(({ elements }) => elements.map(({ name }) => name.text)));
  return [...lists].flatMap((list) => {
    const module = list.parent.parent.moduleSpecifier;
    const isBridges = ts.isStringLiteral(module) && module.text === runtimeNames.adopt.module;
    const names = list.elements.map(({ name }) => name.text);
    const coming = [...wanted].flatMap((each) => {
      const [first = "", second] = each.split(" ");
      if (second === undefined) return isBridges && names.includes("fromPromise") && !known.has(first) ? [first] : [];
      return names.includes(first) && !known.has(second) ? [second] : [];
    });
    const left = list.elements.filter(({ name }) => !idle.has(name.text) || used.has(name.text));
    if (coming.length === 0 && left.length === list.elements.length) return [];
    return namesEdits(file, list, [...left.map((element) => element.getText(file)), ...coming]);
  });
}

function namesEdits(file: TS.SourceFile, list: TS.NamedImports, names: readonly string[]): Edit[] {
  const clause = list.parent;
  const [first, last] = [list.elements[0], list.elements.at(-1)];
  if (first === undefined || last === undefined) return [];
  if (names.length === 0 && clause.name === undefined) {
    const { end } = clause.parent;
    const lineEnd = /^[ \t]*\r?\n/.exec(file.text.slice(end))?.[0].length ?? 0;
    return [{ start: clause.parent.getStart(file), end: end + lineEnd, text: "" }];
  }
  if (names.length === 0) return [{ start: clause.name?.end ?? list.pos, end: list.end, text: "" }];
  return [{ start: first.getStart(file), end: last.end, text: names.join(", ") }];
}
