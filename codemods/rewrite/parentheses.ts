/**
 * `await` binds like a unary operator and `yield*` like an assignment: where the grammar takes no assignment
 * expression, the new form needs parentheses, and a statement that then starts with one may need a semicolon.
 */
import { ts, type TS } from "../compiler.js";

/** Whether `yield* e` in the place of `node` must be parenthesised. Everything not known to be safe must be. */
export function needsParentheses(node: TS.Expression): boolean {
  const parent = node.parent;
  if (ts.isExpressionStatement(parent) || ts.isParenthesizedExpression(parent)) return false;
  if (ts.isReturnStatement(parent) || ts.isThrowStatement(parent)) return false;
  if (ts.isYieldExpression(parent)) return false; // it becomes an argument
  if (ts.isVariableDeclaration(parent) || ts.isBindingElement(parent)) return parent.initializer !== node;
  if (ts.isBinaryExpression(parent)) {
    const kind = parent.operatorToken.kind;
    if (kind === ts.SyntaxKind.CommaToken) return false;
    const assignment = kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment;
    return !(assignment && parent.right === node);
  }
  if (ts.isCallExpression(parent) || ts.isNewExpression(parent)) return parent.expression === node;
  if (ts.isSpreadElement(parent) || ts.isSpreadAssignment(parent) || ts.isArrayLiteralExpression(parent)) return false;
  if (ts.isPropertyAssignment(parent)) return parent.initializer !== node;
  if (ts.isShorthandPropertyAssignment(parent)) return false;
  if (ts.isComputedPropertyName(parent) || ts.isTemplateSpan(parent)) return false;
  if (ts.isElementAccessExpression(parent)) return parent.argumentExpression !== node;
  if (ts.isConditionalExpression(parent)) return parent.condition === node;
  if (ts.isIfStatement(parent) || ts.isWhileStatement(parent) || ts.isDoStatement(parent)) return false;
  if (ts.isSwitchStatement(parent) || ts.isCaseClause(parent)) return false;
  if (ts.isForStatement(parent) || ts.isForOfStatement(parent) || ts.isForInStatement(parent)) return false;
  if (ts.isArrowFunction(parent)) return parent.body !== node; // the body becomes a return
  if (ts.isJsxExpression(parent)) return false;
  return true;
}

/** Whether a statement that starts with a parenthesis at `position` would continue the statement before it. */
export function continuesPrevious(position: number, node: TS.Node, file: TS.SourceFile): boolean {
  let statement: TS.Node = node;
  while (!ts.isExpressionStatement(statement)) {
    if (ts.isSourceFile(statement) || ts.isBlock(statement)) return false;
    statement = statement.parent;
  }
  if (statement.getStart(file) !== position) return false;
  const siblings = (statement.parent as { statements?: TS.NodeArray<TS.Statement> }).statements;
  const at = siblings?.indexOf(statement) ?? -1;
  const previous = at > 0 ? siblings?.[at - 1] : undefined;
  if (previous === undefined) return false;
  if (file.text[previous.end - 1] === ";") return false;
  const last = trailingStatement(previous);
  return !(
    ts.isBlock(last) ||
    ts.isFunctionDeclaration(last) ||
    ts.isClassDeclaration(last) ||
    ts.isSwitchStatement(last) ||
    ts.isTryStatement(last) ||
    ts.isInterfaceDeclaration(last) ||
    ts.isEnumDeclaration(last) ||
    ts.isModuleDeclaration(last)
  );
}

/** The statement whose end is the end of `statement`: the body of a loop or branch, as far in as it goes. */
function trailingStatement(statement: TS.Statement): TS.Statement {
  if (ts.isIfStatement(statement)) return trailingStatement(statement.elseStatement ?? statement.thenStatement);
  if (ts.isIterationStatement(statement, false) && !ts.isDoStatement(statement)) {
    return trailingStatement(statement.statement);
  }
  if (ts.isLabeledStatement(statement)) return trailingStatement(statement.statement);
  return statement;
}
