/**
 * Keeps `catch` and `finally` right in a world where any wait may be cancelled: a catch clause lets `Cancelled` pass,
 * and cleanup that waits is protected.
 */
import { ts, type TS } from "../compiler.js";
import { isOwnWait, type AsyncFunction } from "../analyse/functions.js";
import { containsOwn, forEachOwn, forEachSharingThis } from "../analyse/syntax.js";
import type { FileContext } from "./context.js";
import { handingThis } from "./handed-this.js";
import { indentAt } from "./style.js";

export function rewriteTry(context: FileContext, fn: AsyncFunction, node: TS.TryStatement): void {
  if (node.catchClause !== undefined && waits(fn, node.tryBlock)) guardCatch(context, fn, node.catchClause);
  if (node.finallyBlock !== undefined && waits(fn, node.finallyBlock)) protectCleanup(context, fn, node.finallyBlock);
}

function waits(fn: AsyncFunction, block: TS.Block): boolean {
  return containsOwn(block, (node) => isOwnWait(fn, node));
}

function guardCatch(context: FileContext, fn: AsyncFunction, clause: TS.CatchClause): void {
  const binding = clause.variableDeclaration;
  if (binding !== undefined && !ts.isIdentifier(binding.name)) {
    context.note(fn, {
      code: "TR1302",
      message: `${fn.label}: a catch clause takes its error apart and may swallow a cancellation`,
    });
    return;
  }
  const name = binding === undefined ? freeName(clause, "error") : binding.name.getText(context.file);
  if (binding !== undefined && rethrows(clause.block, name)) return;
  const { edits, file, style } = context;
  const cancelled = context.imports.use("Cancelled");
  const { block } = clause;
  const brace = block.getStart(file) + 1;
  const first = block.statements[0];
  // Without a semicolon the guard would join a next line that starts like the rest of an expression.
  const end = /^\s*([([`+\-/]|await\b)/.test(first?.getText(file) ?? "") ? ";" : style.semicolon;
  const statement = `if (${name} instanceof ${cancelled}) throw ${name}${end}`;
  if (binding === undefined) edits.insertAfter(clause.getStart(file) + "catch".length, ` (${name})`);
  const onOneLine = !file.text.slice(brace, first?.getStart(file) ?? block.end).includes("\n");
  if (onOneLine) {
    const rest = file.text.slice(brace, block.end - 1);
    const separator = end === "" && first !== undefined ? ";" : "";
    edits.insertAfter(brace, ` ${statement}${separator}${rest.trim() === "" ? " " : /^\s/.test(rest) ? "" : " "}`);
    return;
  }
  const indent =
    first !== undefined ? indentAt(file, first.getStart(file)) : indentAt(file, clause.getStart(file)) + style.indent;
  edits.insertAfter(brace, `${style.eol}${indent}${statement}`);
}

/** A block whose own last statement throws the caught error again, with no way out before it. */
function rethrows(block: TS.Block, name: string): boolean {
  const last = block.statements[block.statements.length - 1];
  if (last === undefined || !ts.isThrowStatement(last)) return false;
  if (!ts.isIdentifier(last.expression) || last.expression.text !== name) return false;
  let leaves = false;
  for (const statement of block.statements) {
    if (statement === last) continue;
    forEachOwn(statement, (node) => {
      if (ts.isReturnStatement(node) || ts.isBreakOrContinueStatement(node) || ts.isThrowStatement(node)) leaves = true;
    });
  }
  return !leaves;
}

function freeName(clause: TS.CatchClause, base: string): string {
  const text = clause.getText();
  let name = base;
  for (let n = 2; new RegExp(`\\b${name}\\b`).test(text); n++) name = `${base}${n}`;
  return name;
}

function protectCleanup(context: FileContext, fn: AsyncFunction, block: TS.Block): void {
  let leaves = false;
  let usesOwnThis = false;
  forEachOwn(block, (node) => {
    if (ts.isReturnStatement(node) || ts.isBreakOrContinueStatement(node)) leaves = true;
    // Items are given from the body itself.
    if (ts.isYieldExpression(node)) leaves = true;
    if (node.kind === ts.SyntaxKind.SuperKeyword) leaves = true;
  });
  let usesOwnArguments = false;
  forEachSharingThis(block, (node) => {
    if (node.kind === ts.SyntaxKind.ThisKeyword) usesOwnThis = true;
    if (ts.isIdentifier(node) && node.text === "arguments") usesOwnArguments = true;
  });
  if (leaves || usesOwnArguments) {
    context.note(fn, {
      code: "TR1303",
      message: `${fn.label}: cleanup in a finally block waits, and is cut short when the fiber is cancelled`,
    });
    return;
  }
  const { edits, file } = context;
  const start = block.getStart(file) + 1;
  const cancel = context.imports.use("Cancel");
  const handed = usesOwnThis ? handingThis(context, block, block) : undefined;
  const open =
    handed === undefined
      ? `yield* ${cancel}.protect(function* () {`
      : `yield* ${cancel}.protect(() => (function* (${handed.parameter}) {`;
  const close = handed === undefined ? "})" : `})${handed.call})`;
  edits.wrap(start, block.end - 1, ` ${open}`, `${close}${context.style.semicolon} `);
}
