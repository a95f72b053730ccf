/** A fiber function beside a façade of the old name that gives its promise. */
import { ts, type TS } from "../compiler.js";
import { isExported, type Decision } from "../analyse/decide.js";
import type { AsyncFunction } from "../analyse/functions.js";
import { enclosingClass, hasModifier, usesSuper, usesThis } from "../analyse/syntax.js";
import type { FileContext } from "./context.js";
import {
  isShell,
  rewriteReturnTypeOf,
  keywordToStar,
  asyncKeyword,
  arrowToGenerator,
  shellArrow,
} from "./generator.js";
import { checkedJsDoc } from "./js-doc.js";
import { facadeSignature, resultTypeText, uncommented } from "./signature.js";
import { indentAt } from "./style.js";
import { rewriteValue } from "./value.js";

export function rewriteTwin(context: FileContext, fn: AsyncFunction, decision: Decision): boolean {
  const { edits, file, style } = context;
  const { node } = fn;
  const signature = facadeSignature(context, node);
  if (signature === undefined || decision.fiberName === undefined) return false;
  const annotation = decision.recursive && node.type === undefined && context.isTypeScript;
  const recursiveType = annotation ? resultTypeText(context, node) : undefined;
  if (annotation && recursiveType === undefined) return false;

  const modifiers = (ts.getModifiers(node) ?? []).filter((modifier) => modifier.kind !== ts.SyntaxKind.AsyncKeyword);
  const start = startBehindDecorators(context, node);
  const indent = indentAt(file, start);
  const typeParameters = typeParameterText(context, node);
  const returnType =
    node.type !== undefined
      ? `: ${uncommented(context, node.type)}`
      : recursiveType !== undefined
        ? `: Promise<${recursiveType}>`
        : "";
  const name = node.name?.getText(file) ?? "";
  const facadeModifiers = modifiers.map((modifier) => modifier.getText(file));
  const head = [...facadeModifiers, ts.isFunctionDeclaration(node) ? `function ${name}` : name].join(" ");
  const call = callOfTwin(context, fn, decision.fiberName, signature);
  const { eol } = style;
  const facade =
    `${head}${typeParameters}${spaceBeforeParameters(context, node)}(${signature.parameters})${returnType} {${eol}` +
    `${indent}${style.indent}return ${context.imports.use("toPromise")}(() => ${call})${style.semicolon}${eol}` +
    `${indent}}${eol}${eol}${indent}`;
  edits.insertBefore(start, `${facade}${checkedJsDoc(context, node, indent)}`);

  keywordToStar(context, fn);
  if (node.name !== undefined) edits.replace(node.name.getStart(file), node.name.end, decision.fiberName);
  retireModifiers(context, fn);
  for (const parameter of node.parameters) {
    for (const decorator of ts.canHaveDecorators(parameter) ? (ts.getDecorators(parameter) ?? []) : []) {
      let end = decorator.end;
      while (/\s/.test(file.text[end] ?? "")) end++;
      edits.remove(decorator.getStart(file), end);
    }
  }
  return rewriteReturnTypeOf(context, fn, decision);
}

/** Some styles have a space there. */
function spaceBeforeParameters({ file }: FileContext, node: TS.Node): string {
  const open = node.getChildren(file).find((child) => child.kind === ts.SyntaxKind.OpenParenToken);
  return open !== undefined && file.text[open.getStart(file) - 1] === " " ? " " : "";
}

/** The fiber function keeps the modifiers that still hold for it: no `default`, no `override` of nothing. */
function retireModifiers(context: FileContext, fn: AsyncFunction): void {
  const { edits, file } = context;
  const remove = (modifier: TS.Node): void => {
    let end = modifier.end;
    while (/[ \t]/.test(file.text[end] ?? "")) end++;
    edits.remove(modifier.getStart(file), end);
  };
  const isDefault = hasModifier(fn.node, ts.SyntaxKind.DefaultKeyword);
  for (const modifier of ts.getModifiers(fn.node) ?? []) {
    if (modifier.kind === ts.SyntaxKind.DefaultKeyword) remove(modifier);
    if (modifier.kind === ts.SyntaxKind.ExportKeyword && isDefault && !context.sharedTwins.has(fn)) remove(modifier);
    if (modifier.kind === ts.SyntaxKind.OverrideKeyword && !overridesTwin(context, fn)) remove(modifier);
  }
  if (ts.isFunctionDeclaration(fn.node) && context.sharedTwins.has(fn) && !isExported(fn)) {
    edits.insertBefore(asyncKeyword(fn.node).getStart(file), "export ");
  }
}

function overridesTwin(context: FileContext, fn: AsyncFunction): boolean {
  const { groups } = context.analysis;
  return (
    groups.overrides(fn) &&
    groups
      .membersOf(fn)
      .some((member) => member !== fn && !groups.overrides(member) && context.decisions.get(member)?.shape === "twin")
  );
}

function callOfTwin(
  context: FileContext,
  fn: AsyncFunction,
  fiberName: string,
  signature: NonNullable<ReturnType<typeof facadeSignature>>,
): string {
  const args = signature.passesArguments ? "...arguments" : signature.forwarded;
  // A type parameter that no parameter mentions cannot be inferred: hand each one on.
  const types = (fn.node.typeParameters ?? []).map((parameter) => parameter.name.text);
  const twin = types.length === 0 ? fiberName : `${fiberName}<${types.join(", ")}>`;
  if (fn.form === "method") {
    const owner = enclosingClass(fn.node)?.name?.text;
    const isStatic = hasModifier(fn.node, ts.SyntaxKind.StaticKeyword);
    if (owner === undefined || ts.isPrivateIdentifier(fn.node.name as TS.Node)) return `this.${twin}(${args})`;
    const holder = isStatic ? owner : `${owner}.prototype`;
    // A method that reads no `this` works without its object, and one that is lent works with another.
    if (!usesThis(fn.node) && !usesSuper(fn.node)) return `${holder}.${twin}(${args})`;
    if (signature.passesThis || context.analysis.observed.detached.has(fn.name ?? "")) {
      return `${holder}.${fiberName}.call(this${args === "" ? "" : `, ${args}`})`;
    }
    return `this.${twin}(${args})`;
  }
  if (signature.passesThis) return `${fiberName}.call(this${args === "" ? "" : `, ${args}`})`;
  return `${twin}(${args})`;
}

function startBehindDecorators(context: FileContext, node: TS.Node): number {
  const { file } = context;
  const decorators = ts.canHaveDecorators(node) ? (ts.getDecorators(node) ?? []) : [];
  const last = decorators[decorators.length - 1];
  if (last === undefined) return node.getStart(file);
  let start = last.end;
  for (;;) {
    while (/\s/.test(file.text[start] ?? "")) start++;
    const comment = ts.getLeadingCommentRanges(file.text, start)?.at(-1);
    if (comment === undefined) return start;
    start = comment.end;
  }
}

function typeParameterText(context: FileContext, node: TS.SignatureDeclaration): string {
  const parameters = node.typeParameters;
  if (parameters === undefined || parameters.length === 0) return "";
  return `<${parameters.map((parameter) => uncommented(context, parameter)).join(", ")}>`;
}

/** `const load = async ...;` becomes `const loadOp = function* ...;` and `const load = toAsync(loadOp);`. */
export function rewriteVariableTwin(context: FileContext, fn: AsyncFunction, decision: Decision): boolean {
  const { edits, file, style } = context;
  const declaration = fn.node.parent as TS.VariableDeclaration;
  if (decision.fiberName === undefined) return rewriteValue(context, fn);
  let statement: TS.Node = declaration;
  while (!ts.isVariableStatement(statement)) statement = statement.parent;
  if (ts.isArrowFunction(fn.node) && isShell(fn)) shellArrow(context, fn.node, "raw");
  else if (ts.isArrowFunction(fn.node)) arrowToGenerator(context, fn.node, "");
  else keywordToStar(context, fn);
  if (!isShell(fn) && !rewriteReturnTypeOf(context, fn, decision)) return false;
  edits.replace(declaration.name.getStart(file), declaration.name.end, decision.fiberName);
  const exported = isExported(fn) ? "export " : "";
  if (exported === "" && context.sharedTwins.has(fn)) edits.insertBefore(statement.getStart(file), "export ");
  const indent = indentAt(file, statement.getStart(file));
  const quoted = `${style.quote}${fn.name ?? ""}${style.quote}`;
  const terminated = file.text[statement.end - 1] === ";" ? "" : style.semicolon;
  edits.insertAfter(
    statement.end,
    `${terminated}${style.eol}${indent}${exported}const ${fn.name ?? ""} = ${context.imports.use("toAsync")}(${decision.fiberName}, { name: ${quoted} })${style.semicolon}`,
  );
  return true;
}
