/** Type texts and parameter lists of fiber functions and of the façades in front of them. */
import { ts, type TS } from "../compiler.js";
import type { FunctionNode } from "../analyse/syntax.js";
import { isTypeChecked, usesArguments, usesThis } from "../analyse/syntax.js";
import { withoutComments } from "./comments.js";
import type { FileContext } from "./context.js";
import { indentAt } from "./style.js";

/** Turns the written return type `Promise<T>` of a converted function into `Op<T>`. */
export function rewriteReturnType(context: FileContext, node: FunctionNode): void {
  const type = node.type;
  if (type === undefined) return;
  const op = context.imports.use("Op");
  if (isPromiseReference(type)) {
    context.edits.replace(type.typeName.getStart(context.file), type.typeName.end, op);
    return;
  }
  context.edits.wrap(type.getStart(context.file), type.end, `${op}<Awaited<`, ">>");
}

/** The text of the return type of a fiber function, as `Op<T>`. */
export function opTypeText(context: FileContext, node: FunctionNode): string {
  const type = node.type;
  if (type === undefined) return "";
  const op = context.imports.use("Op");
  const { text } = context.file;
  if (isPromiseReference(type)) return `${op}${text.slice(type.typeName.end, type.end)}`;
  return `${op}<Awaited<${text.slice(type.getStart(context.file), type.end)}>>`;
}

function isPromiseReference(type: TS.TypeNode): type is TS.TypeReferenceNode {
  return (
    ts.isTypeReferenceNode(type) &&
    ts.isIdentifier(type.typeName) &&
    type.typeName.text === "Promise" &&
    type.typeArguments?.length === 1
  );
}

/** The type a converted function gives, written out; undefined when it cannot be written in this file. */
export function resultTypeText(context: FileContext, node: FunctionNode): string | undefined {
  const { checker } = context.analysis;
  const signature = checker.getSignatureFromDeclaration(node);
  if (signature === undefined) return undefined;
  const promised = checker.getAwaitedType(checker.getReturnTypeOfSignature(signature));
  return promised === undefined ? undefined : printableType(context, promised, node);
}

/** A type as text that means the same in this file, or undefined. */
export function printableType(context: FileContext, type: TS.Type, at: TS.Node): string | undefined {
  const flags =
    ts.TypeFormatFlags.NoTruncation |
    ts.TypeFormatFlags.WriteArrowStyleSignature |
    ts.TypeFormatFlags.UseSingleQuotesForStringLiteralType;
  const text = context.analysis.checker.typeToString(type, at, flags);
  return /import\(|\btypeof import|\.\.\. \d+ more|<anonymous|\b__/.test(text) ? undefined : text;
}

/** The text of a node without its comments: a copy must not repeat them. */
export function uncommented({ file }: FileContext, node: TS.Node): string {
  return withoutComments(file.text.slice(node.getStart(file), node.end), file.languageVariant);
}

export interface FacadeSignature {
  /** The parameter list of the façade, without its parentheses. */
  readonly parameters: string;
  /** The arguments that the façade passes on. */
  readonly forwarded: string;
  /** A `this` parameter, or a JavaScript function that reads `this`: it has to be passed on. */
  readonly passesThis: boolean;
  /** A function that reads `arguments` gets all of them. */
  readonly passesArguments: boolean;
}

/**
 * The façade has the parameters of the original, so that its type, name and `length` stay; defaults are left to the
 * fiber function, which is called where a throwing default becomes a rejection.
 */
export function facadeSignature(context: FileContext, node: FunctionNode): FacadeSignature | undefined {
  const { file, isTypeScript } = context;
  const text = (inner: TS.Node): string => uncommented(context, inner);
  const names = new Set<string>();
  const declared: string[] = [];
  const forwarded: string[] = [];
  const rest: string[] = [];
  let passesThis = ts.isFunctionDeclaration(node) && usesThis(node);

  const parameters = [...node.parameters];
  // Where comments are checked, what they name has to be there.
  const isDocumented = !isTypeScript && isTypeChecked(file, context.analysis.project.options);
  const firstDefault = parameters.findIndex((parameter) => parameter.initializer !== undefined);
  const plainUntil = firstDefault < 0 ? parameters.length : firstDefault;
  for (const [index, parameter] of parameters.entries()) {
    if (parameter.name.getText(file) === "this") {
      declared.push(text(parameter));
      passesThis = true;
      continue;
    }
    const name = nameFor(parameter, index);
    if (index < plainUntil) {
      const decorators = (ts.canHaveDecorators(parameter) ? (ts.getDecorators(parameter) ?? []) : []).map(text);
      const prefix = decorators.length > 0 ? `${decorators.join(" ")} ` : "";
      const dots = parameter.dotDotDotToken === undefined ? "" : "...";
      const optional = parameter.questionToken === undefined ? "" : "?";
      const type = parameter.type === undefined ? untypedParameter(parameter) : writtenType(parameter.type);
      if (type === undefined) return undefined;
      declared.push(`${prefix}${dots}${name}${optional}${type}`);
      forwarded.push(`${dots}${name}`);
      continue;
    }
    if (isDocumented) {
      if (parameter.dotDotDotToken !== undefined) declared.push(`...${name}`);
      else if (parameter.initializer === undefined) declared.push(name);
      else declared.push(`${name} = ${absent(parameter)}`);
      forwarded.push(parameter.dotDotDotToken === undefined ? name : `...${name}`);
      continue;
    }
    if (!isTypeScript) continue;
    const element = tupleElement(parameter, index, name);
    if (element === undefined) return undefined;
    rest.push(element);
  }
  if (plainUntil < parameters.length && !isDocumented) {
    const restName = fresh("rest");
    declared.push(isTypeScript ? `...${restName}: [${rest.join(", ")}]` : `...${restName}`);
    forwarded.push(`...${restName}`);
  }
  return {
    parameters: laidOutLike(context, node, declared),
    forwarded: forwarded.join(", "),
    passesThis,
    passesArguments: !isTypeScript && usesArguments(node),
  };

  function fresh(base: string): string {
    let name = base;
    for (let n = 2; names.has(name) || parameters.some((p) => p.name.getText(file) === name); n++) name = `${base}${n}`;
    names.add(name);
    return name;
  }

  function nameFor(parameter: TS.ParameterDeclaration, index: number): string {
    if (ts.isIdentifier(parameter.name)) return parameter.name.text;
    return fresh(
      ts.isObjectBindingPattern(parameter.name) && index === parameters.length - 1 ? "options" : `arg${index}`,
    );
  }

  /** A type that begins on a line of its own stays there. */
  function writtenType(type: TS.TypeNode): string {
    const begin = /^[ \t]*\r?\n[ \t]*/.exec(file.text.slice(type.pos, type.getStart(file)))?.[0];
    return `:${begin ?? " "}${text(type)}`;
  }

  /** What a parameter with a default has for one in the façade: nothing, so that the fiber function takes its own. */
  function absent(parameter: TS.ParameterDeclaration): string {
    const { strictNullChecks, strict } = context.analysis.project.options;
    const isOptional = ts.getJSDocParameterTags(parameter).every((tag) => tag.isBracketed);
    return isOptional || !(strictNullChecks ?? strict) ? "undefined" : "/** @type {any} */ (undefined)";
  }

  function untypedParameter(parameter: TS.ParameterDeclaration): string | undefined {
    if (!isTypeScript || ts.isIdentifier(parameter.name)) return "";
    const type = printableType(context, context.analysis.checker.getTypeAtLocation(parameter), node);
    return type === undefined ? undefined : `: ${type}`;
  }

  function tupleElement(parameter: TS.ParameterDeclaration, index: number, name: string): string | undefined {
    const { checker } = context.analysis;
    const type =
      parameter.type === undefined
        ? printableType(context, checker.getTypeAtLocation(parameter), node)
        : text(parameter.type);
    if (type === undefined) return undefined;
    if (parameter.dotDotDotToken !== undefined) return `...${name}: ${type}`;
    const requiredLater = parameters
      .slice(index + 1)
      .some((p) => p.initializer === undefined && p.questionToken === undefined && p.dotDotDotToken === undefined);
    if (parameter.initializer === undefined && parameter.questionToken === undefined) return `${name}: ${type}`;
    return requiredLater ? `${name}: ${parenthesised(type)} | undefined` : `${name}?: ${type}`;
  }
}

/** One parameter a line, where the original has the first on a line of its own. */
function laidOutLike({ file, style }: FileContext, node: FunctionNode, declared: readonly string[]): string {
  const first = node.parameters[0];
  if (first === undefined || !file.text.slice(node.parameters.pos, first.getStart(file)).includes("\n")) {
    return declared.join(", ");
  }
  const { eol, indent } = style;
  const around = indentAt(file, node.getStart(file));
  // Nothing may follow a rest parameter.
  const isOpen = node.parameters.hasTrailingComma && !declared.at(-1)?.startsWith("...");
  return `${eol}${declared.map((one) => `${around}${indent}${one}`).join(`,${eol}`)}${isOpen ? "," : ""}${eol}${around}`;
}

function parenthesised(type: string): string {
  return /=>|\bextends\b/.test(type) ? `(${type})` : type;
}
