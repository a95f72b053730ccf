// Promises that a fiber waits for through a bridge: `fromPromise(p)`, `fromAsync(() => p)`, `adopt(p)`.

import { AST_NODE_TYPES as T, type TSESTree } from "@typescript-eslint/utils";
import type { ProgramNames } from "./program-names.js";
import { isFunction } from "./syntax.js";

/** The expression whose promise a call of a bridge waits for, when that is written down in it and nothing else is asked. */
export function bridgedBy(names: ProgramNames, node: TSESTree.CallExpression): TSESTree.Expression | undefined {
  const name = names.calledBy(node);
  const [given, ...options] = node.arguments;
  if (given === undefined || given.type === T.SpreadElement || options.length > 0) return undefined;
  if (name === "fromPromise" || name === "adopt") return given;
  if (name !== "fromAsync" || !isFunction(given) || given.params.length > 0 || given.generator) return undefined;
  if (given.body.type !== T.BlockStatement) return given.body;
  const [only, ...others] = given.body.body;
  return only?.type === T.ReturnStatement && others.length === 0 && only.argument ? only.argument : undefined;
}

/** What runs as a fiber in `toPromise(() => load())`: `load()`, as text. */
export function startedBy(
  names: ProgramNames,
  node: TSESTree.Node,
  textOf: (node: TSESTree.Node) => string,
): string | undefined {
  if (node.type !== T.CallExpression || names.calledBy(node) !== "toPromise") return undefined;
  const [body, ...options] = node.arguments;
  if (body === undefined || options.length > 0 || body.type === T.SpreadElement) return undefined;
  if (isFunction(body)) {
    if (body.params.length > 0 || body.generator || body.async || body.body.type === T.BlockStatement) return undefined;
    return textOf(body.body);
  }
  return body.type === T.Identifier ? `${textOf(body)}()` : undefined;
}
