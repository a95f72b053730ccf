/** Turns the spelling of an async function into that of a generator function: keyword, star, arrow and return type. */
import { ts, type TS } from "../compiler.js";
import type { Decision } from "../analyse/decide.js";
import type { AsyncFunction } from "../analyse/functions.js";
import { usesThis } from "../analyse/syntax.js";
import { turnBefore } from "../limits/rewrite.js";
import { decisionOf, type FileContext } from "./context.js";
import { handingThis } from "./handed-this.js";
import { opTypeText, resultTypeText, rewriteReturnType } from "./signature.js";

export function isShell(fn: AsyncFunction): boolean {
  return ts.isArrowFunction(fn.node) && usesThis(fn.node);
}

export function rewriteReturnTypeOf(context: FileContext, fn: AsyncFunction, decision: Decision): boolean {
  if (fn.node.type !== undefined) {
    rewriteReturnType(context, fn.node);
    return true;
  }
  if (!decision.recursive || !context.isTypeScript) return true;
  const type = resultTypeText(context, fn.node);
  if (type === undefined) return false;
  context.edits.insertAfter(closeParenEnd(context, fn.node), `: ${context.imports.use("Op")}<${type}>`);
  context.note(fn, {
    code: "TR1703",
    message: `${fn.label} calls itself: its fiber function has a written return type`,
  });
  return true;
}

/** `async function f` becomes `function* f`, `async m` becomes `*m`. */
export function keywordToStar(context: FileContext, fn: AsyncFunction, name = ""): void {
  const { edits, file, style } = context;
  const { node } = fn;
  removeAsync(context, node);
  if (ts.isMethodDeclaration(node)) {
    const star = style.spaced ? "* " : "*";
    edits.wrap(node.name.getStart(file), node.end, multipliesPrevious(context, fn) ? `;${star}` : star, "");
    return;
  }
  const keyword = node.getChildren(file).find((child) => child.kind === ts.SyntaxKind.FunctionKeyword);
  if (keyword === undefined) return;
  const spaces = name === "" ? 0 : (/^[ \t]*/.exec(file.text.slice(keyword.end))?.[0].length ?? 0);
  edits.replace(keyword.end, keyword.end + spaces, `${style.spaced ? " " : ""}*${name}`);
}

/** In a class without semicolons, a star behind a field reads as a multiplication. */
function multipliesPrevious(context: FileContext, fn: AsyncFunction): boolean {
  const { node } = fn;
  const first = node.modifiers?.[0];
  if (!ts.isClassLike(node.parent) || first?.kind !== ts.SyntaxKind.AsyncKeyword) return false;
  if (decisionOf(context, fn).shape !== "in-place") return false;
  const { members } = node.parent;
  const previous = members[members.indexOf(node as TS.MethodDeclaration) - 1];
  return previous !== undefined && ts.isPropertyDeclaration(previous) && context.file.text[previous.end - 1] !== ";";
}

export function asyncKeyword(node: TS.Node): TS.Node {
  const modifiers = ts.canHaveModifiers(node) ? (ts.getModifiers(node) ?? []) : [];
  const keyword = modifiers.find((modifier) => modifier.kind === ts.SyntaxKind.AsyncKeyword);
  if (keyword === undefined) throw new Error("An async function without its keyword (a defect of the analysis)");
  return keyword;
}

export function removeAsync(context: FileContext, node: TS.Node): void {
  const keyword = asyncKeyword(node);
  const { text } = context.file;
  let end = keyword.end;
  while (/[ \t]/.test(text[end] ?? "")) end++;
  context.edits.remove(keyword.getStart(context.file), end);
}

/** The end of the parameter list's closing parenthesis. */
function closeParenEnd(context: FileContext, node: TS.SignatureDeclaration): number {
  const paren = node.getChildren(context.file).find((child) => child.kind === ts.SyntaxKind.CloseParenToken);
  return paren?.end ?? node.parameters.end;
}

/** `async (x) => e` becomes `function* (x) { return e; }`. */
export function arrowToGenerator(context: FileContext, node: TS.ArrowFunction, name: string): void {
  const { edits, file, style } = context;
  const keyword = asyncKeyword(node);
  if (name === "") {
    const spaced = /\s/.test(file.text[keyword.end] ?? "");
    edits.replace(keyword.getStart(file), keyword.end, `function*${spaced ? "" : " "}`);
  } else {
    const spaces = /^[ \t]*/.exec(file.text.slice(keyword.end))?.[0].length ?? 0;
    edits.replace(keyword.getStart(file), keyword.end + spaces, `function*${name}`);
  }
  const only = node.parameters[0];
  if (only !== undefined && !node.getChildren(file).some((child) => child.kind === ts.SyntaxKind.OpenParenToken)) {
    edits.wrap(only.getStart(file), only.end, "(", ")");
  }
  const arrow = node.equalsGreaterThanToken;
  const body = node.body;
  const bodyStart = body.getStart(file);
  const commented = file.text.slice(arrow.end, bodyStart).trim() !== "";
  const turn = turnBefore(context, node);
  if (ts.isBlock(body)) {
    if (commented) edits.remove(arrow.getStart(file), arrow.end);
    else edits.replace(arrow.getStart(file), bodyStart, "");
    return;
  }
  if (commented) {
    edits.replace(arrow.getStart(file), arrow.end, "{");
    edits.insertBefore(bodyStart, `${turn}return `);
  } else {
    edits.replace(arrow.getStart(file), bodyStart, `{ ${turn}return `);
  }
  edits.wrap(body.pos, body.end, "", `${style.semicolon} }`);
}

/**
 * An arrow function that uses `this` stays one, and hands its `this` to the generator function inside: through `call`
 * where the type of `this` can be written and `call` is typed, else as a first argument that is named in its place.
 */
export function shellArrow(context: FileContext, node: TS.ArrowFunction, kind: "raw" | "promise"): void {
  const { edits, file, style } = context;
  const returnType = opTypeText(context, node);
  removeAsync(context, node);
  const { parameter, call } = handingThis(context, node, node.body);
  const open = `(function* (${parameter})${returnType === "" ? "" : `: ${returnType}`} `;
  const [before, after] =
    kind === "raw" ? [open, `)${call}`] : [`${context.imports.use("toPromise")}(() => ${open}`, `)${call})`];
  const { body } = node;
  if (ts.isBlock(body)) edits.wrap(body.getStart(file), body.end, before, after);
  else
    edits.wrap(
      body.getStart(file),
      body.end,
      `${before}{ ${turnBefore(context, node)}return `,
      `${style.semicolon} }${after}`,
    );
  if (kind === "raw" && node.type !== undefined) rewriteReturnType(context, node);
}
