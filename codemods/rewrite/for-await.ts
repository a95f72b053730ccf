/**
 * `for await (const x of source) body` becomes a loop over a pull. The body stays where it is, so that `break`,
 * `continue`, `return` and labels mean what they meant; whoever leaves the loop early closes the source.
 */
import { ts, type TS } from "../compiler.js";
import type { AsyncFunction } from "../analyse/functions.js";
import type { Reason } from "../plan.js";
import type { FileContext } from "./context.js";
import { indentAt } from "./style.js";

export function rewriteForAwait(context: FileContext, fn: AsyncFunction, node: TS.ForOfStatement): void {
  const { edits, file, style } = context;
  const { semicolon } = style;
  const source = node.expression;
  const pull = freshName(context, "items");
  const start = labelled(node);
  const labels = file.text.slice(start.getStart(file), node.getStart(file));
  const isNested = !ts.isBlock(start.parent);

  const open = `${isNested ? "{ " : ""}${commentsAround(context, node)}const ${pull} = ${context.imports.use("fromAsyncIterable")}(`;
  edits.replace(start.getStart(file), source.getStart(file), open);
  const paren = node.getChildren(file).find((child) => child.kind === ts.SyntaxKind.CloseParenToken) as TS.Node;
  edits.replace(paren.getStart(file), paren.end, `); try { ${labels}while (yield* ${pull}.next())`);
  bindItem(context, node, `${pull}.value`);
  const failure = pull === "error" ? "failure" : "error";
  edits.wrap(
    node.getStart(file),
    node.end,
    "",
    ` } catch (${failure}) { throw yield* ${pull}.closeAfter(${failure})${semicolon} } finally { yield* ${pull}.close()${semicolon} }${isNested ? " }" : ""}`,
  );
  const reasons = isSyncIterable(context, source) ? [syncNote(fn)] : [];
  for (const reason of reasons) context.note(fn, reason);
  const disposition = reasons.length > 0 ? "rewrite+note" : "rewrite";
  context.record({ pattern: "CM-G01", kind: "await", disposition, reasons }, node);
}

/** The outermost label in front of the loop, or the loop. */
function labelled(node: TS.ForOfStatement): TS.Statement {
  let start: TS.Statement = node;
  while (ts.isLabeledStatement(start.parent)) start = start.parent;
  return start;
}

/** Puts the item under the name that the head of the loop gives it. */
function bindItem(context: FileContext, node: TS.ForOfStatement, value: string): void {
  const { edits, file, style } = context;
  const { initializer: head, statement: body } = node;
  const text = head.getText(file);
  const isObject = ts.isObjectLiteralExpression(head);
  const binding = isUnused(head, body) ? "" : isObject ? `(${text} = ${value})` : `${text} = ${value}`;
  if (!ts.isBlock(body) || clashes(head, body)) {
    edits.wrap(body.getStart(file), body.end, `{ ${binding === "" ? "" : `${binding}; `}`, " }");
    return;
  }
  if (binding === "") return;
  const brace = body.getStart(file) + 1;
  const first = body.statements[0];
  const gap = file.text.slice(brace, first?.getStart(file) ?? body.end);
  if (!gap.includes("\n")) {
    edits.insertAfter(brace, ` ${binding};${/^\s/.test(gap) ? "" : " "}`);
    return;
  }
  const indent =
    first === undefined ? indentAt(file, node.getStart(file)) + style.indent : indentAt(file, first.getStart(file));
  const end = /^\s*([([`+\-/]|await\b)/.test(first?.getText(file) ?? "") ? ";" : style.semicolon;
  edits.insertAfter(brace, `${style.eol}${indent}${binding}${end}`);
}

/** A name that the loop never mentions would be an unused variable. */
function isUnused(head: TS.ForInitializer, body: TS.Statement): boolean {
  if (!ts.isVariableDeclarationList(head) || (head.flags & ts.NodeFlags.BlockScoped) === 0) return false;
  const [declaration] = head.declarations;
  const name = declaration?.name;
  if (
    name === undefined ||
    !ts.isIdentifier(name) ||
    (head.flags & ts.NodeFlags.Using) === Number(ts.NodeFlags.Using)
  ) {
    return false;
  }
  let mentioned = false;
  const look = (node: TS.Node): void => {
    if (ts.isIdentifier(node) && node.text === name.text) mentioned = true;
    ts.forEachChild(node, look);
  };
  look(body);
  // Where the body declares the name anew, it means nothing else there.
  return !mentioned || (ts.isBlock(body) && clashes(head, body));
}

/** Whether the block declares a name of the head anew, which it may do only in a scope of its own. */
function clashes(head: TS.ForInitializer, body: TS.Block): boolean {
  if (!ts.isVariableDeclarationList(head)) return false;
  const names = new Set<string>();
  const collect = (name: TS.BindingName): void => {
    if (ts.isIdentifier(name)) names.add(name.text);
    else for (const element of name.elements) if (ts.isBindingElement(element)) collect(element.name);
  };
  for (const declaration of head.declarations) collect(declaration.name);
  const own = new Set(names);
  names.clear();
  for (const statement of body.statements) {
    if (ts.isVariableStatement(statement)) {
      for (const declaration of statement.declarationList.declarations) collect(declaration.name);
    } else if ((ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)) && statement.name) {
      names.add(statement.name.text);
    }
  }
  return [...names].some((name) => own.has(name));
}

/** The comments between the parts of a head, in front of the loop. */
function commentsAround(context: FileContext, node: TS.ForOfStatement): string {
  const { file } = context;
  const gaps = [
    file.text.slice(node.getStart(file), node.initializer.getStart(file)),
    // A head that is not written again leaves its comments.
    isUnused(node.initializer, node.statement) ? node.initializer.getText(file) : "",
    file.text.slice(node.initializer.end, node.expression.getStart(file)),
  ];
  const comments = gaps.flatMap((gap) => gap.match(/\/\*[\s\S]*?\*\/|\/\/[^\r\n]*/g) ?? []);
  const indent = indentAt(file, node.getStart(file));
  return comments.map((text) => (text.startsWith("//") ? `${text}${context.style.eol}${indent}` : `${text} `)).join("");
}

const given = new WeakMap<FileContext, Set<string>>();

function freshName(context: FileContext, base: string): string {
  let names = given.get(context);
  if (names === undefined) given.set(context, (names = new Set()));
  const isTaken = (name: string): boolean => names.has(name) || new RegExp(`\\b${name}\\b`).test(context.file.text);
  let name = base;
  for (let n = 2; isTaken(name); n++) name = `${base}${n}`;
  names.add(name);
  return name;
}

/** A source that can be iterated at once, but not asynchronously: its items may be promises. */
function isSyncIterable(context: FileContext, source: TS.Expression): boolean {
  const { checker } = context.analysis;
  const type = checker.getApparentType(checker.getTypeAtLocation(source));
  const names = checker.getPropertiesOfType(type).map((property) => String(property.escapedName));
  const has = (name: string): boolean => names.some((one) => one.startsWith(`__@${name}@`));
  return has("iterator") && !has("asyncIterator");
}

function syncNote(fn: AsyncFunction): Reason {
  return {
    code: "TR1402",
    message: `${fn.label}: \`for await\` over a plain iterable, whose promises are waited for one by one`,
  };
}
