/** What keeps an async generator, or a function with a `for await` loop, from becoming fiber code. */
import { ts, type TS } from "../compiler.js";
import type { Reason } from "../plan.js";
import { isAsyncGenerator, type AsyncFunction } from "./functions.js";
import { enclosingScope, forEachOwn, isOwnScope, skipParentheses, usesArguments, usesSuper } from "./syntax.js";

/** The reason to leave `fn` because of how it gives or takes items, or undefined. */
export function iterationObstacle(fn: AsyncFunction, checker: TS.TypeChecker): Reason | undefined {
  const { node, label } = fn;
  for (const loop of fn.loops) {
    if (isMovable(loop.initializer)) continue;
    return { code: "TR1401", message: `${label}: the head of a \`for await\` loop does more than name the item` };
  }
  if (!isAsyncGenerator(fn)) return undefined;
  const valued = fn.yields.find(
    (inner) => usesValue(inner) || (isDelegation(inner) && delegatesValues(inner, checker)),
  );
  if (valued !== undefined) {
    return { code: "TR1401", message: `${label}: what is given to \`next()\` is used: the value of a \`yield\`` };
  }
  if (usesArguments(node)) {
    return { code: "TR1401", message: `${label}: an async generator that reads \`arguments\`` };
  }
  if (usesSuper(node)) return { code: "TR1401", message: `${label}: an async generator that uses \`super\`` };
  const again = parameterDeclaredAgain(fn);
  if (again !== undefined) {
    return { code: "TR1401", message: `${label}: its parameter ${again} is declared once more, with \`var\`` };
  }
  return undefined;
}

/** Whether the head of a loop can be written in another place: nothing in it is rewritten, or means another thing there. */
function isMovable(head: TS.Node): boolean {
  let movable = true;
  const look = (node: TS.Node): void => {
    if (
      isOwnScope(node) ||
      ts.isClassLike(node) ||
      ts.isAwaitExpression(node) ||
      ts.isYieldExpression(node) ||
      ts.isCallExpression(node) ||
      node.kind === ts.SyntaxKind.ThisKeyword ||
      node.kind === ts.SyntaxKind.SuperKeyword
    ) {
      movable = false;
    }
    ts.forEachChild(node, look);
  };
  look(head);
  return movable;
}

function isDelegation(node: TS.YieldExpression): boolean {
  return node.asteriskToken !== undefined;
}

/** Whether the value of a `yield`, which is what `next()` is given, goes anywhere. */
function usesValue(node: TS.YieldExpression): boolean {
  if (isDelegation(node)) return false;
  let child: TS.Node = node;
  let { parent } = node as TS.Node;
  while (ts.isParenthesizedExpression(parent) || ts.isVoidExpression(parent)) {
    if (ts.isVoidExpression(parent)) return false;
    child = parent;
    ({ parent } = parent);
  }
  if (ts.isExpressionStatement(parent)) return false;
  return !(ts.isForStatement(parent) && (parent.initializer === child || parent.incrementor === child));
}

/** Whether a generator that `yield*` runs uses what `next()` is given, which would have to reach it. */
function delegatesValues(node: TS.YieldExpression, checker: TS.TypeChecker): boolean {
  const operand = node.expression === undefined ? undefined : skipParentheses(node.expression);
  if (operand === undefined || !ts.isCallExpression(operand)) return false;
  const declaration = checker.getResolvedSignature(operand)?.declaration;
  if (declaration === undefined || !ts.isFunctionLike(declaration)) return false;
  const { body } = declaration as { body?: TS.Node };
  let uses = false;
  if (body === undefined) return false;
  forEachOwn(body, (inner) => {
    if (ts.isYieldExpression(inner) && enclosingScope(inner) === declaration && usesValue(inner)) uses = true;
  });
  return uses;
}

/** A parameter that a `var` of the body means, too: in a function inside it would be another variable. */
function parameterDeclaredAgain(fn: AsyncFunction): string | undefined {
  const names = new Set<string>();
  const collect = (name: TS.BindingName): void => {
    if (ts.isIdentifier(name)) names.add(name.text);
    else for (const element of name.elements) if (ts.isBindingElement(element)) collect(element.name);
  };
  for (const parameter of fn.node.parameters) collect(parameter.name);
  const parameters = new Set(names);
  let found: string | undefined;
  forEachOwn(fn.node.body, (node) => {
    if (!ts.isVariableDeclarationList(node) || (node.flags & ts.NodeFlags.BlockScoped) !== 0) return;
    names.clear();
    for (const declaration of node.declarations) collect(declaration.name);
    for (const name of names) if (parameters.has(name)) found ??= name;
  });
  return found;
}
