/** What the rules are tried on besides the examples of their documentation. */
import type { Example } from "../../../codemods/lint/rule.js";

interface Cases {
  readonly bad: readonly (string | Example)[];
  readonly good: readonly (string | Example)[];
}

export const cases: Readonly<Record<string, Cases>> = {};
