/**
 * Functions that give a promise without being `async`, and what would be seen if they were: an async function answers by
 * a promise of its own, and never throws at the call.
 */
import {
  forEachOwn,
  type FunctionNode,
  isAsyncFunctionNode,
  isOwnScope,
  short,
  skipParentheses,
} from "../analyse/syntax.js";
import { waitedKind } from "../analyse/thenable.js";
import { ts, type TS } from "../compiler.js";
import type { Reason } from "../plan.js";
import { alwaysLeaves, boundNames } from "./chain.js";

type WithBody = FunctionNode & { body: TS.ConciseBody };

/** A function without `async` that could have it: by its form, and because every value it gives is a promise. */
export function isPromising(node: TS.Node, checker: TS.TypeChecker): node is WithBody {
  if (!isFunctionWithBody(node) || node.asteriskToken !== undefined) return false;
  if (node.modifiers?.some((modifier) => modifier.kind === ts.SyntaxKind.AsyncKeyword) === true) return false;
  if (!returnsPromiseType(node)) return false;
  const { body } = node;
  if (!ts.isBlock(body)) return waitedKind(body, checker) === "promise";
  const returned = returnedBy(node);
  return (
    returned.length > 0 &&
    alwaysLeaves(body.statements) &&
    returned.every((expression) => expression !== undefined && waitedKind(expression, checker) === "promise")
  );
}

function isFunctionWithBody(node: TS.Node): node is WithBody {
  return (
    (ts.isFunctionDeclaration(node) ||
      ts.isFunctionExpression(node) ||
      ts.isArrowFunction(node) ||
      ts.isMethodDeclaration(node)) &&
    node.body !== undefined
  );
}

/** Only a return type that is written `Promise<T>`, or none, may stand on an async function. */
function returnsPromiseType(node: WithBody): boolean {
  const { type } = node;
  if (type === undefined) return true;
  return (
    ts.isTypeReferenceNode(type) &&
    ts.isIdentifier(type.typeName) &&
    type.typeName.text === "Promise" &&
    type.typeArguments?.length === 1
  );
}

/** What the own `return`s of a function give; undefined for one that gives nothing. */
export function returnedBy(node: WithBody): (TS.Expression | undefined)[] {
  const { body } = node;
  if (!ts.isBlock(body)) return [body];
  const found: (TS.Expression | undefined)[] = [];
  forEachOwn(body, (inner) => {
    if (ts.isReturnStatement(inner)) found.push(inner.expression);
  });
  return found;
}

/** What callers could see of functions being `async`. */
export class SynchronousThrows {
  readonly #checker: TS.TypeChecker;
  /** By function: what it throws at the call, if anything. */
  readonly #known = new Map<TS.Node, string | undefined>();

  constructor(checker: TS.TypeChecker) {
    this.#checker = checker;
  }

  /** Why a function must stay as it is, or undefined. */
  obstacleOf(node: WithBody): Reason | undefined {
    for (const expression of returnedBy(node)) {
      const stored = expression === undefined ? undefined : storedIn(expression);
      if (stored !== undefined) {
        return { code: "TR1005", message: `callers get the promise in \`${short(stored)}\` itself` };
      }
    }
    const thrown = this.#thrownBy(node);
    if (thrown === undefined) return undefined;
    return { code: "TR1309", message: `${thrown} throws at the call, and not from the promise` };
  }

  /** The text of what a function throws in its own, synchronous code. */
  #thrownBy(node: TS.SignatureDeclaration & { body?: TS.Node | undefined }): string | undefined {
    if (this.#known.has(node)) return this.#known.get(node);
    this.#known.set(node, undefined); // while a cycle is being looked at
    const parameters = new Set(node.parameters.flatMap((parameter) => boundNames(parameter.name)).map((n) => n.text));
    let found: string | undefined;
    const visit = (inner: TS.Node): void => {
      if (found !== undefined || isOwnScope(inner)) return;
      if (ts.isThrowStatement(inner)) found = `\`${short(inner)}\``;
      else if (ts.isCallExpression(inner) || ts.isNewExpression(inner)) found = this.#thrownIn(inner, parameters);
      if (found === undefined) ts.forEachChild(inner, visit);
    };
    for (const { initializer } of node.parameters) if (initializer !== undefined) visit(initializer);
    if (node.body !== undefined) {
      if (ts.isBlock(node.body)) ts.forEachChild(node.body, visit);
      else visit(node.body);
    }
    this.#known.set(node, found);
    return found;
  }

  #thrownIn(call: TS.CallExpression | TS.NewExpression, parameters: ReadonlySet<string>): string | undefined {
    const callee = skipParentheses(call.expression);
    // A function that somebody else hands in may throw.
    if (ts.isIdentifier(callee) && parameters.has(callee.text)) return `\`${short(callee)}\``;
    if (throwsByName.test(callee.getText())) return `\`${short(callee)}\``;
    const declaration = this.#checker.getResolvedSignature(call)?.declaration as TS.SignatureDeclaration | undefined;
    if (declaration === undefined || !("body" in declaration) || declaration.body === undefined) return undefined;
    if (ts.canHaveModifiers(declaration) && isAsyncFunctionNode(declaration)) return undefined;
    if (ts.isFunctionLike(declaration) && (declaration as TS.FunctionDeclaration).asteriskToken !== undefined)
      return undefined;
    return this.#thrownBy(declaration) === undefined ? undefined : `\`${short(callee)}\``;
  }
}

/** Functions of the platform whose purpose includes throwing. */
const throwsByName = /^(JSON\.parse|URL|decodeURI(Component)?|structuredClone|assert(\.\w+)?|.*Sync)$/;

/** A returned promise that somebody else may hold, too. */
function storedIn(expression: TS.Expression): TS.Expression | undefined {
  const node = skipParentheses(expression);
  if (ts.isConditionalExpression(node)) return storedIn(node.whenTrue) ?? storedIn(node.whenFalse);
  if (ts.isBinaryExpression(node)) return node;
  if (ts.isAsExpression(node) || ts.isNonNullExpression(node)) return storedIn(node.expression);
  if (ts.isCallExpression(node) || ts.isNewExpression(node)) return undefined;
  return node;
}
