/** What looks like a forgotten wait: converting it would turn what is always true into a real question. */
import { isJavaScriptFile, short, skipParentheses } from "../analyse/syntax.js";
import { waitedKind } from "../analyse/thenable.js";
import { ts, type TS } from "../compiler.js";
import type { KeptSite } from "./kept-site.js";

/** A promise in the place of a value that its function would have given, had somebody waited. */
export function suspectSite(node: TS.Node, checker: TS.TypeChecker): KeptSite | undefined {
  if (ts.isPropertyAccessExpression(node)) return fieldOfPromise(node, checker);
  if (!ts.isExpression(node) || !isTested(node) || waitedKind(node, checker) !== "promise") return undefined;
  const given = skipParentheses(node);
  // A promise in a variable may well be there or not; one that a call has just given always is.
  if (!ts.isCallExpression(given)) return undefined;
  return {
    pattern: "CM-H22",
    kind: "promise",
    reason: { code: "TR1904", message: `\`${short(given)}\` is a promise, which is always true` },
    disposition: "suspect",
  };
}

/** Whether an expression is looked at for being true or false, and for nothing else. */
function isTested(node: TS.Expression): boolean {
  const { parent } = node;
  if (ts.isIfStatement(parent) || ts.isWhileStatement(parent) || ts.isDoStatement(parent)) {
    return parent.expression === node;
  }
  if (ts.isConditionalExpression(parent)) return parent.condition === node;
  if (ts.isPrefixUnaryExpression(parent)) return parent.operator === ts.SyntaxKind.ExclamationToken;
  return (
    ts.isBinaryExpression(parent) &&
    parent.left === node &&
    (parent.operatorToken.kind === ts.SyntaxKind.AmpersandAmpersandToken ||
      parent.operatorToken.kind === ts.SyntaxKind.BarBarToken)
  );
}

/** A field that no promise has; where types are checked, the compiler says so itself. */
function fieldOfPromise(node: TS.PropertyAccessExpression, checker: TS.TypeChecker): KeptSite | undefined {
  if (!isJavaScriptFile(node.getSourceFile()) || !isGivenByCall(node.expression, checker)) return undefined;
  if (waitedKind(node.expression, checker) !== "promise") return undefined;
  const type = checker.getTypeAtLocation(node.expression);
  if (type.isUnion() || checker.getPropertyOfType(type, node.name.text) !== undefined) return undefined;
  // A promise may be given fields.
  const { parent } = node;
  if (ts.isBinaryExpression(parent) && parent.left === node) return undefined;
  return {
    pattern: "CM-H22",
    kind: "promise",
    reason: {
      code: "TR1904",
      message: `\`${short(node.expression)}\` is a promise, which has no \`${node.name.text}\``,
    },
    disposition: "suspect",
  };
}

/** A call, or a constant that holds what one gave: few enough to ask for their types. */
function isGivenByCall(expression: TS.Expression, checker: TS.TypeChecker): boolean {
  const node = skipParentheses(expression);
  if (ts.isCallExpression(node)) return true;
  const declared = ts.isIdentifier(node) ? checker.getSymbolAtLocation(node)?.valueDeclaration : undefined;
  const value = declared !== undefined && ts.isVariableDeclaration(declared) ? declared.initializer : undefined;
  return value !== undefined && ts.isCallExpression(skipParentheses(value));
}
