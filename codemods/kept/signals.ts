/** Abort signals: whoever was handed one goes on being told by it. */
import { short, skipParentheses } from "../analyse/syntax.js";
import { ts, type TS } from "../compiler.js";
import type { KeptSite } from "./kept-site.js";

export function isSignal(node: TS.Expression, checker: TS.TypeChecker): boolean {
  const type = checker.getNonNullableType(checker.getTypeAtLocation(node));
  return type.getSymbol()?.name === "AbortSignal" || /(^|\.)signal$/i.test(node.getText());
}

export function controller(node: TS.NewExpression): KeptSite | undefined {
  if (!ts.isIdentifier(node.expression) || node.expression.text !== "AbortController") return undefined;
  const message = "whoever is handed its signal goes on being told by it";
  return { pattern: "CM-T06", kind: "signal", reason: { code: "TR1606", message } };
}

export function signal(call: TS.CallExpression, checker: TS.TypeChecker): KeptSite | undefined {
  const callee = call.expression;
  if (!ts.isPropertyAccessExpression(callee)) return undefined;
  const { text } = callee.name;
  if (/^(timeout|any)$/.test(text) && callee.expression.getText() === "AbortSignal") {
    const message = `\`${short(call)}\` aborts with an error of its own, which others look for`;
    return { pattern: "CM-T10", kind: "signal", reason: { code: "TR1606", message } };
  }
  if (text !== "throwIfAborted" || !isSignal(callee.expression, checker)) return undefined;
  const message = `\`${short(callee.expression)}\` is aborted by others; a cancelled fiber is told at its next wait`;
  return { pattern: "CM-T08", kind: "signal", reason: { code: "TR1606", message } };
}

/** `error.name === "AbortError"`: a cancelled fiber throws another error, which the clause lets pass. */
export function abortErrorCheck(node: TS.BinaryExpression): KeptSite | undefined {
  const sides = [node.left, node.right].map(skipParentheses);
  const isCheck =
    sides.some((side) => ts.isStringLiteralLike(side) && side.text === "AbortError") &&
    sides.some((side) => ts.isPropertyAccessExpression(side) && side.name.text === "name");
  if (!isCheck) return undefined;
  const message = "it is for aborts of foreign code; a cancelled fiber throws `Cancelled`";
  return { pattern: "CM-T11", kind: "signal", reason: { code: "TR1606", message } };
}
