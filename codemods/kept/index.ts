/**
 * Places that are recognised and stay as they are, each for a reason of its own: events, timers and abort signals,
 * promises that are raced, kept, or settled from elsewhere, and what looks like a forgotten wait.
 */
import { ts, type TS } from "../compiler.js";
import { chain, kept } from "./chains.js";
import { listener, ownClass } from "./events.js";
import type { KeptSite } from "./kept-site.js";
import { combinator, deferred, replacedPromise, settledElsewhere } from "./promises.js";
import { abortErrorCheck, controller, signal } from "./signals.js";

export type { KeptSite } from "./kept-site.js";
export { suspectSite } from "./suspects.js";

export function keptSite(node: TS.Node, checker: TS.TypeChecker): KeptSite | undefined {
  if (ts.isCallExpression(node)) {
    return (
      combinator(node) ??
      settledElsewhere(node) ??
      listener(node, checker) ??
      signal(node, checker) ??
      chain(node, checker)
    );
  }
  if (ts.isNewExpression(node)) return controller(node) ?? deferred(node);
  if (ts.isClassLike(node)) return ownClass(node);
  if (ts.isBinaryExpression(node)) return kept(node, checker) ?? abortErrorCheck(node) ?? replacedPromise(node);
  return undefined;
}
