// The table of the rules.

import type { Rule } from "../rule.js";
import { noAwaitOp } from "./no-await-op.js";
import { noEagerCombinatorArg } from "./no-eager-combinator-arg.js";
import { noFacadeInFiber } from "./no-facade-in-fiber.js";
import { noFloatingOp } from "./no-floating-op.js";
import { noMisusedOp } from "./no-misused-op.js";
import { noOpAsPromise } from "./no-op-as-promise.js";
import { noPendingTodo } from "./no-pending-todo.js";
import { noPromiseCombinatorInFiber } from "./no-promise-combinator-in-fiber.js";
import { noRedundantBridge } from "./no-redundant-bridge.js";
import { noSwallowedCancel } from "./no-swallowed-cancel.js";
import { noYieldOp } from "./no-yield-op.js";
import { preferSignalBridge } from "./prefer-signal-bridge.js";
import { protectCleanup } from "./protect-cleanup.js";
import { requireYieldOp } from "./require-yield-op.js";
import { returnYieldStar } from "./return-yield-star.js";
import { yieldStarParens } from "./yield-star-parens.js";

export const rules: Readonly<Record<string, Rule>> = {
  "no-floating-op": noFloatingOp,
  "no-yield-op": noYieldOp,
  "no-await-op": noAwaitOp,
  "no-misused-op": noMisusedOp,
  "no-op-as-promise": noOpAsPromise,
  "return-yield-star": returnYieldStar,
  "yield-star-parens": yieldStarParens,
  "no-eager-combinator-arg": noEagerCombinatorArg,
  "no-swallowed-cancel": noSwallowedCancel,
  "protect-cleanup": protectCleanup,
  "no-facade-in-fiber": noFacadeInFiber,
  "no-promise-combinator-in-fiber": noPromiseCombinatorInFiber,
  "no-redundant-bridge": noRedundantBridge,
  "no-pending-todo": noPendingTodo,
  "prefer-signal-bridge": preferSignalBridge,
  "require-yield-op": requireYieldOp,
};
