/** Functions that are direct style already: by hand, or because an earlier migration made them so. */
import { ts, type TS } from "../compiler.js";
import { runtimeModules } from "../runtime-names.js";
import { enclosingScope, forEachOwn } from "./syntax.js";

/**
 * How many generator functions there are that wait and never yield a value of their own, which is what fiber functions
 * are. In a program that uses no run-time library there are none.
 */
export function countFibers(files: readonly TS.SourceFile[]): number {
  if (!files.some((file) => importsRuntime(file))) return 0;
  let count = 0;
  for (const file of files) {
    if (!file.text.includes("*")) continue;
    const visit = (node: TS.Node): void => {
      if (isFiberFunction(node)) count++;
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return count;
}

function importsRuntime(file: TS.SourceFile): boolean {
  return runtimeModules.some((module) => new RegExp(`["']${module}(/[^"']*)?["']`).test(file.text));
}

function isFiberFunction(node: TS.Node): boolean {
  const isGenerator =
    (ts.isFunctionDeclaration(node) || ts.isFunctionExpression(node) || ts.isMethodDeclaration(node)) &&
    node.asteriskToken !== undefined &&
    node.body !== undefined;
  if (!isGenerator) return false;
  if (ts.getModifiers(node)?.some((modifier) => modifier.kind === ts.SyntaxKind.AsyncKeyword) === true) return false;
  // What is handed to `Cancel.protect` is a part of the function around it.
  if (ts.isFunctionExpression(node) && ts.isCallExpression(node.parent) && isFiberBody(node.parent)) return false;
  let yieldsValues = false;
  forEachOwn(node.body, (inner) => {
    if (ts.isYieldExpression(inner) && inner.asteriskToken === undefined && enclosingScope(inner) === node) {
      yieldsValues = true;
    }
  });
  return !yieldsValues;
}

function isFiberBody(call: TS.CallExpression): boolean {
  return ts.isPropertyAccessExpression(call.expression) && call.expression.name.text === "protect";
}
