/** The types of a fiber function in the documentation comments of JavaScript. */
import { ts, type TS } from "../compiler.js";
import type { AsyncFunction } from "../analyse/functions.js";
import { isJavaScriptFile, isTypeChecked, usesThis, type FunctionNode } from "../analyse/syntax.js";
import type { FileContext } from "./context.js";

/** Where JavaScript is type-checked, the types of a function are in its comment, and the fiber function needs its own. */
export function checkedJsDoc(context: FileContext, node: FunctionNode, indent: string): string {
  const { file, style } = context;
  if (context.isTypeScript || !isTypeChecked(file, context.analysis.project.options)) return "";
  const comment = commentOf(file, node);
  if (comment === undefined || !/@(param|returns?|template|type|this)\b/.test(comment.text)) return "";
  let types = comment.text;
  for (const { start, end, text } of fiberTypesIn(comment.text, node).reverse()) {
    types = types.slice(0, start) + text + types.slice(end);
  }
  return `${types}${style.eol}${indent}`;
}

/** The documented types of a JavaScript function that gives an op from now on. */
export function retypeJsDoc(context: FileContext, fn: AsyncFunction): void {
  if (!isJavaScriptFile(context.file)) return;
  const owner = fn.form === "variable" ? fn.node.parent.parent.parent : fn.node;
  const comment = commentOf(context.file, owner);
  if (comment === undefined) return;
  for (const { start, end, text } of fiberTypesIn(comment.text, fn.node)) {
    context.edits.replace(comment.pos + start, comment.pos + end, text);
  }
}

function commentOf(file: TS.SourceFile, node: TS.Node): { readonly pos: number; readonly text: string } | undefined {
  const comment = ts.getLeadingCommentRanges(file.text, node.getFullStart())?.at(-1);
  if (comment === undefined) return undefined;
  const text = file.text.slice(comment.pos, comment.end);
  return text.startsWith("/**") ? { pos: comment.pos, text } : undefined;
}

/** The parts of a comment that say what a function gives, with what they say of its fiber function, in their order. */
function fiberTypesIn(comment: string, node: FunctionNode): { start: number; end: number; text: string }[] {
  const found: { start: number; end: number; text: string }[] = [];
  const returned = /@returns?\s*\{\s*(?=Promise\s*<)/.exec(comment);
  if (returned !== null) {
    const start = returned.index + returned[0].length;
    found.push({ start, end: start + "Promise".length, text: 'import("trestle").Op' });
  }
  const tag = /@type\s*\{/.exec(comment);
  if (tag !== null) {
    const start = tag.index + tag[0].length;
    const end = closingBrace(comment, start);
    found.push({ start, end, text: fiberType(comment.slice(start, end).trim(), node) });
  }
  return found.sort((a, b) => a.start - b.start);
}

function closingBrace(text: string, start: number): number {
  for (let depth = 1, at = start; at < text.length; at++) {
    if (text[at] === "{") depth++;
    if (text[at] === "}" && --depth === 0) return at;
  }
  return text.length;
}

/** The type of the fiber function of a function whose type is `type`: it gets what the façade passes on, and no more. */
function fiberType(type: string, node: FunctionNode): string {
  const isPlain = node.parameters.every(
    ({ dotDotDotToken, initializer }) => dotDotDotToken === undefined && initializer === undefined,
  );
  const args = isPlain
    ? node.parameters.map((_, index) => `arg${index}: Parameters<${type}>[${index}]`)
    : [`...args: Parameters<${type}>`];
  if (usesThis(node)) args.unshift(`this: ThisParameterType<${type}>`);
  return `(${args.join(", ")}) => import("trestle").Op<Awaited<ReturnType<${type}>>>`;
}
