/** Promises that are kept for others, and chains that nobody waits for. */
import { isUnused } from "../analyse/handed.js";
import { short, skipParentheses, withParentheses } from "../analyse/syntax.js";
import { waitedKind } from "../analyse/thenable.js";
import { linkName } from "../chains/chain.js";
import { ts, type TS } from "../compiler.js";
import type { KeptSite } from "./kept-site.js";

/** `this.row ??= load()`: one promise for all who ask. */
export function kept(node: TS.BinaryExpression, checker: TS.TypeChecker): KeptSite | undefined {
  const isMemo =
    node.operatorToken.kind === ts.SyntaxKind.QuestionQuestionEqualsToken ||
    node.operatorToken.kind === ts.SyntaxKind.BarBarEqualsToken ||
    (node.operatorToken.kind === ts.SyntaxKind.EqualsToken && isEmptied(node));
  if (!isMemo || linkName(skipParentheses(node.right)) !== undefined) return undefined;
  const value = skipParentheses(node.right);
  const made =
    ts.isBinaryExpression(value) && value.operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken
      ? skipParentheses(value.right)
      : value;
  if (!ts.isCallExpression(made) || waitedKind(made, checker) !== "promise") return undefined;
  return memo(`\`${short(node.left)}\``);
}

/** `p = p ?? load()`, or an assignment behind `if (!p)`. */
function isEmptied(node: TS.BinaryExpression): boolean {
  const target = node.left.getText();
  const value = skipParentheses(node.right);
  if (ts.isBinaryExpression(value) && value.left.getText() === target) return true;
  let statement: TS.Node = node.parent;
  if (!ts.isExpressionStatement(statement)) return false;
  if (ts.isBlock(statement.parent)) statement = statement.parent;
  return (
    ts.isIfStatement(statement.parent) &&
    statement.parent.thenStatement === statement &&
    [`!${target}`, `${target} === undefined`, `${target} == null`, `${target} === null`].includes(
      statement.parent.expression.getText(),
    )
  );
}

function memo(where: string): KeptSite {
  const message = `${where} holds one promise for all who ask: the work belongs to none of them`;
  return { pattern: "CM-P21", kind: "promise", reason: { code: "TR1005", message } };
}

const libraryLinks = /^(tap|spread|props|delay|timeout|cancel|mapSeries|reflect|asCallback|nodeify|done|fail|fin)$/;

export function chain(call: TS.CallExpression, checker: TS.TypeChecker): KeptSite | undefined {
  const callee = call.expression;
  if (!ts.isPropertyAccessExpression(callee)) return undefined;
  const name = callee.name.text;
  const [key, value] = call.arguments;
  if (name === "set" && key !== undefined && value !== undefined && call.arguments.length === 2) {
    const made = skipParentheses(value);
    if ((ts.isCallExpression(made) || ts.isIdentifier(made)) && waitedKind(made, checker) === "promise") {
      return memo(`\`${short(callee.expression)}\``);
    }
  }
  if (libraryLinks.test(name) && waitedKind(callee.expression, checker) === "thenable") {
    const message = `\`${name}\` is a method of another kind of promise`;
    return { pattern: "CM-P24", kind: "chain", reason: { code: "TR1003", message } };
  }
  if (linkName(call) === undefined || isLinked(call)) return undefined;
  if (waitedKind(callee.expression, checker) !== "promise") return undefined;
  const around = withParentheses(call).parent;
  if (
    ts.isBinaryExpression(around) &&
    around.operatorToken.kind === ts.SyntaxKind.EqualsToken &&
    rootOf(callee.expression).getText() === around.left.getText()
  ) {
    const message = `each job waits for the one before it, in \`${short(around.left)}\`; a \`Mutex\` does that for fibers`;
    return { pattern: "CM-P22", kind: "chain", reason: { code: "TR1005", message } };
  }
  if (!isUnused(call)) return undefined;
  const handler = call.arguments[0] === undefined ? undefined : skipParentheses(call.arguments[0]);
  const isSilent =
    name === "catch" &&
    handler !== undefined &&
    (ts.isArrowFunction(handler) || ts.isFunctionExpression(handler)) &&
    ts.isBlock(handler.body) &&
    handler.body.statements.length === 0;
  return isSilent
    ? {
        pattern: "CM-P23",
        kind: "chain",
        reason: {
          code: "TR1005",
          message: "what becomes of the promise is of no interest here; others may wait for it",
        },
      }
    : {
        pattern: "CM-P26",
        kind: "chain",
        reason: { code: "TR1307", message: "it is started here, and waited for by nobody" },
      };
}

function rootOf(expression: TS.Expression): TS.Expression {
  let root = skipParentheses(expression);
  while (ts.isCallExpression(root) && linkName(root) !== undefined) {
    root = skipParentheses((root.expression as TS.PropertyAccessExpression).expression);
  }
  return root;
}

/** Whether another link follows. */
function isLinked(call: TS.CallExpression): boolean {
  return ts.isPropertyAccessExpression(call.parent) && linkName(call.parent.parent) !== undefined;
}
