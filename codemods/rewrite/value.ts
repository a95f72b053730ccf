/** A fiber function where an async function stood as a value: inside `toAsync(...)`, under the name it had. */
import { ts, type TS } from "../compiler.js";
import type { AsyncFunction } from "../analyse/functions.js";
import { type FunctionNode, usesThis } from "../analyse/syntax.js";
import { commentsIn, joinComments } from "./comments.js";
import { decisionOf, isRawValue, type FileContext } from "./context.js";
import {
  rewriteReturnTypeOf,
  keywordToStar,
  asyncKeyword,
  removeAsync,
  arrowToGenerator,
  shellArrow,
} from "./generator.js";
import { printableType, rewriteReturnType } from "./signature.js";

export function rewriteValue(context: FileContext, fn: AsyncFunction): boolean {
  const { node } = fn;
  const raw = isRawValue(context, fn);
  if (ts.isArrowFunction(node)) {
    const name = raw ? undefined : keptName(fn);
    if (usesThis(node)) {
      const isRun = raw || fn.invocation !== undefined;
      if (!isRun) {
        wrapInToAsync(context, node.getStart(context.file), node.end, name && { ...name, inner: false });
        annotateParameters(context, node);
      }
      shellArrow(context, node, isRun && !raw ? "promise" : "raw");
      return true;
    }
    if (!raw && isPlainInvocation(fn)) startAtOnce(context, fn);
    else if (!raw) wrapInToAsync(context, node.getStart(context.file), node.end, name);
    arrowToGenerator(context, node, name?.inner === true ? ` ${name.text}` : "");
    if (!raw) annotateParameters(context, node);
    if (node.type !== undefined) rewriteReturnType(context, node);
    return true;
  }
  if (ts.isMethodDeclaration(node)) {
    literalMethod(context, fn, node);
    return true;
  }
  const start = asyncKeyword(node).getStart(context.file);
  const name = node.name !== undefined || raw ? undefined : keptName(fn);
  if (!raw && isPlainInvocation(fn)) startAtOnce(context, fn);
  else if (!raw) wrapInToAsync(context, start, node.end, name);
  keywordToStar(context, fn, name?.inner === true ? ` ${name.text}` : "");
  if (!raw) annotateParameters(context, node);
  if (!rewriteReturnTypeOf(context, fn, decisionOf(context, fn))) return false;
  if (ts.isFunctionDeclaration(node)) context.edits.insertAfter(node.end, context.style.semicolon);
  return true;
}

/** `(async () => { ... })()`: one pair of parentheses, no arguments, no parameters, no `this` of its own. */
function isPlainInvocation(fn: AsyncFunction): boolean {
  const call = fn.invocation;
  return (
    call !== undefined &&
    call.questionDotToken === undefined &&
    call.arguments.length === 0 &&
    fn.node.parameters.length === 0 &&
    ts.isParenthesizedExpression(fn.node.parent) &&
    call.expression === fn.node.parent &&
    (ts.isArrowFunction(fn.node) || !usesThis(fn.node))
  );
}

/** It becomes `toPromise(function* () { ... })`. */
function startAtOnce(context: FileContext, fn: AsyncFunction): void {
  const { edits, file } = context;
  const outer = fn.node.parent;
  const call = fn.invocation as TS.CallExpression;
  edits.insertBefore(outer.getStart(file), context.imports.use("toPromise"));
  const comments = joinComments(commentsIn(file, outer.end, call.end), context.style.eol);
  edits.replace(outer.end, call.end, comments);
}

interface KeptName {
  readonly text: string;
  /** Whether the generator function itself may carry the name without hiding another thing of that name. */
  readonly inner: boolean;
}

/** The name that the language gave to an anonymous async function by where it stood. */
function keptName(fn: AsyncFunction): KeptName | undefined {
  const { node, name } = fn;
  const parent = node.parent;
  const named =
    (ts.isVariableDeclaration(parent) && parent.initializer === node) ||
    (ts.isPropertyAssignment(parent) && parent.initializer === node) ||
    (ts.isPropertyDeclaration(parent) && parent.initializer === node) ||
    ts.isMethodDeclaration(node);
  if (ts.isExportAssignment(parent) || ts.isFunctionDeclaration(node)) return { text: "default", inner: false };
  if (
    ts.isBinaryExpression(parent) &&
    parent.right === node &&
    parent.operatorToken.kind === ts.SyntaxKind.EqualsToken &&
    ts.isIdentifier(parent.left)
  ) {
    return { text: parent.left.text, inner: false };
  }
  if (!named || name === undefined) return undefined;
  return { text: name, inner: isBindable(name) && !mentions(node, name) };
}

function isBindable(name: string): boolean {
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, true, ts.LanguageVariant.Standard, name);
  return scanner.scan() === ts.SyntaxKind.Identifier && scanner.getTextPos() === name.length;
}

function mentions(node: TS.Node, name: string): boolean {
  let found = false;
  const visit = (inner: TS.Node): void => {
    if (ts.isIdentifier(inner) && inner.text === name && inner !== (node as { name?: TS.Node }).name) found = true;
    ts.forEachChild(inner, visit);
  };
  ts.forEachChild(node, visit);
  return found;
}

function wrapInToAsync(context: FileContext, start: number, end: number, name: KeptName | undefined): void {
  const { quote } = context.style;
  const option = name === undefined || name.inner ? "" : `, { name: ${quote}${name.text}${quote} }`;
  context.edits.wrap(start, end, `${context.imports.use("toAsync")}(`, `${option})`);
}

/** `{ async go(a) {} }` becomes `{ go: toAsync(function* go(a) {}) }`. */
function literalMethod(context: FileContext, fn: AsyncFunction, node: TS.MethodDeclaration): void {
  const { edits } = context;
  const { quote } = context.style;
  const name = keptName(fn);
  const inner = name?.inner === true ? ` ${name.text}` : "";
  const option = name === undefined || name.inner ? "" : `, { name: ${quote}${name.text}${quote} }`;
  removeAsync(context, node);
  annotateParameters(context, node);
  edits.insertAfter(node.name.end, `: ${context.imports.use("toAsync")}(function*${inner}${inner === "" ? " " : ""}`);
  if (node.type !== undefined) rewriteReturnType(context, node);
  edits.insertAfter(node.end, `${option})`);
}

/**
 * Inside `toAsync(...)` a parameter without a type would take the unknown type of a type parameter, where it had that of
 * its default value, or any.
 */
function annotateParameters(context: FileContext, node: FunctionNode): void {
  const { checker, byNode } = context.analysis;
  if (!context.isTypeScript) return;
  const fn = byNode.get(node);
  // What did not type-check the first time has a choice of overloads to make.
  const isSpelledOut = fn !== undefined && context.spelledOut.has(fn);
  if (!isSpelledOut && ts.isExpression(node) && checker.getContextualType(node) !== undefined) return;
  for (const parameter of node.parameters) {
    if (parameter.type !== undefined) continue;
    const type = checker.getTypeAtLocation(parameter);
    if (!isSpelledOut && parameter.initializer === undefined && (type.flags & ts.TypeFlags.Any) === 0) continue;
    const text = printableType(context, type, node);
    if (text === undefined) continue;
    const written = parameter.dotDotDotToken !== undefined && text === "any" ? "any[]" : text;
    context.edits.wrap(parameter.name.getStart(context.file), parameter.name.end, "", `: ${written}`);
  }
}
