/** How a generator function inside an arrow function or a block gets the `this` around it. */
import { ts, type TS } from "../compiler.js";
import { enclosingClass, forEachSharingThis, hasModifier } from "../analyse/syntax.js";
import type { FileContext } from "./context.js";

export interface HandedThis {
  /** What stands between the parentheses of the generator function's parameter list. */
  readonly parameter: string;
  /** What stands behind the generator function and calls it. */
  readonly call: string;
}

/** `node` is where the `this` is taken; `body` is what moves into the generator function. */
export function handingThis(context: FileContext, node: TS.Node, body: TS.Node): HandedThis {
  if (!context.isTypeScript) return { parameter: "", call: ".call(this)" };
  const options = context.analysis.project.options;
  const isCallTyped = options.strictBindCallApply ?? options.strict ?? false;
  const type = isCallTyped ? thisTypeText(node) : undefined;
  if (type !== undefined) return { parameter: `this: ${type}`, call: ".call(this)" };
  // The type of the argument is the type of the parameter, and needs no writing.
  const name = freeName(context);
  forEachSharingThis(body, (inner) => {
    if (inner.kind !== ts.SyntaxKind.ThisKeyword) return;
    context.edits.replace(inner.getStart(context.file), inner.end, name);
  });
  return { parameter: name, call: "(this)" };
}

function freeName(context: FileContext): string {
  let name = "self";
  for (let n = 2; new RegExp(`\\b${name}\\b`).test(context.file.text); n++) name = `self${n}`;
  return name;
}

/** The type of `this` at `node`, if it is that of a named class. */
function thisTypeText(node: TS.Node): string | undefined {
  let container: TS.Node = node;
  do {
    container = container.parent;
    if (ts.isSourceFile(container) || ts.isClassStaticBlockDeclaration(container)) return undefined;
  } while (!(ts.isFunctionLike(container) && !ts.isArrowFunction(container)) && !ts.isPropertyDeclaration(container));
  const owner = enclosingClass(container);
  if (owner === undefined || container.parent !== owner || owner.name === undefined) return undefined;
  if (hasModifier(container, ts.SyntaxKind.StaticKeyword)) return `typeof ${owner.name.text}`;
  const parameters = owner.typeParameters?.map((parameter) => parameter.name.text) ?? [];
  return parameters.length === 0 ? owner.name.text : `${owner.name.text}<${parameters.join(", ")}>`;
}
