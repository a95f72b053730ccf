/** Chains of `then`, `catch` and `finally`: what they are made of, and whether their callbacks can be taken apart. */
import {
  forEachOwn,
  isPropertyName,
  short,
  skipParentheses,
  usesArguments,
  usesNewTarget,
  usesThis,
} from "../analyse/syntax.js";
import { waitedKind } from "../analyse/thenable.js";
import { ts, type TS } from "../compiler.js";
import type { Reason } from "../plan.js";

/** A callback that is written out where it is handed over. */
export type Written = (TS.ArrowFunction | TS.FunctionExpression) & { body: TS.ConciseBody };

/** `body`: a function literal. `name`: a reference to a function, called with the value or error. */
export type Handler =
  | { readonly kind: "body"; readonly node: Written }
  | { readonly kind: "name"; readonly node: TS.Expression; readonly takesValue: boolean };

export interface Link {
  readonly call: TS.CallExpression;
  /** What the link is called on: the chain so far. */
  readonly before: TS.Expression;
  readonly onValue: Handler | undefined;
  readonly onError: Handler | undefined;
  readonly onEnd: Handler | undefined;
}

export interface Chain {
  readonly node: TS.CallExpression;
  /** The expression that gives the first promise. */
  readonly head: TS.Expression;
  readonly links: readonly Link[];
}

/** Why a chain stays as it is. */
export class NotLowered extends Error {
  override readonly name = "NotLowered";
  constructor(readonly reason: Reason) {
    super(reason.message);
  }
}

export function refuse(code: Reason["code"], message: string): never {
  throw new NotLowered({ code, message });
}

export function linkName(node: TS.Node): "then" | "catch" | "finally" | undefined {
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return undefined;
  const name = node.expression.name.text;
  return name === "then" || name === "catch" || name === "finally" ? name : undefined;
}

/** The chain that `expression` is, or undefined when it has no link. Throws {@link NotLowered} for one that must stay. */
export function readChain(expression: TS.Expression, checker: TS.TypeChecker): Chain | undefined {
  const node = skipParentheses(expression);
  if (linkName(node) === undefined) return undefined;
  const links: Link[] = [];
  let current: TS.Expression = node;
  for (;;) {
    const call = skipParentheses(current);
    if (!ts.isCallExpression(call) || linkName(call) === undefined) break;
    const link = readLink(call, checker);
    links.unshift(link);
    current = link.before;
  }
  return { node: node as TS.CallExpression, head: current, links };
}

function readLink(call: TS.CallExpression, checker: TS.TypeChecker): Link {
  const access = call.expression as TS.PropertyAccessExpression;
  const name = access.name.text;
  const before = access.expression;
  if ((call.flags & ts.NodeFlags.OptionalChain) !== 0) refuse("TR1810", `\`?.${name}\` may not be called at all`);
  const kind = waitedKind(before, checker);
  const text = short(before);
  if (kind === "any") refuse("TR1001", `the type of ${text} does not say whether it is a promise`);
  if (kind !== "promise") refuse("TR1003", `${text} is not the language's own promise`);
  if (call.typeArguments !== undefined) refuse("TR1305", `\`${name}\` has type arguments`);
  const most = name === "then" ? 2 : 1;
  if (call.arguments.some(ts.isSpreadElement)) refuse("TR1305", `the callbacks of \`${name}\` are spread`);
  if (call.arguments.length > most) refuse("TR1305", `\`${name}\` has more than ${most} arguments`);
  const handlers = call.arguments.map((argument) => readHandler(argument, name, checker));
  return {
    call,
    before,
    onValue: name === "then" ? handlers[0] : undefined,
    onError: name === "then" ? handlers[1] : name === "catch" ? handlers[0] : undefined,
    onEnd: name === "finally" ? handlers[0] : undefined,
  };
}

/** What is not a function counts as no callback at all. */
function readHandler(argument: TS.Expression, link: string, checker: TS.TypeChecker): Handler | undefined {
  const node = skipParentheses(argument);
  if (node.kind === ts.SyntaxKind.NullKeyword || (ts.isIdentifier(node) && node.text === "undefined")) return undefined;
  if (ts.isArrowFunction(node) || ts.isFunctionExpression(node)) {
    requireSimple(node, link);
    return { kind: "body", node: node };
  }
  const type = checker.getTypeAtLocation(node);
  const [signature, ...others] = type.getCallSignatures();
  if (signature === undefined || others.length > 0 || type.isUnion()) {
    // Overloads are no obstacle for what is known to take one value.
    if (signature === undefined || !isFixedMember(node)) {
      refuse("TR1305", `${short(node)} may not be a function, or one of several`);
    }
  }
  if (!isFixed(node, checker)) refuse("TR1305", `${short(node)} is found when the chain is made, not when it runs`);
  const takesValue = signature.parameters.length > 0 || takesMore(signature);
  return { kind: "name", node, takesValue };
}

/** A declared function that reads `arguments`, in JavaScript, takes what it does not name. */
function takesMore(signature: TS.Signature): boolean {
  const declaration = signature.getDeclaration() as TS.SignatureDeclaration | undefined;
  return (
    declaration !== undefined &&
    ts.isFunctionLike(declaration) &&
    "body" in declaration &&
    declaration.body !== undefined &&
    usesArguments(declaration as Written)
  );
}

/** A name that means the same function whenever it is read. */
function isFixed(node: TS.Expression, checker: TS.TypeChecker): boolean {
  if (isFixedMember(node)) return true;
  if (!ts.isIdentifier(node)) return false;
  let symbol = checker.getSymbolAtLocation(node);
  if (symbol !== undefined && (symbol.flags & ts.SymbolFlags.Alias) !== 0) symbol = checker.getAliasedSymbol(symbol);
  const declaration = symbol?.valueDeclaration;
  if (declaration === undefined) return false;
  if (declaration.getSourceFile().isDeclarationFile) return true;
  if (ts.isFunctionDeclaration(declaration)) return true;
  if (ts.isParameter(declaration)) return !isAssigned(declaration.parent, node.text);
  return (
    ts.isVariableDeclaration(declaration) &&
    ts.isVariableDeclarationList(declaration.parent) &&
    (declaration.parent.flags & ts.NodeFlags.Const) !== 0
  );
}

const fixedHolders = /^(JSON|Object|Array|Number|String|Boolean|Math|Buffer)$/;

/** A static function of the language that does not read its `this`. */
function isFixedMember(node: TS.Expression): boolean {
  return (
    (ts.isPropertyAccessExpression(node) &&
      ts.isIdentifier(node.expression) &&
      /^(JSON|Object|Number|Math)$/.test(node.expression.text)) ||
    (ts.isIdentifier(node) && fixedHolders.test(node.text))
  );
}

export function isAssigned(scope: TS.Node, name: string): boolean {
  let found = false;
  const visit = (node: TS.Node): void => {
    if (
      (ts.isBinaryExpression(node) &&
        node.operatorToken.kind >= ts.SyntaxKind.FirstAssignment &&
        node.operatorToken.kind <= ts.SyntaxKind.LastAssignment &&
        mentions(node.left, name)) ||
      ((ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) &&
        (node.operator === ts.SyntaxKind.PlusPlusToken || node.operator === ts.SyntaxKind.MinusMinusToken) &&
        mentions(node.operand, name)) ||
      ((ts.isForOfStatement(node) || ts.isForInStatement(node)) && mentions(node.initializer, name))
    ) {
      found = true;
    }
    if (!found) ts.forEachChild(node, visit);
  };
  visit(scope);
  return found;
}

function mentions(node: TS.Node, name: string): boolean {
  if (ts.isIdentifier(node)) return node.text === name && !isPropertyName(node);
  return ts.forEachChild(node, (child) => mentions(child, name) || undefined) ?? false;
}

function requireSimple(node: Written, link: string): void {
  const what = `a callback of \`${link}\``;
  if (node.asteriskToken !== undefined) refuse("TR1305", `${what} is a generator function`);
  if (node.typeParameters !== undefined) refuse("TR1305", `${what} has type parameters`);
  if (usesNewTarget(node)) refuse("TR1102", `${what} reads \`new.target\``);
  if (ts.isFunctionExpression(node)) {
    if (usesThis(node) || usesArguments(node) || node.name !== undefined) {
      refuse("TR1305", `${what} has a \`this\`, \`arguments\` or name of its own`);
    }
  } else if (usesArguments(node)) refuse("TR1101", `${what} reads the outer \`arguments\``);
  const most = link === "finally" ? 0 : 1;
  if (node.parameters.length > most) refuse("TR1305", `${what} has more than ${most} parameters`);
  const parameter = node.parameters[0];
  if (parameter?.initializer !== undefined || parameter?.dotDotDotToken !== undefined) {
    refuse("TR1305", `the parameter of ${what} has a default or takes the rest`);
  }
  if (ts.isBlock(node.body)) {
    let obstacle: string | undefined;
    forEachOwn(node.body, (inner) => {
      if (ts.isVariableDeclarationList(inner) && (inner.flags & ts.NodeFlags.BlockScoped) === 0) obstacle ??= "var";
    });
    const first = node.body.statements[0];
    if (first !== undefined && ts.isExpressionStatement(first) && ts.isStringLiteral(first.expression)) {
      obstacle ??= "a directive";
    }
    if (obstacle !== undefined) refuse("TR1305", `${what} has ${obstacle} of its own`);
  }
}

/** Every own `return` of a block, in order. */
export function returnsOf(body: TS.Block): TS.ReturnStatement[] {
  const found: TS.ReturnStatement[] = [];
  forEachOwn(body, (node) => {
    if (ts.isReturnStatement(node)) found.push(node);
  });
  return found;
}

/** Whether the end of `statements` is never reached. */
export function alwaysLeaves(statements: readonly TS.Statement[]): boolean {
  const last = statements.filter((statement) => !ts.isFunctionDeclaration(statement)).at(-1);
  if (last === undefined) return false;
  if (ts.isReturnStatement(last) || ts.isThrowStatement(last)) return true;
  if (ts.isBlock(last)) return alwaysLeaves(last.statements);
  if (ts.isIfStatement(last)) {
    return last.elseStatement !== undefined && alwaysLeaves([last.thenStatement]) && alwaysLeaves([last.elseStatement]);
  }
  if (ts.isTryStatement(last)) {
    if (last.finallyBlock !== undefined && alwaysLeaves(last.finallyBlock.statements)) return true;
    return (
      alwaysLeaves(last.tryBlock.statements) &&
      (last.catchClause === undefined || alwaysLeaves(last.catchClause.block.statements))
    );
  }
  if (ts.isSwitchStatement(last)) {
    const { clauses } = last.caseBlock;
    let breaks = false;
    forEachOwn(last.caseBlock, (node) => {
      if (ts.isBreakStatement(node)) breaks = true;
    });
    return !breaks && clauses.some(ts.isDefaultClause) && alwaysLeaves(clauses[clauses.length - 1]?.statements ?? []);
  }
  return false;
}

/**
 * Whether evaluating the expression that gives a promise cannot throw: then it does not matter whether that stands
 * inside a `try`. `isOwn` says of a call that its callee answers by a rejection whatever goes wrong in it.
 */
export function neverThrows(expression: TS.Expression, isOwn: (call: TS.CallExpression) => boolean): boolean {
  const node = skipParentheses(expression);
  const calm = (inner: TS.Expression): boolean => neverThrows(inner, isOwn);
  if (ts.isCallExpression(node)) {
    return isCalmCallee(node) && node.arguments.every(calm) && (isOwn(node) || isRejecting(node));
  }
  if (ts.isNewExpression(node)) {
    return ts.isIdentifier(node.expression) && node.expression.text === "Promise" && node.arguments?.length === 1;
  }
  if (ts.isArrayLiteralExpression(node)) return node.elements.every(calm);
  if (ts.isObjectLiteralExpression(node)) {
    return node.properties.every(
      (property) =>
        ts.isShorthandPropertyAssignment(property) ||
        ts.isMethodDeclaration(property) ||
        (ts.isPropertyAssignment(property) &&
          !ts.isComputedPropertyName(property.name) &&
          calm(property.initializer)) ||
        (ts.isSpreadAssignment(property) && calm(property.expression)),
    );
  }
  if (ts.isPropertyAccessExpression(node)) return isCalmHolder(node.expression);
  if (ts.isConditionalExpression(node)) return calm(node.condition) && calm(node.whenTrue) && calm(node.whenFalse);
  if (ts.isBinaryExpression(node)) {
    const kind = node.operatorToken.kind;
    const calmOperator =
      kind === ts.SyntaxKind.BarBarToken ||
      kind === ts.SyntaxKind.AmpersandAmpersandToken ||
      kind === ts.SyntaxKind.QuestionQuestionToken ||
      kind === ts.SyntaxKind.EqualsEqualsEqualsToken ||
      kind === ts.SyntaxKind.ExclamationEqualsEqualsToken;
    return calmOperator && calm(node.left) && calm(node.right);
  }
  if (ts.isAsExpression(node) || ts.isNonNullExpression(node)) return calm(node.expression);
  return (
    ts.isIdentifier(node) ||
    ts.isStringLiteralLike(node) ||
    ts.isNumericLiteral(node) ||
    ts.isArrowFunction(node) ||
    ts.isFunctionExpression(node) ||
    node.kind === ts.SyntaxKind.ThisKeyword ||
    node.kind === ts.SyntaxKind.TrueKeyword ||
    node.kind === ts.SyntaxKind.FalseKeyword ||
    node.kind === ts.SyntaxKind.NullKeyword
  );
}

function isCalmCallee(call: TS.CallExpression): boolean {
  const callee = skipParentheses(call.expression);
  if (ts.isIdentifier(callee) || ts.isArrowFunction(callee) || ts.isFunctionExpression(callee)) return true;
  if (callee.kind === ts.SyntaxKind.ImportKeyword) return true;
  return ts.isPropertyAccessExpression(callee) && isCalmHolder(callee.expression);
}

/** What surely has properties: `this`, and a name, which is not known to be null by its type. */
function isCalmHolder(node: TS.Expression): boolean {
  if (node.kind === ts.SyntaxKind.ThisKeyword || node.kind === ts.SyntaxKind.SuperKeyword) return true;
  if (ts.isPropertyAccessExpression(node)) return isCalmHolder(node.expression);
  return ts.isIdentifier(node);
}

/** Functions of the platform that never throw at the call. */
function isRejecting(call: TS.CallExpression): boolean {
  const callee = skipParentheses(call.expression);
  if (callee.kind === ts.SyntaxKind.ImportKeyword) return true;
  if (ts.isIdentifier(callee)) return callee.text === "fetch";
  return (
    ts.isPropertyAccessExpression(callee) &&
    ts.isIdentifier(callee.expression) &&
    callee.expression.text === "Promise" &&
    /^(resolve|reject|all|allSettled|race|any)$/.test(callee.name.text)
  );
}

/** Every name that a parameter or declaration binds. */
export function boundNames(name: TS.BindingName): TS.Identifier[] {
  if (ts.isIdentifier(name)) return [name];
  return name.elements.flatMap((element) => (ts.isOmittedExpression(element) ? [] : boundNames(element.name)));
}

/** The names that the statements of a block declare for the whole of it. */
export function declaredNames(block: TS.Block): TS.Identifier[] {
  return block.statements.flatMap((statement) => {
    if (ts.isVariableStatement(statement)) {
      return statement.declarationList.declarations.flatMap((declaration) => boundNames(declaration.name));
    }
    if ((ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)) && statement.name !== undefined) {
      return [statement.name];
    }
    return [];
  });
}
