// Shapes of code that several rules ask for.

import { AST_NODE_TYPES as T, ASTUtils, type TSESLint, type TSESTree } from "@typescript-eslint/utils";

export type FunctionNode =
  TSESTree.FunctionDeclaration | TSESTree.FunctionExpression | TSESTree.ArrowFunctionExpression;

export function isFunction(node: TSESTree.Node): node is FunctionNode {
  return (
    node.type === T.FunctionDeclaration || node.type === T.FunctionExpression || node.type === T.ArrowFunctionExpression
  );
}

/** The function that a node stands in the body of. */
export function functionAround(node: TSESTree.Node): FunctionNode | undefined {
  let child = node;
  for (let at = node.parent; at; child = at, at = at.parent) {
    // A default of a parameter is not in the body, nor is a field of a class in the method around it.
    if (isFunction(at) && child === at.body) return at;
    if (at.type === T.PropertyDefinition || at.type === T.StaticBlock) return undefined;
    if (isFunction(at) && child !== at.body) return undefined;
  }
  return undefined;
}

/** Whether `yield*` can be written where the node stands. */
export function canYield(node: TSESTree.Node): boolean {
  const around = functionAround(node);
  return around !== undefined && around.generator && !around.async;
}

/** What an expression is without the marks of TypeScript around it: `x!`, `x as T`. */
export function unwrapped(node: TSESTree.Expression): TSESTree.Expression {
  let at = node;
  for (;;) {
    if (at.type === T.ChainExpression) at = at.expression;
    else if (
      at.type === T.TSNonNullExpression ||
      at.type === T.TSAsExpression ||
      at.type === T.TSSatisfiesExpression ||
      at.type === T.TSTypeAssertion
    ) {
      at = at.expression;
    } else return at;
  }
}

/** An expression as messages name it: the callee of a call, the text of anything else, on one line and not too long. */
export function describe(sourceCode: Readonly<TSESLint.SourceCode>, node: TSESTree.Node): string {
  if (node.type === T.CallExpression)
    return `${describe(sourceCode, node.callee)}(${node.arguments.length > 0 ? "…" : ""})`;
  const text = sourceCode.getText(node).replace(/\s+/g, " ");
  return text.length > 50 ? `${text.slice(0, 49)}…` : text;
}

/** A text in the place of an expression, in parentheses where the grammar needs them around a `yield*`. */
export function inPlaceOf(sourceCode: Readonly<TSESLint.SourceCode>, node: TSESTree.Node, text: string): string {
  if (!needsParentheses(node) || ASTUtils.isParenthesized(node, sourceCode)) return text;
  return `${startOfStatement(sourceCode, node) ? ";" : ""}(${text})`;
}

function needsParentheses(node: TSESTree.Node): boolean {
  const parent = node.parent!;
  switch (parent.type) {
    case T.ExpressionStatement:
    case T.ReturnStatement:
    case T.ThrowStatement:
    case T.VariableDeclarator:
    case T.AssignmentPattern:
    case T.ArrayExpression:
    case T.SpreadElement:
    case T.Property:
    case T.PropertyDefinition:
    case T.IfStatement:
    case T.WhileStatement:
    case T.DoWhileStatement:
    case T.ForStatement:
    case T.ForOfStatement:
    case T.ForInStatement:
    case T.SwitchStatement:
    case T.SwitchCase:
    case T.SequenceExpression:
    case T.TemplateLiteral:
    case T.YieldExpression:
    case T.JSXExpressionContainer:
      return false;
    case T.AssignmentExpression:
      return parent.right !== node;
    case T.CallExpression:
    case T.NewExpression:
      return parent.callee === node;
    case T.MemberExpression:
      return parent.property !== node;
    case T.ConditionalExpression:
      return parent.test === node;
    default:
      return true;
  }
}

/** Whether what is put before a node would go on with the line before it, in code without semicolons. */
function startOfStatement(sourceCode: Readonly<TSESLint.SourceCode>, node: TSESTree.Node): boolean {
  for (let at: TSESTree.Node | undefined = node; at; at = at.parent) {
    if (at.range[0] !== node.range[0]) return false;
    if (at.type !== T.ExpressionStatement) continue;
    const before = sourceCode.getTokenBefore(at);
    return before !== null && ![";", "{", "}", ":", ")", "else", "do"].includes(before.value);
  }
  return false;
}

/** Every node of a kind below one, other functions left out. */
export function* nodesWithin(
  sourceCode: Readonly<TSESLint.SourceCode>,
  root: TSESTree.Node,
): Generator<TSESTree.Node, void> {
  yield root;
  for (const child of childrenOf(sourceCode, root)) if (!isFunction(child)) yield* nodesWithin(sourceCode, child);
}

/** The nodes right below one, in the order of the text. */
export function childrenOf(sourceCode: Readonly<TSESLint.SourceCode>, node: TSESTree.Node): TSESTree.Node[] {
  return (sourceCode.visitorKeys[node.type] ?? [])
    .flatMap((key) => (node as unknown as Record<string, unknown>)[key])
    .filter(isNode);
}

function isNode(value: unknown): value is TSESTree.Node {
  return typeof value === "object" && value !== null && "type" in value;
}

/** Whether a node or what it contains, other functions aside, has a `yield*`. */
export function suspends(sourceCode: Readonly<TSESLint.SourceCode>, root: TSESTree.Node): boolean {
  for (const node of nodesWithin(sourceCode, root)) if (node.type === T.YieldExpression && node.delegate) return true;
  return false;
}
