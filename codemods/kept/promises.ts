/** Promises that are raced, that others settle, or that are of another kind. */
import { isPromiseMethod } from "../analyse/runs.js";
import { calledName, short, skipParentheses } from "../analyse/syntax.js";
import { ts, type TS } from "../compiler.js";
import type { KeptSite } from "./kept-site.js";

const combinators: Readonly<Record<string, { readonly pattern: string; readonly message: string }>> = {
  allSettled: { pattern: "CM-P14", message: "what it is given has been started already, or is started by other code" },
  race: { pattern: "CM-P15", message: "whoever comes second goes on, where a race of fibers would cancel it" },
  any: { pattern: "CM-P16", message: "whoever comes later goes on, where a race of fibers would cancel it" },
};

export function combinator(node: TS.CallExpression): KeptSite | undefined {
  const call: TS.Expression = node;
  if (!isPromiseMethod(call)) return undefined;
  const name = calledName(call);
  const known = Object.hasOwn(combinators, name) ? combinators[name] : undefined;
  if (known === undefined) return undefined;
  if (name === "race" && limitIn(call) !== undefined) {
    const message = `whoever comes second goes on after ${limitIn(call)}; a time limit of fibers would cancel it`;
    return { pattern: "CM-P27", kind: "combinator", reason: { code: "TR1308", message } };
  }
  return { pattern: known.pattern, kind: "combinator", reason: { code: "TR1308", message: known.message } };
}

/** The member of a race that a timer ends. */
function limitIn(race: TS.CallExpression): string | undefined {
  const [members] = race.arguments;
  if (members === undefined || !ts.isArrayLiteralExpression(members)) return undefined;
  const limit = members.elements.map(skipParentheses).find((member) => {
    if (ts.isNewExpression(member)) return /\bsetTimeout\s*\(/.test(member.getText());
    return ts.isCallExpression(member) && /time|delay|sleep/i.test(calledName(member));
  });
  return limit === undefined ? undefined : `\`${short(limit)}\``;
}

export function settledElsewhere(node: TS.CallExpression): KeptSite | undefined {
  const call: TS.Expression = node;
  if (isPromiseMethod(call, "withResolvers")) {
    return {
      pattern: "CM-P18",
      kind: "constructor",
      reason: { code: "TR1006", message: "the functions that settle the promise are handed about" },
    };
  }
  if (isPromiseMethod(call, "try")) {
    return {
      pattern: "CM-P20",
      kind: "combinator",
      reason: { code: "TR1006", message: "what it calls may give a value, a promise or an error" },
    };
  }
  if (!/^Array\s*\.\s*fromAsync$/.test(node.expression.getText())) return undefined;
  return {
    pattern: "CM-H18",
    kind: "combinator",
    reason: { code: "TR1006", message: "it waits for each item and for each answer by itself" },
  };
}

/** A promise that some other function settles. */
export function deferred(node: TS.NewExpression): KeptSite | undefined {
  if (!ts.isIdentifier(node.expression) || node.expression.text !== "Promise") return undefined;
  const executor = node.arguments?.[0];
  if (executor === undefined || !(ts.isArrowFunction(executor) || ts.isFunctionExpression(executor))) return undefined;
  const names = new Set(executor.parameters.map((parameter) => parameter.name.getText()));
  let keeps = false;
  const visit = (inner: TS.Node): void => {
    if (ts.isBinaryExpression(inner) && inner.operatorToken.kind === ts.SyntaxKind.EqualsToken) {
      const value = skipParentheses(inner.right);
      if (ts.isIdentifier(value) && names.has(value.text)) keeps = true;
    }
    ts.forEachChild(inner, visit);
  };
  visit(executor.body);
  if (!keeps) return undefined;
  return {
    pattern: "CM-P18",
    kind: "constructor",
    reason: { code: "TR1006", message: "the functions that settle the promise are kept for others" },
  };
}

/** `global.Promise = Bluebird`. */
export function replacedPromise(node: TS.BinaryExpression): KeptSite | undefined {
  if (node.operatorToken.kind !== ts.SyntaxKind.EqualsToken) return undefined;
  if (!/^(global|globalThis|window)\.Promise$/.test(node.left.getText())) return undefined;
  const message = "promises are of another kind from here on; a bridge waits for any thenable";
  return { pattern: "CM-P25", kind: "promise", reason: { code: "TR1003", message } };
}
