/** Events: listeners answer within the call, and a listener is taken off by its identity. */
import { isListening } from "../analyse/handed.js";
import { calledName, isAsyncFunctionNode, short, skipParentheses } from "../analyse/syntax.js";
import { waitedKindOfType } from "../analyse/thenable.js";
import { ts, type TS } from "../compiler.js";
import type { KeptSite } from "./kept-site.js";
import { isSignal } from "./signals.js";

const removing = /^(off|removeListener|removeEventListener)$/;

export function listener(call: TS.CallExpression, checker: TS.TypeChecker): KeptSite | undefined {
  const name = calledName(call);
  const [event, given] = call.arguments;
  if (event === undefined || given === undefined || !ts.isPropertyAccessExpression(call.expression)) return undefined;
  const handler = skipParentheses(given);
  if (removing.test(name)) {
    const message = `\`${short(handler)}\` is taken off by its identity, which a façade keeps`;
    return { pattern: "CM-E06", kind: "emitter", reason: { code: "TR1601", message } };
  }
  if (!isListening(call)) return undefined;
  if (isSignal(call.expression.expression, checker)) {
    const message = `\`${short(call.expression.expression)}\` is aborted by others, and tells them in the same turn`;
    return { pattern: "CM-T09", kind: "signal", reason: { code: "TR1606", message } };
  }
  const isTarget = name === "addEventListener";
  if (givesPromise(handler, checker)) {
    const message = `\`${short(call.expression)}\` gets a listener that gives a promise, as it did`;
    return { pattern: isTarget ? "CM-E12" : "CM-E05", kind: "emitter", reason: { code: "TR1201", message } };
  }
  const isData = ts.isStringLiteralLike(event) && event.text === "data";
  return {
    pattern: isTarget ? "CM-E12" : isData ? "CM-E10" : "CM-E04",
    kind: "emitter",
    reason: { code: "TR1602", message: `\`${short(handler)}\` answers within the call that \`${short(event)}\` makes` },
  };
}

function givesPromise(handler: TS.Expression, checker: TS.TypeChecker): boolean {
  if (isAsyncFunctionNode(handler)) return true;
  const signatures = checker.getTypeAtLocation(handler).getCallSignatures();
  return signatures.some((one) => waitedKindOfType(checker.getReturnTypeOfSignature(one), checker) === "promise");
}

export function ownClass(node: TS.ClassLikeDeclaration): KeptSite | undefined {
  const base = node.heritageClauses?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword)?.types[0]?.expression;
  const name = base?.getText() ?? "";
  if (name === "Promise") {
    const message = "it is a promise of its own kind, which others know by its class";
    return { pattern: "CM-P25", kind: "promise", reason: { code: "TR1003", message } };
  }
  if (!/(^|\.)(EventEmitter\w*|EventTarget|Emittery)$/.test(name)) return undefined;
  const message = "its events are answered within the call; a `Stream` hands items from one fiber to another";
  return { pattern: "CM-E08", kind: "emitter", reason: { code: "TR1602", message } };
}
