/** Rewrites the head of a converted function into the shape that was decided for it. */
import { ts } from "../compiler.js";
import type { Decision } from "../analyse/decide.js";
import { isAsyncGenerator, type AsyncFunction } from "../analyse/functions.js";
import { rewriteAsyncGenerator } from "./async-generator.js";
import { decisionOf, type FileContext } from "./context.js";
import { isShell, rewriteReturnTypeOf, keywordToStar, arrowToGenerator, shellArrow } from "./generator.js";
import { retypeJsDoc } from "./js-doc.js";
import { rewriteTwin, rewriteVariableTwin } from "./twin.js";
import { rewriteValue } from "./value.js";

/** Answers false when the function cannot be written in its new form; nothing has been edited then. */
export function rewriteHead(context: FileContext, fn: AsyncFunction): boolean {
  const decision = decisionOf(context, fn);
  if (isAsyncGenerator(fn) && decision.shape !== "leave") {
    rewriteAsyncGenerator(context, fn);
    return true;
  }
  switch (decision.shape) {
    case "leave":
      return true;
    case "in-place":
      return rewriteInPlace(context, fn, decision);
    case "twin":
      return fn.form === "variable" ? rewriteVariableTwin(context, fn, decision) : rewriteTwin(context, fn, decision);
    case "wrapped":
      return rewriteValue(context, fn);
  }
}

function rewriteInPlace(context: FileContext, fn: AsyncFunction, decision: Decision): boolean {
  if (ts.isArrowFunction(fn.node)) {
    if (isShell(fn)) shellArrow(context, fn.node, "raw");
    else arrowToGenerator(context, fn.node, "");
  } else {
    keywordToStar(context, fn);
  }
  if (!isShell(fn)) rewriteReturnTypeOf(context, fn, decision);
  retypeJsDoc(context, fn);
  return true;
}
