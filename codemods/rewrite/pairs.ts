/** The statements that make pairs of façades and their fiber functions. */
import { ts, type TS } from "../compiler.js";
import type { AsyncFunction } from "../analyse/functions.js";
import { hasModifier, namedClass } from "../analyse/syntax.js";
import { decisionOf, type FileContext } from "./context.js";
import { indentAt } from "./style.js";

/** `pair(load, loadOp);` behind a function, `pairMethods(Store.prototype, { get: "getOp" });` behind a class. */
export function writePairs(context: FileContext, converted: readonly AsyncFunction[]): void {
  const classes = new Map<TS.ClassLikeDeclaration, AsyncFunction[]>();
  for (const fn of converted) {
    if (!context.paired.has(fn)) continue;
    if (fn.form === "declaration") {
      const { fiberName = "" } = decisionOf(context, fn);
      writeBehind(context, fn.node, `${context.imports.use("pair")}(${fn.name ?? ""}, ${fiberName})`);
    } else if (fn.form === "method" && ts.isClassLike(fn.node.parent)) {
      const known = classes.get(fn.node.parent);
      if (known === undefined) classes.set(fn.node.parent, [fn]);
      else known.push(fn);
    }
  }
  for (const [owner, methods] of classes) {
    const named = namedClass(owner);
    if (named === undefined) continue;
    const name = named.text;
    const isStatic = (fn: AsyncFunction): boolean => hasModifier(fn.node, ts.SyntaxKind.StaticKeyword);
    const statements = [
      { holder: `${name}.prototype`, members: methods.filter((fn) => !isStatic(fn)) },
      { holder: name, members: methods.filter(isStatic) },
    ]
      .filter(({ members }) => members.length > 0)
      .map(({ holder, members }) => `${context.imports.use("pairMethods")}(${holder}, ${names(context, members)})`);
    writeBehind(context, named.statement, ...statements);
  }
}

function names(context: FileContext, members: readonly AsyncFunction[]): string {
  const { quote } = context.style;
  const entries = members.map((fn) => `${fn.name ?? ""}: ${quote}${decisionOf(context, fn).fiberName ?? ""}${quote}`);
  return `{ ${entries.join(", ")} }`;
}

function writeBehind(context: FileContext, node: TS.Node, ...statements: readonly string[]): void {
  const { edits, file, style } = context;
  const indent = indentAt(file, node.getStart(file));
  // Where semicolons are left out, what follows must not be read on from here.
  const next = /^\s*([([`+\-/])/.test(file.text.slice(node.end)) ? ";" : style.semicolon;
  const open = /[;}]$/.test(file.text.slice(0, node.end)) ? "" : style.semicolon;
  const lines = statements.map((statement) => `${style.eol}${indent}${statement}`);
  edits.insertAfter(node.end, `${open}${style.eol}${lines.join(style.semicolon)}${next}`);
}
