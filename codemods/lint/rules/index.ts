// The table of the rules.

import type { Rule } from "../rule.js";
import { noAwaitOp } from "./no-await-op.js";
import { noBlockingInFiber } from "./no-blocking-in-fiber.js";
import { noCallbackResumeTwice } from "./no-callback-resume-twice.js";
import { noEagerCombinatorArg } from "./no-eager-combinator-arg.js";
import { noFacadeInFiber } from "./no-facade-in-fiber.js";
import { noFloatingOp } from "./no-floating-op.js";
import { noMisusedOp } from "./no-misused-op.js";
import { noNestedRoot } from "./no-nested-root.js";
import { noOpAsPromise } from "./no-op-as-promise.js";
import { noPendingTodo } from "./no-pending-todo.js";
import { noPromiseCombinatorInFiber } from "./no-promise-combinator-in-fiber.js";
import { noRedundantBridge } from "./no-redundant-bridge.js";
import { noReusedOp } from "./no-reused-op.js";
import { noSharedCheckThenAct } from "./no-shared-check-then-act.js";
import { noSwallowedCancel } from "./no-swallowed-cancel.js";
import { noYieldOp } from "./no-yield-op.js";
import { preferSignalBridge } from "./prefer-signal-bridge.js";
import { protectCleanup } from "./protect-cleanup.js";
import { requireYieldOp } from "./require-yield-op.js";
import { returnYieldStar } from "./return-yield-star.js";
import { switchNoEscape } from "./switch-no-escape.js";
import { yieldStarParens } from "./yield-star-parens.js";

export const rules: Readonly<Record<string, Rule>> = {
  "no-floating-op": noFloatingOp,
  "no-yield-op": noYieldOp,
  "no-await-op": noAwaitOp,
  "no-misused-op": noMisusedOp,
  "no-op-as-promise": noOpAsPromise,
  "no-reused-op": noReusedOp,
  "return-yield-star": returnYieldStar,
  "yield-star-parens": yieldStarParens,
  "no-eager-combinator-arg": noEagerCombinatorArg,
  "switch-no-escape": switchNoEscape,
  "no-swallowed-cancel": noSwallowedCancel,
  "protect-cleanup": protectCleanup,
  "no-facade-in-fiber": noFacadeInFiber,
  "no-promise-combinator-in-fiber": noPromiseCombinatorInFiber,
  "no-redundant-bridge": noRedundantBridge,
  "no-pending-todo": noPendingTodo,
  "prefer-signal-bridge": preferSignalBridge,
  "require-yield-op": requireYieldOp,
  "no-shared-check-then-act": noSharedCheckThenAct,
  "no-nested-root": noNestedRoot,
  "no-blocking-in-fiber": noBlockingInFiber,
  "no-callback-resume-twice": noCallbackResumeTwice,
};
