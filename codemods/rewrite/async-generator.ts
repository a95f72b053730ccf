/** An async generator becomes a function that gives `toAsyncGenerator(function* () { ... })`: callers and types stay. */
import { ts, type TS } from "../compiler.js";
import type { AsyncFunction } from "../analyse/functions.js";
import { usesThis } from "../analyse/syntax.js";
import type { FileContext } from "./context.js";
import { removeAsync } from "./generator.js";
import { handingThis } from "./handed-this.js";

export function rewriteAsyncGenerator(context: FileContext, fn: AsyncFunction): void {
  const { edits, file, style } = context;
  const { node } = fn;
  removeAsync(context, node);
  const star = node.asteriskToken as TS.AsteriskToken;
  // Behind `function` a space is needed where the star was all there was.
  const isBare = /[\w$]/.test(file.text[star.getStart(file) - 1] ?? "") && /[\w$]/.test(file.text[star.end] ?? "");
  edits.replace(
    star.getStart(file),
    star.end + (ts.isMethodDeclaration(node) ? spaces(file, star.end) : 0),
    isBare ? " " : "",
  );
  const handed = usesThis(node) ? handingThis(context, node.body, node.body) : undefined;
  const make = context.imports.use("toAsyncGenerator");
  const [open, close] =
    handed === undefined
      ? [`return ${make}(function* () {`, "})"]
      : [`return ${make}(() => (function* (${handed.parameter}) {`, `})${handed.call})`];
  const start = node.body.getStart(file) + 1;
  const end = node.body.end - 1;
  if (start === end) edits.insertAfter(start, ` ${open}${close}${style.semicolon} `);
  else edits.wrap(start, end, ` ${open}`, `${close}${style.semicolon} `);
}

function spaces(file: TS.SourceFile, position: number): number {
  return /^[ \t]*/.exec(file.text.slice(position))?.[0].length ?? 0;
}

/** `yield v` becomes `yield* emit(v)`, and `yield* source` becomes `yield* emitAll(source)`. */
export function rewriteYield(context: FileContext, fn: AsyncFunction, node: TS.YieldExpression): void {
  const { edits, file } = context;
  const isAll = node.asteriskToken !== undefined;
  const give = context.imports.use(isAll ? "emitAll" : "emit");
  const type = isAll || !context.spelledOut.has(fn) ? "" : itemTypeOf(context, fn);
  const keyword = { start: node.getStart(file), end: node.getStart(file) + "yield".length };
  const operand = node.expression;
  context.record({ pattern: "CM-G02", kind: "await", disposition: "rewrite", reasons: [] }, node);
  if (operand === undefined) {
    edits.replace(keyword.start, keyword.end, `yield* ${give}${type}(undefined)`);
    return;
  }
  if (!isAll) edits.replace(keyword.start, keyword.end, /\s/.test(file.text[keyword.end] ?? "") ? "yield*" : "yield* ");
  edits.wrap(operand.getStart(file), operand.end, `${give}${type}(`, ")");
}

/** What a written return type such as `AsyncGenerator<T>` says of the items. */
function itemTypeOf(context: FileContext, fn: AsyncFunction): string {
  const { type } = fn.node;
  if (type === undefined || !ts.isTypeReferenceNode(type) || !ts.isIdentifier(type.typeName)) return "";
  const [item] = type.typeArguments ?? [];
  return item === undefined || !/^Async(Generator|Iterable|IterableIterator|Iterator)$/.test(type.typeName.text)
    ? ""
    : `<${item.getText(context.file)}>`;
}
