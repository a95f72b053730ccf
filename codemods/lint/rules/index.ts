// The table of the rules.

import type { Rule } from "../rule.js";
import { noAwaitOp } from "./no-await-op.js";
import { noFloatingOp } from "./no-floating-op.js";
import { noMisusedOp } from "./no-misused-op.js";
import { noYieldOp } from "./no-yield-op.js";

export const rules: Readonly<Record<string, Rule>> = {
  "no-floating-op": noFloatingOp,
  "no-yield-op": noYieldOp,
  "no-await-op": noAwaitOp,
  "no-misused-op": noMisusedOp,
};
