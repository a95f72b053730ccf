/**
 * Functions that leave work running when they end: a call started and dropped, or kept somewhere for later. What comes
 * after such a function races with that work, in an order that the turns of its promise decide.
 */
import { ts, type TS } from "../compiler.js";
import type { AsyncFunction } from "./functions.js";
import { forEachOwn } from "./syntax.js";
import { waitedKind } from "./thenable.js";

/** The first call in `fn`'s own code whose promise is neither waited for, returned, nor held in a local variable. */
export function detachedCall(fn: AsyncFunction, checker: TS.TypeChecker): TS.CallExpression | undefined {
  let found: TS.CallExpression | undefined;
  forEachOwn(fn.node.body, (node) => {
    if (found !== undefined || !ts.isCallExpression(node) || !isDropped(node)) return;
    const kind = waitedKind(node, checker);
    if (kind === "promise" || kind === "thenable") found = node;
  });
  return found;
}

function isDropped(call: TS.CallExpression): boolean {
  let child: TS.Node = call;
  for (let node: TS.Node = call.parent; ; child = node, node = node.parent) {
    if (ts.isParenthesizedExpression(node) || ts.isVoidExpression(node) || ts.isNonNullExpression(node)) continue;
    // A link of a chain is judged by the end of the chain.
    if (ts.isPropertyAccessExpression(node) && node.expression === child && isLink(node)) continue;
    if (ts.isCallExpression(node) && node.expression === child) continue;
    if (ts.isExpressionStatement(node)) return true;
    if (ts.isBinaryExpression(node) && node.right === child) {
      const kind = node.operatorToken.kind;
      if (kind === ts.SyntaxKind.AmpersandAmpersandToken || kind === ts.SyntaxKind.BarBarToken) continue;
      return kind === ts.SyntaxKind.EqualsToken && !ts.isIdentifier(node.left);
    }
    if (ts.isConditionalExpression(node) && node.condition !== child) continue;
    // Kept in a collection that outlives the call: `running.add(work())`.
    return ts.isCallExpression(node) && ts.isExpressionStatement(node.parent);
  }
}

function isLink(access: TS.PropertyAccessExpression): boolean {
  return /^(then|catch|finally)$/.test(access.name.text) && ts.isCallExpression(access.parent);
}
