// The table of the rules.

import type { Rule } from "../rule.js";
import { noAwaitOp } from "./no-await-op.js";
import { noEagerCombinatorArg } from "./no-eager-combinator-arg.js";
import { noFloatingOp } from "./no-floating-op.js";
import { noMisusedOp } from "./no-misused-op.js";
import { noOpAsPromise } from "./no-op-as-promise.js";
import { noSwallowedCancel } from "./no-swallowed-cancel.js";
import { noYieldOp } from "./no-yield-op.js";
import { protectCleanup } from "./protect-cleanup.js";
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
};
