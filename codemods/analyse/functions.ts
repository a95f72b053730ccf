/** The nodes of the analysis: every async function in scope, what form it has and what it holds. */
import { relative } from "node:path";
import { ts, type TS } from "../compiler.js";
import { enclosingScope, forEachOwn, isAsyncFunctionNode, withParentheses, type FunctionNode } from "./syntax.js";

/**
 * How a function stands in its file, which decides what shapes its conversion can take:
 * a `declaration`, the sole `variable` of a const statement, a class `method`, or a `value` anywhere else.
 */
export type Form = "declaration" | "variable" | "method" | "value";

export interface AsyncFunction {
  readonly id: number;
  readonly node: FunctionNode & { body: TS.ConciseBody };
  readonly file: TS.SourceFile;
  readonly form: Form;
  /** The name others call it by, or undefined for an anonymous value. */
  readonly name: string | undefined;
  /** For messages. */
  readonly label: string;
  /** The declarations whose symbol means this function: itself, its overloads, its variable. */
  readonly declarations: readonly TS.Node[];
  readonly awaits: readonly TS.AwaitExpression[];
  /** `for await` loops. */
  readonly loops: readonly TS.ForOfStatement[];
  /** Those of an async generator. */
  readonly yields: readonly TS.YieldExpression[];
  /** `return e;` statements with an expression. */
  readonly returns: readonly TS.ReturnStatement[];
  readonly tries: readonly TS.TryStatement[];
  /** For `value`: the call this function is the callee of, as in `(async () => {})()`. */
  readonly invocation: TS.CallExpression | undefined;
}

export function findFunctions(sources: readonly TS.SourceFile[], root: string): AsyncFunction[] {
  const found: AsyncFunction[] = [];
  for (const file of sources) {
    if (!/\basync\b/.test(file.text)) continue;
    const visit = (node: TS.Node): void => {
      if (isAsyncFunctionNode(node)) found.push(describeFunction(node, file, found.length, root));
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return found;
}

export function describeFunction(
  node: FunctionNode & { body: TS.ConciseBody },
  file: TS.SourceFile,
  id: number,
  root: string,
): AsyncFunction {
  const awaits: TS.AwaitExpression[] = [];
  const loops: TS.ForOfStatement[] = [];
  const yields: TS.YieldExpression[] = [];
  const returns: TS.ReturnStatement[] = [];
  const tries: TS.TryStatement[] = [];
  forEachOwn(node.body, (inner) => {
    if (inner !== node.body && enclosingScope(inner) !== node) return;
    if (ts.isAwaitExpression(inner)) awaits.push(inner);
    else if (ts.isForOfStatement(inner) && inner.awaitModifier !== undefined) loops.push(inner);
    else if (ts.isYieldExpression(inner)) yields.push(inner);
    else if (ts.isReturnStatement(inner) && inner.expression !== undefined) returns.push(inner);
    else if (ts.isTryStatement(inner)) tries.push(inner);
  });
  const form = formOf(node);
  const variable = form === "variable" ? (node.parent as TS.VariableDeclaration) : undefined;
  const name = nameOf(node, variable);
  const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
  return {
    id,
    node,
    file,
    form,
    name,
    label: name ?? `function at ${relative(root, file.fileName)}:${line + 1}`,
    declarations: variable === undefined ? [node, ...overloadsOf(node)] : [variable, node],
    awaits,
    loops,
    yields,
    returns,
    tries,
    invocation:
      form === "value" && node.asteriskToken === undefined
        ? invocationOf(node as TS.FunctionExpression | TS.ArrowFunction)
        : undefined,
  };
}

export function isAsyncGenerator(fn: AsyncFunction): boolean {
  return fn.node.asteriskToken !== undefined;
}

/** Whether `node` is a place where `fn` itself waits: `await`, `for await`, or the `yield` of an async generator. */
export function isOwnWait(fn: AsyncFunction, node: TS.Node): boolean {
  const isWait =
    ts.isAwaitExpression(node) ||
    ts.isYieldExpression(node) ||
    (ts.isForOfStatement(node) && node.awaitModifier !== undefined);
  return isWait && enclosingScope(node) === fn.node;
}

function formOf(node: FunctionNode): Form {
  if (ts.isFunctionDeclaration(node)) return node.name === undefined ? "value" : "declaration";
  if (ts.isMethodDeclaration(node)) return ts.isClassLike(node.parent) ? "method" : "value";
  const parent = node.parent;
  if (
    ts.isVariableDeclaration(parent) &&
    ts.isIdentifier(parent.name) &&
    // A function expression that has a name of its own is known by two.
    (node.name === undefined || node.name.getText() === parent.name.text) &&
    ts.isVariableDeclarationList(parent.parent) &&
    parent.parent.declarations.length === 1 &&
    (parent.parent.flags & ts.NodeFlags.Const) !== 0 &&
    ts.isVariableStatement(parent.parent.parent)
  ) {
    return "variable";
  }
  return "value";
}

function nameOf(node: FunctionNode, variable: TS.VariableDeclaration | undefined): string | undefined {
  if (variable !== undefined && ts.isIdentifier(variable.name)) return variable.name.text;
  if (node.name !== undefined && !ts.isComputedPropertyName(node.name)) return node.name.text;
  const parent = node.parent;
  if (
    (ts.isPropertyAssignment(parent) || ts.isPropertyDeclaration(parent) || ts.isVariableDeclaration(parent)) &&
    ts.isIdentifier(parent.name)
  ) {
    return parent.name.text;
  }
  return undefined;
}

function overloadsOf(node: FunctionNode): TS.Node[] {
  if (!ts.isFunctionDeclaration(node) && !ts.isMethodDeclaration(node)) return [];
  const name = node.name?.getText();
  const siblings: readonly TS.Node[] = ts.isClassLike(node.parent)
    ? node.parent.members
    : "statements" in node.parent
      ? (node.parent as TS.Block).statements
      : [];
  return siblings.filter(
    (sibling) => sibling !== node && sibling.kind === node.kind && (sibling as FunctionNode).name?.getText() === name,
  );
}

function invocationOf(node: TS.FunctionExpression | TS.ArrowFunction): TS.CallExpression | undefined {
  const outer = withParentheses(node);
  return ts.isCallExpression(outer.parent) && outer.parent.expression === outer ? outer.parent : undefined;
}
