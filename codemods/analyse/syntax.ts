/** Questions about syntax that several parts of the analysis ask: what belongs to a function, and what it uses. */
import { ts, type TS } from "../compiler.js";

export type FunctionNode = TS.FunctionDeclaration | TS.FunctionExpression | TS.ArrowFunction | TS.MethodDeclaration;

export function isAsyncFunctionNode(node: TS.Node): node is FunctionNode & { body: TS.ConciseBody } {
  return (
    (ts.isFunctionDeclaration(node) ||
      ts.isFunctionExpression(node) ||
      ts.isArrowFunction(node) ||
      ts.isMethodDeclaration(node)) &&
    node.body !== undefined &&
    (node.modifiers?.some((modifier) => modifier.kind === ts.SyntaxKind.AsyncKeyword) ?? false)
  );
}

/** A node whose body suspends on its own account: what lies inside belongs to it, not to the function around it. */
export function isOwnScope(node: TS.Node): boolean {
  return ts.isFunctionLike(node) || ts.isClassStaticBlockDeclaration(node) || ts.isPropertyDeclaration(node);
}

/** The nearest function-like ancestor, field initialiser or static block. */
export function enclosingScope(node: TS.Node): TS.Node | undefined {
  let current: TS.Node | undefined = node.parent;
  while (current !== undefined && !isOwnScope(current)) {
    // A computed name and a heritage clause belong to the scope around the member or class.
    if (ts.isComputedPropertyName(current) && isOwnScope(current.parent)) current = current.parent.parent;
    else current = current.parent;
  }
  return current;
}

/** Visits the nodes of `root` that belong to it and not to a function nested in it. */
export function forEachOwn(root: TS.Node, visit: (node: TS.Node) => void): void {
  const descend = (node: TS.Node): void => {
    if (isOwnScope(node)) {
      const name = (node as { name?: TS.Node }).name;
      if (name !== undefined && ts.isComputedPropertyName(name)) descend(name);
      return;
    }
    visit(node);
    ts.forEachChild(node, descend);
  };
  visit(root);
  ts.forEachChild(root, descend);
}

/** Visits `root` and everything in it, arrow functions included but no function with a `this` of its own. */
export function forEachSharingThis(root: TS.Node, visit: (node: TS.Node) => void): void {
  const descend = (node: TS.Node): void => {
    if ((isOwnScope(node) && !ts.isArrowFunction(node)) || ts.isClassLike(node)) return;
    visit(node);
    ts.forEachChild(node, descend);
  };
  visit(root);
  ts.forEachChild(root, descend);
}

export function usesThis(node: FunctionNode): boolean {
  return mentions(node, (inner) => inner.kind === ts.SyntaxKind.ThisKeyword);
}

export function usesSuper(node: FunctionNode): boolean {
  return mentions(node, (inner) => inner.kind === ts.SyntaxKind.SuperKeyword);
}

export function usesArguments(node: FunctionNode): boolean {
  return mentions(node, (inner) => ts.isIdentifier(inner) && inner.text === "arguments" && !isPropertyName(inner));
}

export function usesNewTarget(node: FunctionNode): boolean {
  return mentions(node, (inner) => ts.isMetaProperty(inner) && inner.keywordToken === ts.SyntaxKind.NewKeyword);
}

function mentions(node: FunctionNode, test: (inner: TS.Node) => boolean): boolean {
  let found = false;
  const look = (inner: TS.Node): void => {
    found ||= test(inner);
  };
  for (const parameter of node.parameters) forEachSharingThis(parameter, look);
  if (node.body !== undefined) forEachSharingThis(node.body, look);
  return found;
}

/** Whether an identifier names a member or property rather than a variable. */
export function isPropertyName(identifier: TS.Identifier | TS.PrivateIdentifier): boolean {
  const parent = identifier.parent;
  return (
    (ts.isPropertyAccessExpression(parent) && parent.name === identifier) ||
    (ts.isPropertyAssignment(parent) && parent.name === identifier) ||
    (ts.isMethodDeclaration(parent) && parent.name === identifier) ||
    (ts.isPropertyDeclaration(parent) && parent.name === identifier) ||
    (ts.isPropertySignature(parent) && parent.name === identifier) ||
    (ts.isMethodSignature(parent) && parent.name === identifier) ||
    (ts.isQualifiedName(parent) && parent.right === identifier) ||
    (ts.isBindingElement(parent) && parent.propertyName === identifier) ||
    (ts.isEnumMember(parent) && parent.name === identifier)
  );
}

export function skipParentheses(expression: TS.Expression): TS.Expression {
  let current = expression;
  while (ts.isParenthesizedExpression(current)) current = current.expression;
  return current;
}

/** The outermost of the parentheses directly around `expression`, or itself. */
export function withParentheses(expression: TS.Expression): TS.Expression {
  let current = expression;
  while (ts.isParenthesizedExpression(current.parent)) current = current.parent;
  return current;
}

export function containsOwn(root: TS.Node, test: (node: TS.Node) => boolean): boolean {
  let found = false;
  forEachOwn(root, (node) => {
    found ||= test(node);
  });
  return found;
}

/** The class a member or a node inside a member belongs to. */
export function enclosingClass(node: TS.Node): TS.ClassLikeDeclaration | undefined {
  let current: TS.Node | undefined = node.parent;
  while (current !== undefined) {
    if (ts.isClassLike(current)) return current;
    current = current.parent;
  }
  return undefined;
}

/** The statement that a class is made in, and by what text it is known behind that. */
export function namedClass(owner: TS.ClassLikeDeclaration): { statement: TS.Statement; text: string } | undefined {
  let statement: TS.Node = owner;
  let text = owner.name?.text;
  if (!ts.isClassDeclaration(owner)) {
    let outer = withParentheses(owner);
    text = undefined;
    // `exports = module.exports = internals.A = class {}`: known by each of them.
    while (isAssignmentOf(outer)) {
      if (isEntityName(outer.parent.left)) text ??= outer.parent.left.getText();
      statement = outer.parent.parent;
      outer = withParentheses(outer.parent);
    }
    const { parent } = outer;
    if (
      ts.isVariableDeclaration(parent) &&
      ts.isIdentifier(parent.name) &&
      ts.isVariableDeclarationList(parent.parent) &&
      parent.parent.declarations.length === 1
    ) {
      text = parent.name.text;
      statement = parent.parent.parent;
    }
  }
  if (text === undefined) return undefined;
  if (!ts.isClassDeclaration(statement) && !ts.isVariableStatement(statement) && !ts.isExpressionStatement(statement)) {
    return undefined;
  }
  return ts.isSourceFile(statement.parent) || ts.isBlock(statement.parent) ? { statement, text } : undefined;
}

function isAssignmentOf(value: TS.Node): value is TS.Expression & { readonly parent: TS.BinaryExpression } {
  const { parent } = value;
  return (
    ts.isBinaryExpression(parent) && parent.right === value && parent.operatorToken.kind === ts.SyntaxKind.EqualsToken
  );
}

/** `a`, or `a.b.c`. */
function isEntityName(node: TS.Expression): boolean {
  return ts.isIdentifier(node) || (ts.isPropertyAccessExpression(node) && isEntityName(node.expression));
}

export function hasModifier(node: TS.Node, kind: TS.SyntaxKind): boolean {
  return ts.canHaveModifiers(node) && (ts.getModifiers(node)?.some((modifier) => modifier.kind === kind) ?? false);
}

export function isJavaScriptFile(file: TS.SourceFile): boolean {
  return /\.[cm]?jsx?$/.test(file.fileName);
}

/** Whether the types in the comments of a JavaScript file are checked. */
export function isTypeChecked(file: TS.SourceFile, options: TS.CompilerOptions): boolean {
  return options.checkJs === true || /^\s*\/\/\s*@ts-check/m.test(file.text);
}

/** Whether a module is CommonJS in plain JavaScript, so that an import must be written as `require`. */
export function isCommonJsFile(file: TS.SourceFile): boolean {
  if (!isJavaScriptFile(file) || file.fileName.endsWith(".mjs")) return false;
  if (file.fileName.endsWith(".cjs")) return true;
  const hasModuleSyntax = file.statements.some(
    (statement) =>
      ts.isImportDeclaration(statement) ||
      ts.isExportDeclaration(statement) ||
      ts.isExportAssignment(statement) ||
      hasModifier(statement, ts.SyntaxKind.ExportKeyword),
  );
  if (hasModuleSyntax) return false;
  if (/\brequire\s*\(|\bmodule\.exports\b|\bexports\.\w/.test(file.text)) return true;
  return file.impliedNodeFormat !== ts.ModuleKind.ESNext;
}

/** The last name of what is called, or nothing. */
export function calledName(call: TS.CallExpression): string {
  const callee = skipParentheses(call.expression);
  if (ts.isIdentifier(callee)) return callee.text;
  return ts.isPropertyAccessExpression(callee) ? callee.name.text : "";
}

/** A piece of code on one line of a message. */
export function short(node: TS.Node): string {
  const line = node.getText().replace(/\s+/g, " ");
  return line.length > 40 ? `${line.slice(0, 37)}...` : line;
}
