/** Which export of which module of the platform a name stands for, whether or not its types are there. */
import { ts, type TS } from "../compiler.js";
import { libraryName } from "./library.js";
import { skipParentheses } from "./syntax.js";

export interface PlatformName {
  /** Without `node:`. */
  readonly module: string;
  readonly name: string;
}

/** What `once` or `events.once` means: an import, or a part of what `require` gives. */
export function platformName(expression: TS.Expression, checker: TS.TypeChecker): PlatformName | undefined {
  const node = skipParentheses(expression);
  if (!ts.isPropertyAccessExpression(node)) return named(node);
  const owner = named(node.expression);
  // A module of the platform is its own default export.
  return owner?.name === "*" || owner?.name === "default" ? { ...owner, name: node.name.text } : undefined;

  function named(name: TS.Expression): PlatformName | undefined {
    const known = libraryName(name, checker);
    return known && { module: known.module.replace(/^node:/, ""), name: known.name };
  }
}
