// The switch that a fiber can be forked into where a node stands.

import { AST_NODE_TYPES as T, type TSESLint, type TSESTree } from "@typescript-eslint/utils";
import { programNames } from "./program-names.js";
import { isFunction } from "./syntax.js";

/** The name of the nearest switch: a parameter of a body of `Switch.run`, or one that is called or declared a switch. */
export function switchInScope(
  context: Readonly<TSESLint.RuleContext<string, readonly unknown[]>>,
  node: TSESTree.Node,
): string | undefined {
  for (let at: TSESTree.Node | undefined = node.parent; at; at = at.parent) {
    if (!isFunction(at)) continue;
    for (const parameter of at.params) {
      if (parameter.type === T.Identifier && isSwitchParameter(context, at, parameter)) return parameter.name;
    }
  }
  return undefined;
}

function isSwitchParameter(
  context: Readonly<TSESLint.RuleContext<string, readonly unknown[]>>,
  fn: TSESTree.Node,
  parameter: TSESTree.Identifier,
): boolean {
  const annotation = parameter.typeAnnotation?.typeAnnotation;
  if (annotation?.type === T.TSTypeReference && annotation.typeName.type === T.Identifier) {
    return annotation.typeName.name === "Switch";
  }
  if (fn.parent?.type !== T.CallExpression || fn.parent.arguments[0] !== fn) return false;
  return programNames(context).calledBy(fn.parent)?.startsWith("Switch.run") === true;
}
