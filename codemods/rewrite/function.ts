/** Rewrites the head of a converted function: its keyword, return type, wrapper and façade. */
import { ts, type TS } from "../compiler.js";
import { isExported, type Decision } from "../analyse/decide.js";
import type { AsyncFunction } from "../analyse/functions.js";
import {
  type FunctionNode,
  enclosingClass,
  hasModifier,
  isJavaScriptFile,
  usesSuper,
  usesThis,
} from "../analyse/syntax.js";
import { decisionOf, isRawValue, type FileContext } from "./context.js";
import { handingThis } from "./handed-this.js";
import {
  facadeSignature,
  opTypeText,
  printableType,
  resultTypeText,
  rewriteReturnType,
  uncommented,
} from "./signature.js";
import { indentAt } from "./style.js";

/** Answers false when the function cannot be written in its new form; nothing has been edited then. */
export function rewriteHead(context: FileContext, fn: AsyncFunction): boolean {
  const decision = decisionOf(context, fn);
  switch (decision.shape) {
    case "leave":
      return true;
    case "in-place":
      return rewriteInPlace(context, fn, decision);
    case "twin":
      return fn.form === "variable" ? rewriteVariableTwin(context, fn, decision) : rewriteTwin(context, fn, decision);
    case "wrapped":
      return rewriteValue(context, fn);
  }
}

function rewriteInPlace(context: FileContext, fn: AsyncFunction, decision: Decision): boolean {
  if (ts.isArrowFunction(fn.node)) {
    if (usesThis(fn.node)) shellArrow(context, fn.node, "raw");
    else arrowToGenerator(context, fn, fn.node, "");
  } else {
    keywordToStar(context, fn);
  }
  if (!isShell(fn)) rewriteReturnTypeOf(context, fn, decision);
  retypeJsDoc(context, fn);
  return true;
}

function isShell(fn: AsyncFunction): boolean {
  return ts.isArrowFunction(fn.node) && usesThis(fn.node);
}

function rewriteReturnTypeOf(context: FileContext, fn: AsyncFunction, decision: Decision): boolean {
  if (fn.node.type !== undefined) {
    rewriteReturnType(context, fn.node);
    return true;
  }
  if (!decision.recursive || !context.isTypeScript) return true;
  const type = resultTypeText(context, fn.node);
  if (type === undefined) return false;
  context.edits.insertAfter(closeParenEnd(context, fn.node), `: ${context.imports.use("Op")}<${type}>`);
  context.note(fn, {
    code: "TR1703",
    message: `${fn.label} calls itself: its fiber function has a written return type`,
  });
  return true;
}

/** `async function f` becomes `function* f`, `async m` becomes `*m`. */
function keywordToStar(context: FileContext, fn: AsyncFunction, name = ""): void {
  const { edits, file } = context;
  const { node } = fn;
  removeAsync(context, node);
  if (ts.isMethodDeclaration(node)) {
    edits.wrap(node.name.getStart(file), node.end, multipliesPrevious(context, fn) ? ";*" : "*", "");
    return;
  }
  const keyword = node.getChildren(file).find((child) => child.kind === ts.SyntaxKind.FunctionKeyword);
  if (keyword === undefined) return;
  const spaces = name === "" ? 0 : (/^[ \t]*/.exec(file.text.slice(keyword.end))?.[0].length ?? 0);
  edits.replace(keyword.end, keyword.end + spaces, `*${name}`);
}

/** In a class without semicolons, a star behind a field reads as a multiplication. */
function multipliesPrevious(context: FileContext, fn: AsyncFunction): boolean {
  const { node } = fn;
  const first = node.modifiers?.[0];
  if (!ts.isClassLike(node.parent) || first?.kind !== ts.SyntaxKind.AsyncKeyword) return false;
  if (decisionOf(context, fn).shape !== "in-place") return false;
  const { members } = node.parent;
  const previous = members[members.indexOf(node as TS.MethodDeclaration) - 1];
  return previous !== undefined && ts.isPropertyDeclaration(previous) && context.file.text[previous.end - 1] !== ";";
}

function asyncKeyword(node: TS.Node): TS.Node {
  const modifiers = ts.canHaveModifiers(node) ? (ts.getModifiers(node) ?? []) : [];
  const keyword = modifiers.find((modifier) => modifier.kind === ts.SyntaxKind.AsyncKeyword);
  if (keyword === undefined) throw new Error("An async function without its keyword (a defect of the analysis)");
  return keyword;
}

function removeAsync(context: FileContext, node: TS.Node): void {
  const keyword = asyncKeyword(node);
  const { text } = context.file;
  let end = keyword.end;
  while (/[ \t]/.test(text[end] ?? "")) end++;
  context.edits.remove(keyword.getStart(context.file), end);
}

/** The end of the parameter list's closing parenthesis. */
function closeParenEnd(context: FileContext, node: TS.SignatureDeclaration): number {
  const paren = node.getChildren(context.file).find((child) => child.kind === ts.SyntaxKind.CloseParenToken);
  return paren?.end ?? node.parameters.end;
}

// ---------------------------------------------------------------- a fiber function beside a façade

function rewriteTwin(context: FileContext, fn: AsyncFunction, decision: Decision): boolean {
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
    `${head}${typeParameters}(${signature.parameters})${returnType} {${eol}` +
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

/** Where JavaScript is type-checked, the types of a function are in its comment, and the fiber function needs its own. */
function checkedJsDoc(context: FileContext, node: TS.Node, indent: string): string {
  const { file, style } = context;
  const isChecked = context.analysis.project.options.checkJs === true || /^\s*\/\/\s*@ts-check/m.test(file.text);
  if (context.isTypeScript || !isChecked) return "";
  const comment = ts.getLeadingCommentRanges(file.text, node.getFullStart())?.at(-1);
  const text = comment === undefined ? "" : file.text.slice(comment.pos, comment.end);
  if (!text.startsWith("/**") || !/@(param|returns?|template|type|this)\b/.test(text)) return "";
  const types = text.replace(/(@returns?\s*\{\s*)Promise\s*</, '$1import("trestle").Op<');
  return `${types}${style.eol}${indent}`;
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
function rewriteVariableTwin(context: FileContext, fn: AsyncFunction, decision: Decision): boolean {
  const { edits, file, style } = context;
  const declaration = fn.node.parent as TS.VariableDeclaration;
  if (decision.fiberName === undefined || isShell(fn)) return rewriteValue(context, fn);
  let statement: TS.Node = declaration;
  while (!ts.isVariableStatement(statement)) statement = statement.parent;
  if (ts.isArrowFunction(fn.node)) arrowToGenerator(context, fn, fn.node, "");
  else keywordToStar(context, fn);
  if (!rewriteReturnTypeOf(context, fn, decision)) return false;
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

// ---------------------------------------------------------------- a fiber function where the async function stood

function rewriteValue(context: FileContext, fn: AsyncFunction): boolean {
  const { node } = fn;
  const raw = isRawValue(context, fn);
  if (ts.isArrowFunction(node)) {
    if (usesThis(node)) {
      shellArrow(context, node, raw ? "raw" : "promise");
      return true;
    }
    const name = raw ? undefined : keptName(fn);
    if (!raw && isPlainInvocation(fn)) startAtOnce(context, fn);
    else if (!raw) wrapInToAsync(context, fn, node.getStart(context.file), node.end, name);
    arrowToGenerator(context, fn, node, name?.inner === true ? ` ${name.text}` : "");
    if (!raw) annotateParameters(context, node);
    if (node.type !== undefined) rewriteReturnType(context, node);
    return true;
  }
  if (ts.isMethodDeclaration(node)) {
    literalMethod(context, fn, node);
    return true;
  }
  const start = asyncKeyword(node).getStart(context.file);
  const name = node.name !== undefined || raw ? undefined : keptName(fn);
  if (!raw && isPlainInvocation(fn)) startAtOnce(context, fn);
  else if (!raw) wrapInToAsync(context, fn, start, node.end, name);
  keywordToStar(context, fn, name?.inner === true ? ` ${name.text}` : "");
  if (!raw) annotateParameters(context, node);
  if (!rewriteReturnTypeOf(context, fn, decisionOf(context, fn))) return false;
  if (ts.isFunctionDeclaration(node)) context.edits.insertAfter(node.end, context.style.semicolon);
  return true;
}

/** `(async () => { ... })()`: one pair of parentheses, no arguments, no parameters, no `this` of its own. */
function isPlainInvocation(fn: AsyncFunction): boolean {
  const call = fn.invocation;
  return (
    call !== undefined &&
    call.questionDotToken === undefined &&
    call.arguments.length === 0 &&
    fn.node.parameters.length === 0 &&
    ts.isParenthesizedExpression(fn.node.parent) &&
    call.expression === fn.node.parent &&
    (ts.isArrowFunction(fn.node) || !usesThis(fn.node))
  );
}

/** It becomes `toPromise(function* () { ... })`. */
function startAtOnce(context: FileContext, fn: AsyncFunction): void {
  const { edits, file } = context;
  const outer = fn.node.parent;
  const call = fn.invocation as TS.CallExpression;
  edits.insertBefore(outer.getStart(file), context.imports.use("toPromise"));
  edits.remove(outer.end, call.end);
}

interface KeptName {
  readonly text: string;
  /** Whether the generator function itself may carry the name without hiding another thing of that name. */
  readonly inner: boolean;
}

/** The name that the language gave to an anonymous async function by where it stood. */
function keptName(fn: AsyncFunction): KeptName | undefined {
  const { node, name } = fn;
  const parent = node.parent;
  const named =
    (ts.isVariableDeclaration(parent) && parent.initializer === node) ||
    (ts.isPropertyAssignment(parent) && parent.initializer === node) ||
    (ts.isPropertyDeclaration(parent) && parent.initializer === node) ||
    ts.isMethodDeclaration(node);
  if (ts.isExportAssignment(parent) || ts.isFunctionDeclaration(node)) return { text: "default", inner: false };
  if (
    ts.isBinaryExpression(parent) &&
    parent.right === node &&
    parent.operatorToken.kind === ts.SyntaxKind.EqualsToken &&
    ts.isIdentifier(parent.left)
  ) {
    return { text: parent.left.text, inner: false };
  }
  if (!named || name === undefined) return undefined;
  return { text: name, inner: isBindable(name) && !mentions(node, name) };
}

function isBindable(name: string): boolean {
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, true, ts.LanguageVariant.Standard, name);
  return scanner.scan() === ts.SyntaxKind.Identifier && scanner.getTextPos() === name.length;
}

function mentions(node: TS.Node, name: string): boolean {
  let found = false;
  const visit = (inner: TS.Node): void => {
    if (ts.isIdentifier(inner) && inner.text === name && inner !== (node as { name?: TS.Node }).name) found = true;
    ts.forEachChild(inner, visit);
  };
  ts.forEachChild(node, visit);
  return found;
}

function wrapInToAsync(
  context: FileContext,
  _fn: AsyncFunction,
  start: number,
  end: number,
  name: KeptName | undefined,
): void {
  const { quote } = context.style;
  const option = name === undefined || name.inner ? "" : `, { name: ${quote}${name.text}${quote} }`;
  context.edits.wrap(start, end, `${context.imports.use("toAsync")}(`, `${option})`);
}

/** `{ async go(a) {} }` becomes `{ go: toAsync(function* go(a) {}) }`. */
function literalMethod(context: FileContext, fn: AsyncFunction, node: TS.MethodDeclaration): void {
  const { edits } = context;
  const { quote } = context.style;
  const name = keptName(fn);
  const inner = name?.inner === true ? ` ${name.text}` : "";
  const option = name === undefined || name.inner ? "" : `, { name: ${quote}${name.text}${quote} }`;
  removeAsync(context, node);
  annotateParameters(context, node);
  edits.insertAfter(node.name.end, `: ${context.imports.use("toAsync")}(function*${inner}${inner === "" ? " " : ""}`);
  if (node.type !== undefined) rewriteReturnType(context, node);
  edits.insertAfter(node.end, `${option})`);
}

/**
 * Inside `toAsync(...)` a parameter without a type would take the unknown type of a type parameter, where it had that of
 * its default value, or any.
 */
function annotateParameters(context: FileContext, node: FunctionNode): void {
  const { checker } = context.analysis;
  if (!context.isTypeScript || (ts.isExpression(node) && checker.getContextualType(node) !== undefined)) return;
  for (const parameter of node.parameters) {
    if (parameter.type !== undefined) continue;
    const type = checker.getTypeAtLocation(parameter);
    if (parameter.initializer === undefined && (type.flags & ts.TypeFlags.Any) === 0) continue;
    const text = printableType(context, type, node);
    if (text === undefined) continue;
    const written = parameter.dotDotDotToken !== undefined && text === "any" ? "any[]" : text;
    context.edits.wrap(parameter.name.getStart(context.file), parameter.name.end, "", `: ${written}`);
  }
}

/** `async (x) => e` becomes `function* (x) { return e; }`. */
function arrowToGenerator(context: FileContext, _fn: AsyncFunction, node: TS.ArrowFunction, name: string): void {
  const { edits, file, style } = context;
  const keyword = asyncKeyword(node);
  if (name === "") {
    const spaced = /\s/.test(file.text[keyword.end] ?? "");
    edits.replace(keyword.getStart(file), keyword.end, `function*${spaced ? "" : " "}`);
  } else {
    const spaces = /^[ \t]*/.exec(file.text.slice(keyword.end))?.[0].length ?? 0;
    edits.replace(keyword.getStart(file), keyword.end + spaces, `function*${name}`);
  }
  const only = node.parameters[0];
  if (only !== undefined && !node.getChildren(file).some((child) => child.kind === ts.SyntaxKind.OpenParenToken)) {
    edits.wrap(only.getStart(file), only.end, "(", ")");
  }
  const arrow = node.equalsGreaterThanToken;
  const body = node.body;
  const bodyStart = body.getStart(file);
  const commented = file.text.slice(arrow.end, bodyStart).trim() !== "";
  if (ts.isBlock(body)) {
    if (commented) edits.remove(arrow.getStart(file), arrow.end);
    else edits.replace(arrow.getStart(file), bodyStart, "");
    return;
  }
  if (commented) {
    edits.replace(arrow.getStart(file), arrow.end, "{");
    edits.insertBefore(bodyStart, "return ");
  } else {
    edits.replace(arrow.getStart(file), bodyStart, "{ return ");
  }
  edits.wrap(body.pos, body.end, "", `${style.semicolon} }`);
}

/**
 * An arrow function that uses `this` stays one, and hands its `this` to the generator function inside: through `call`
 * where the type of `this` can be written and `call` is typed, else as a first argument that is named in its place.
 */
function shellArrow(context: FileContext, node: TS.ArrowFunction, kind: "raw" | "promise"): void {
  const { edits, file, style } = context;
  const returnType = opTypeText(context, node);
  removeAsync(context, node);
  const { parameter, call } = handingThis(context, node, node.body);
  const open = `(function* (${parameter})${returnType === "" ? "" : `: ${returnType}`} `;
  const [before, after] =
    kind === "raw" ? [open, `)${call}`] : [`${context.imports.use("toPromise")}(() => ${open}`, `)${call})`];
  const { body } = node;
  if (ts.isBlock(body)) edits.wrap(body.getStart(file), body.end, before, after);
  else edits.wrap(body.getStart(file), body.end, `${before}{ return `, `${style.semicolon} }${after}`);
  if (kind === "raw" && node.type !== undefined) rewriteReturnType(context, node);
}

/** A documented `@returns {Promise<T>}` of a JavaScript function that now gives an op. */
function retypeJsDoc(context: FileContext, fn: AsyncFunction): void {
  if (!isJavaScriptFile(context.file)) return;
  const owner = fn.form === "variable" ? fn.node.parent.parent.parent : fn.node;
  const leading = context.file.text.slice(owner.getFullStart(), owner.getStart(context.file));
  const match = /@returns?\s*\{\s*(Promise)\s*</.exec(leading);
  if (match === null) return;
  const at = owner.getFullStart() + match.index + match[0].lastIndexOf("Promise");
  context.edits.replace(at, at + "Promise".length, 'import("trestle").Op');
}
