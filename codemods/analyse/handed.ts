/**
 * To whom an async function is handed that stands where a value is wanted, and what becomes of its promise there. The
 * function becomes a fiber function inside `toAsync`, so that whoever calls it gets what it got: a promise, in the same
 * turn, with the same `this` and as many parameters.
 */
import { ts, type TS } from "../compiler.js";
import type { Reason } from "../plan.js";
import type { AsyncFunction } from "./functions.js";
import { calledName, short, withParentheses } from "./syntax.js";

const listening = /^(on|once|addListener|prependListener|prependOnceListener|addEventListener)$/;
const timers =
  /^(setTimeout|setInterval|setImmediate|queueMicrotask|nextTick|requestAnimationFrame|requestIdleCallback)$/;
const keepers = /^(memoize\w*|memo|debounce\w*|throttle\w*|once|cache|dedupe|singleton)$/i;

/** A note on a converted function value; undefined where the function does not leave the code around it. */
export function handedReason({ node, label, invocation }: AsyncFunction): Reason | undefined {
  if (invocation !== undefined) {
    return isUnused(invocation)
      ? { code: "TR1307", message: `${label} is started here, and waited for by nobody` }
      : undefined;
  }
  if (ts.isMethodDeclaration(node) || ts.isFunctionDeclaration(node)) return undefined;
  const outer = withParentheses(node);
  const { parent } = outer;
  if (ts.isJsxExpression(parent) && ts.isJsxAttribute(parent.parent)) {
    return { code: "TR1201", message: `${label}: \`${parent.parent.name.getText()}\` calls it, and gets a promise` };
  }
  if (ts.isNewExpression(parent) && parent.arguments?.includes(outer) === true) {
    return { code: "TR1201", message: `${label}: \`new ${short(parent.expression)}\` is handed it, and gets promises` };
  }
  if (!ts.isCallExpression(parent) || !parent.arguments.includes(outer)) return undefined;
  const name = calledName(parent);
  const callee = short(parent.expression);
  if (name === "forEach")
    return { code: "TR1307", message: `${label}: forEach() starts it for each item, and waits for none` };
  if (name === "map" || name === "flatMap") {
    return { code: "TR1006", message: `${label}: ${name}() makes an array of its promises` };
  }
  if (/^reduce(Right)?$/.test(name)) {
    return { code: "TR1006", message: `${label}: ${name}() hands its promise to the next call` };
  }
  if (timers.test(name)) return { code: "TR1307", message: `${label}: \`${name}\` starts it, and nobody waits for it` };
  if (isListening(parent)) {
    return { code: "TR1201", message: `${label}: \`${callee}\` calls it for each event, and gets a promise` };
  }
  if (keepers.test(name)) return { code: "TR1005", message: `${label}: \`${callee}\` may keep its promise` };
  return { code: "TR1201", message: `${label}: \`${callee}\` calls it, and gets a promise` };
}

/** `em.on("x", f)` and its like. */
export function isListening(call: TS.CallExpression): boolean {
  return (
    ts.isPropertyAccessExpression(call.expression) && call.arguments.length >= 2 && listening.test(calledName(call))
  );
}

/** Whether nobody looks at what an expression gives. */
export function isUnused(expression: TS.Expression): boolean {
  const outer = withParentheses(expression);
  const { parent } = outer;
  if (ts.isExpressionStatement(parent)) return true;
  return ts.isVoidExpression(parent) && isUnused(parent);
}
