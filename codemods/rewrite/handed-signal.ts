/**
 * Waits of the platform that take an abort signal: they are handed one that is aborted when the wait is cancelled, so
 * that the timer is cleared and the listeners are off, which a bridge of their promise would leave behind.
 */
import { platformName } from "../analyse/platform-names.js";
import { enclosingScope, withParentheses } from "../analyse/syntax.js";
import { ts, type TS } from "../compiler.js";
import type { FileContext } from "./context.js";

/** By module and function: the place of the options. */
const takers: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "timers/promises": { setTimeout: 2, setImmediate: 1 },
  events: { once: 2 },
};

/** Writes `once(emitter, "x")` as `fromAsync((signal) => once(emitter, "x", { signal }))`; false for any other operand. */
export function handSignal(context: FileContext, operand: TS.Expression, call: TS.Expression): boolean {
  if (!ts.isCallExpression(call) || call.arguments.hasTrailingComma) return false;
  const place = placeOfOptions(context, call);
  const last = call.arguments.at(-1);
  if (place === undefined || last === undefined || call.arguments.length > place) return false;
  // What is evaluated inside the function would belong to the wait.
  if (!call.arguments.every(isAtHand)) return false;
  // An element of a combinator is started with the others.
  if (ts.isArrayLiteralExpression(withParentheses(operand).parent)) return false;
  const scope = enclosingScope(operand);
  const owner = scope === undefined ? undefined : context.analysis.byNode.get(scope);
  // What did not type-check the first time stays a promise.
  if (owner === undefined || context.spelledOut.has(owner)) return false;
  const { edits, file, imports } = context;
  let name = "signal";
  for (let n = 2; new RegExp(`\\b${name}\\b`).test(file.text); n++) name = `signal${n}`;
  const padding = ", undefined".repeat(place - call.arguments.length);
  const options = name === "signal" ? "{ signal }" : `{ signal: ${name} }`;
  edits.wrap(operand.getStart(file), operand.end, `${imports.use("fromAsync")}((${name}) => `, ")");
  edits.insertAfter(last.end, `${padding}, ${options}`);
  return true;
}

function placeOfOptions(context: FileContext, call: TS.CallExpression): number | undefined {
  const known = platformName(call.expression, context.analysis.checker);
  if (known === undefined) return undefined;
  const { module, name } = known;
  // Tests that put something in its place see what it is called with.
  const { mocked } = context.analysis.observed;
  if (mocked.has(module) || mocked.has(`node:${module}`) || mocked.has(name)) return undefined;
  const functions = Object.hasOwn(takers, module) ? takers[module] : undefined;
  return functions !== undefined && Object.hasOwn(functions, name) ? functions[name] : undefined;
}

/** A value that is there, and that nothing has to be called for. */
function isAtHand(argument: TS.Expression): boolean {
  let called = ts.isSpreadElement(argument);
  const visit = (node: TS.Node): void => {
    called ||=
      ts.isCallExpression(node) ||
      ts.isNewExpression(node) ||
      ts.isAwaitExpression(node) ||
      ts.isYieldExpression(node) ||
      ts.isTaggedTemplateExpression(node);
    ts.forEachChild(node, visit);
  };
  visit(argument);
  return !called;
}
