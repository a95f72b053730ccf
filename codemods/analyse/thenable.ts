/** What waiting for an expression means, by its type and, where the type says nothing, by what it is made of. */
import { ts, type TS } from "../compiler.js";
import { forEachOwn, isOwnScope, skipParentheses } from "./syntax.js";

/**
 * `promise`: the language's own promise. `thenable`: something else with a `then`. `plain`: certainly neither.
 * `maybe`: some values are and some are not. `any`: the type does not say.
 */
export type Waited = "promise" | "thenable" | "plain" | "maybe" | "any";

export function waitedKind(expression: TS.Expression, checker: TS.TypeChecker): Waited {
  // Asking for a type is dear, and most of what functions give is written so.
  if (isEvidentlyPlain(skipParentheses(expression))) return "plain";
  const kind = kindOfType(checker.getTypeAtLocation(expression), checker, 0);
  if ((kind === "any" || kind === "maybe") && isPlain(expression, checker)) return "plain";
  return kind;
}

/** What waiting for a value of a type means. */
export function waitedKindOfType(type: TS.Type, checker: TS.TypeChecker): Waited {
  return kindOfType(type, checker, 0);
}

function kindOfType(type: TS.Type, checker: TS.TypeChecker, depth: number): Waited {
  if ((type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) !== 0) return "any";
  if ((type.flags & ts.TypeFlags.Never) !== 0) return "maybe";
  if (type.isUnion()) {
    const kinds = new Set(type.types.map((member) => kindOfType(member, checker, depth)));
    if (kinds.has("any")) return "any";
    if (kinds.size === 1) return [...kinds][0] ?? "maybe";
    return kinds.has("plain") || kinds.has("maybe") ? "maybe" : "thenable";
  }
  if ((type.flags & ts.TypeFlags.Instantiable) !== 0) {
    const constraint = checker.getBaseConstraintOfType(type);
    if (constraint === undefined || constraint === type || depth > 3) return "maybe";
    const kind = kindOfType(constraint, checker, depth + 1);
    return kind === "promise" || kind === "thenable" ? kind : isPrimitive(constraint) ? "plain" : "maybe";
  }
  if (isPrimitive(type)) return "plain";
  const then = checker.getPropertyOfType(type, "then");
  if (then === undefined) {
    // `object` and `{}` may hold anything.
    const open =
      (type.flags & ts.TypeFlags.NonPrimitive) !== 0 ||
      (checker.getPropertiesOfType(type).length === 0 &&
        type.getCallSignatures().length === 0 &&
        type.getConstructSignatures().length === 0 &&
        checker.getIndexInfosOfType(type).length === 0);
    return open ? "maybe" : "plain";
  }
  const callable = checker.getTypeOfSymbol(then).getCallSignatures().length > 0;
  if (!callable) return (checker.getTypeOfSymbol(then).flags & ts.TypeFlags.Any) !== 0 ? "maybe" : "plain";
  return isNativePromise(type) ? "promise" : "thenable";
}

function isPrimitive(type: TS.Type): boolean {
  const primitive =
    ts.TypeFlags.StringLike |
    ts.TypeFlags.NumberLike |
    ts.TypeFlags.BigIntLike |
    ts.TypeFlags.BooleanLike |
    ts.TypeFlags.ESSymbolLike |
    ts.TypeFlags.VoidLike |
    ts.TypeFlags.Null;
  return (type.flags & primitive) !== 0 && (type.flags & ts.TypeFlags.Instantiable) === 0;
}

function isNativePromise(type: TS.Type): boolean {
  const symbol = type.getSymbol();
  return (
    (symbol?.name === "Promise" || symbol?.name === "PromiseLike") &&
    (symbol.declarations ?? []).some((declaration) => /\/lib\.[^/]*d\.ts$/.test(declaration.getSourceFile().fileName))
  );
}

/** Whether an expression cannot be a thenable because of how it is written, whatever its type. */
function isPlain(expression: TS.Expression, checker: TS.TypeChecker, depth = 0): boolean {
  if (depth > 6) return false;
  const node = skipParentheses(expression);
  const plain = (inner: TS.Expression): boolean => isPlain(inner, checker, depth + 1);
  if (ts.isAwaitExpression(node)) return true; // what await gives has been unwrapped
  if (ts.isAsExpression(node) || ts.isNonNullExpression(node) || ts.isSatisfiesExpression(node))
    return plain(node.expression);
  if (ts.isConditionalExpression(node)) return plain(node.whenTrue) && plain(node.whenFalse);
  if (ts.isBinaryExpression(node)) {
    const kind = node.operatorToken.kind;
    if (
      kind === ts.SyntaxKind.QuestionQuestionToken ||
      kind === ts.SyntaxKind.BarBarToken ||
      kind === ts.SyntaxKind.AmpersandAmpersandToken
    ) {
      return plain(node.left) && plain(node.right);
    }
    if (kind === ts.SyntaxKind.CommaToken || kind === ts.SyntaxKind.EqualsToken) return plain(node.right);
    return isArithmetic(kind);
  }
  if (ts.isObjectLiteralExpression(node)) {
    return !node.properties.some(
      (property) =>
        ts.isSpreadAssignment(property) ||
        property.name.getText() === "then" ||
        ts.isComputedPropertyName(property.name),
    );
  }
  if (ts.isIdentifier(node)) return node.text === "undefined" || isPlainVariable(node, checker, depth);
  if (node.kind === ts.SyntaxKind.ThisKeyword) {
    const own = checker.getBaseConstraintOfType(checker.getTypeAtLocation(node));
    return own !== undefined && kindOfType(own, checker, 0) === "plain";
  }
  return (
    isEvidentlyPlain(node) ||
    ts.isArrayLiteralExpression(node) ||
    (ts.isNewExpression(node) && isBuiltIn(node.expression))
  );
}

/** Whether an expression by itself, without what stands in it, says that its value has no `then`. */
function isEvidentlyPlain(node: TS.Expression): boolean {
  return (
    (ts.isBinaryExpression(node) && isArithmetic(node.operatorToken.kind)) ||
    ts.isLiteralExpression(node) ||
    ts.isTemplateExpression(node) ||
    ts.isFunctionExpression(node) ||
    ts.isArrowFunction(node) ||
    ts.isPrefixUnaryExpression(node) ||
    ts.isPostfixUnaryExpression(node) ||
    ts.isTypeOfExpression(node) ||
    ts.isVoidExpression(node) ||
    ts.isDeleteExpression(node) ||
    node.kind === ts.SyntaxKind.TrueKeyword ||
    node.kind === ts.SyntaxKind.FalseKeyword ||
    node.kind === ts.SyntaxKind.NullKeyword
  );
}

/** Arithmetic, comparison, and the like: neither an assignment nor one of the operators that give an operand. */
function isArithmetic(operator: TS.SyntaxKind): boolean {
  const gives = [
    ts.SyntaxKind.QuestionQuestionToken,
    ts.SyntaxKind.BarBarToken,
    ts.SyntaxKind.AmpersandAmpersandToken,
    ts.SyntaxKind.CommaToken,
  ];
  return (
    !gives.includes(operator) && (operator < ts.SyntaxKind.FirstAssignment || operator > ts.SyntaxKind.LastAssignment)
  );
}

function isBuiltIn(callee: TS.Expression): boolean {
  return (
    ts.isIdentifier(callee) &&
    ["Error", "TypeError", "RangeError", "Map", "Set", "WeakMap", "WeakSet", "Date", "Array", "URL", "RegExp"].includes(
      callee.text,
    )
  );
}

/** A local variable all of whose values are plain. */
function isPlainVariable(identifier: TS.Identifier, checker: TS.TypeChecker, depth: number): boolean {
  const declaration = checker.getSymbolAtLocation(identifier)?.valueDeclaration;
  if (
    declaration === undefined ||
    !ts.isVariableDeclaration(declaration) ||
    !ts.isVariableDeclarationList(declaration.parent) ||
    (ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Ambient) !== 0
  ) {
    return false;
  }
  const holder = declaration.parent.parent;
  const isConstant = (declaration.parent.flags & ts.NodeFlags.Const) !== 0;
  // The items of the loop have been waited for.
  if (ts.isForOfStatement(holder) && holder.awaitModifier !== undefined) {
    return isConstant && ts.isIdentifier(declaration.name);
  }
  if (!ts.isVariableStatement(holder)) return false;
  const values: TS.Expression[] = declaration.initializer === undefined ? [] : [declaration.initializer];
  if (!isConstant) {
    let scope: TS.Node = declaration;
    while (!ts.isSourceFile(scope) && !isOwnScope(scope)) scope = scope.parent;
    let assignedElsewhere = false;
    const visit = (node: TS.Node): void => {
      if (ts.isIdentifier(node) && node.text === identifier.text) {
        const parent = node.parent;
        if (ts.isBinaryExpression(parent) && parent.left === node && isAssignment(parent)) {
          if (parent.operatorToken.kind === ts.SyntaxKind.EqualsToken) values.push(parent.right);
        } else if (isPatternTarget(node)) assignedElsewhere = true;
      }
      ts.forEachChild(node, visit);
    };
    visit(scope);
    if (assignedElsewhere) return false;
  }
  return values.every((value) => isPlain(value, checker, depth + 1));
}

function isAssignment(node: TS.BinaryExpression): boolean {
  const kind = node.operatorToken.kind;
  return kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment;
}

/** An identifier assigned through a pattern or a loop head, where the value is not in sight. */
function isPatternTarget(node: TS.Identifier): boolean {
  for (let current: TS.Node = node; current.parent !== undefined; current = current.parent) {
    const parent: TS.Node = current.parent;
    if (ts.isBinaryExpression(parent)) {
      return parent.left === current && parent.left !== node && isAssignment(parent);
    }
    if (ts.isForOfStatement(parent) || ts.isForInStatement(parent)) return parent.initializer === current;
    if (
      !ts.isArrayLiteralExpression(parent) &&
      !ts.isObjectLiteralExpression(parent) &&
      !ts.isPropertyAssignment(parent) &&
      !ts.isShorthandPropertyAssignment(parent) &&
      !ts.isSpreadElement(parent)
    ) {
      return false;
    }
  }
  return false;
}

/** Whether a function's own code declares something with `await using`. */
export function declaresAwaitUsing(body: TS.Node): boolean {
  let found = false;
  forEachOwn(body, (node) => {
    found ||=
      ts.isVariableDeclarationList(node) && (node.flags & ts.NodeFlags.AwaitUsing) === Number(ts.NodeFlags.AwaitUsing);
  });
  return found;
}
