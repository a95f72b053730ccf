/**
 * Promises that RxJS makes of an observable: `firstValueFrom(o)`, `lastValueFrom(o)` and `o.toPromise()`. Waited for at
 * once, each is the op that `firstOf` or `lastOf` gives: it subscribes in the same place, and cancelling it unsubscribes.
 */
import { skipParentheses } from "../analyse/syntax.js";
import { waitedKindOfType } from "../analyse/thenable.js";
import { ts, type TS } from "../compiler.js";
import type { Reason } from "../plan.js";
import { isObservable, rxName } from "./names.js";

export interface ObservableWait {
  readonly call: TS.CallExpression;
  readonly pattern: "CM-R01" | "CM-R02";
  readonly take: "firstOf" | "lastOf";
  /** The name of RxJS that is not needed here any more. */
  readonly identifier: TS.Identifier | undefined;
  /** What an observable without values gives: an error, what a property says, or nothing. */
  readonly empty: "error" | TS.PropertyAssignment | TS.ShorthandPropertyAssignment | "nothing";
}

const takes: Readonly<Record<string, "firstOf" | "lastOf">> = { firstValueFrom: "firstOf", lastValueFrom: "lastOf" };

export function observableWait(
  expression: TS.Expression,
  checker: TS.TypeChecker,
): ObservableWait | { readonly refused: Reason } | undefined {
  const call = skipParentheses(expression);
  if (!ts.isCallExpression(call) || (call.flags & ts.NodeFlags.OptionalChain) !== 0) return undefined;
  const shape = functionShape(call, checker) ?? methodShape(call, checker);
  if (shape === undefined || "refused" in shape) return shape;
  // A promise waits for a promise that it is given; an observable hands it on.
  const promise = checker.getTypeAtLocation(call);
  const [value] = (promise as TS.TypeReference).typeArguments ?? checker.getTypeArguments(promise as TS.TypeReference);
  if (value === undefined || waitedKindOfType(value, checker) !== "plain") {
    return no("TR1002", "the observable may give promises, which a promise waits for");
  }
  return shape;
}

function no(code: Reason["code"], message: string): { readonly refused: Reason } {
  return { refused: { code, message } };
}

function functionShape(
  call: TS.CallExpression,
  checker: TS.TypeChecker,
): ObservableWait | { readonly refused: Reason } | undefined {
  const named = rxName(call.expression, checker);
  const take = named && takes[named.name];
  if (named === undefined || take === undefined) return undefined;
  const [source, config, ...more] = call.arguments;
  if (source === undefined || more.length > 0 || call.arguments.some(ts.isSpreadElement)) {
    return no("TR1501", "its arguments are not written one by one");
  }
  const shape = { call, pattern: "CM-R01" as const, take, identifier: named.identifier };
  if (config === undefined) return { ...shape, empty: "error" };
  const [property, ...others] = ts.isObjectLiteralExpression(config) ? config.properties : [];
  const isDefault =
    property !== undefined &&
    others.length === 0 &&
    (ts.isPropertyAssignment(property) || ts.isShorthandPropertyAssignment(property)) &&
    ts.isIdentifier(property.name) &&
    property.name.text === "defaultValue";
  if (!isDefault) return no("TR1501", "what an empty observable gives is not written in its place");
  return { ...shape, empty: property };
}

function methodShape(call: TS.CallExpression, checker: TS.TypeChecker): ObservableWait | undefined {
  const access = call.expression;
  if (!ts.isPropertyAccessExpression(access) || access.name.text !== "toPromise" || call.arguments.length > 0) {
    return undefined;
  }
  if (!isObservable(access.expression, checker)) return undefined;
  return { call, pattern: "CM-R02", take: "lastOf", identifier: undefined, empty: "nothing" };
}
