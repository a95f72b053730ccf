/** What a callback does about the error that it may be given: which part of it is for a failure, and which for a success. */
import { forEachOwn, skipParentheses } from "../analyse/syntax.js";
import { ts, type TS } from "../compiler.js";
import { leaves, NotSequential, type Complete, type Flow, type Handler, type Step } from "./flow.js";

export type Handling =
  /** A failure is handed on as it is. */
  | { readonly kind: "pass"; readonly success: Flow }
  /** A failure for which `test` holds, or any, takes a way of its own. */
  | { readonly kind: "catch"; readonly test: TS.Expression | undefined; readonly error: Flow; readonly success: Flow }
  /** A failure is as good as a success. */
  | { readonly kind: "ignore"; readonly body: Flow }
  /** The error is a value like any other. */
  | { readonly kind: "value"; readonly body: Flow };

/** What is known of variables that hold errors. */
export type Known = ReadonlyMap<TS.Symbol, "error" | "nothing">;

export function handlingOf(handler: Handler, checker: TS.TypeChecker): Handling {
  const { body, error } = handler;
  const symbol = error === undefined ? undefined : checker.getSymbolAtLocation(error);
  if (error === undefined || symbol === undefined) return { kind: "ignore", body };
  const mentions = (flow: Flow, freely = false): boolean =>
    flow.some((step) => stepMentions(step, symbol, error.text, checker, freely));
  if (!mentions(body)) return { kind: "ignore", body };
  const isError = (node: TS.Expression | undefined): boolean =>
    node !== undefined && isName(node, symbol, error.text, checker);
  if (isAssignedIn(handler.node.body, symbol, error.text, checker)) return { kind: "value", body };
  const [first, ...rest] = body;
  if (first === undefined) return { kind: "ignore", body };
  if (
    first.kind === "complete" &&
    isError(first.error) &&
    !first.values.some((value) => nodeMentions(value, symbol, error.text, checker))
  ) {
    return { kind: "pass", success: body };
  }
  if (first.kind !== "if") return { kind: "value", body };
  const split = (failure: Flow, success: Flow): Handling => {
    if (mentions(success, true)) return { kind: "value", body };
    for (const name of handler.values) {
      if (failure.some((step) => namesOf(name).some((one) => stepMentionsName(step, one, checker)))) {
        return { kind: "value", body };
      }
    }
    const [only, ...more] = failure;
    if (only?.kind === "complete" && more.length === 0 && isError(only.error) && only.values.length === 0) {
      return { kind: "pass", success };
    }
    return { kind: "catch", test: undefined, error: failure, success };
  };
  const test = skipParentheses(first.test);
  if (isError(test) && leaves(first.then)) return split(first.then, [...first.else, ...rest]);
  if (
    ts.isPrefixUnaryExpression(test) &&
    test.operator === ts.SyntaxKind.ExclamationToken &&
    isError(skipParentheses(test.operand)) &&
    leaves(first.then)
  ) {
    return split([...first.else, ...rest], first.then);
  }
  const condition = ts.isBinaryExpression(test) ? restOfConjunction(test, isError) : undefined;
  if (condition !== undefined && leaves(first.then) && first.else.length === 0 && !mentions(rest)) {
    const usesValues = handler.values.some((name) =>
      namesOf(name).some((one) => stepMentionsName({ ...first, else: [] }, one, checker)),
    );
    if (!usesValues) return { kind: "catch", test: condition, error: first.then, success: rest };
  }
  return { kind: "value", body };
}

/** Of `err && a`, the node `a`. Only of two operands, as the text of the second is taken as it stands. */
function restOfConjunction(
  test: TS.BinaryExpression,
  isError: (node: TS.Expression | undefined) => boolean,
): TS.Expression | undefined {
  if (test.operatorToken.kind !== ts.SyntaxKind.AmpersandAmpersandToken) return undefined;
  return isError(skipParentheses(test.left)) ? test.right : undefined;
}

/** Every call of the callback, with what is known of errors there. */
export function forEachComplete(
  flow: Flow,
  known: Known,
  checker: TS.TypeChecker,
  visit: (complete: Complete, known: Known) => void,
): void {
  for (const step of flow) {
    if (step.kind === "complete") visit(step, known);
    else if (step.kind === "local") forEachComplete(step.flow, new Map(), checker, visit);
    else if (step.kind === "if") {
      forEachComplete(step.then, known, checker, visit);
      forEachComplete(step.else, known, checker, visit);
    } else if (step.kind === "mixed") {
      for (const exit of step.exits) forEachComplete(exit.flow, known, checker, visit);
    } else if (step.kind === "wait" && step.callback !== undefined) {
      for (const part of partsOf(step.callback, known, checker)) forEachComplete(part.flow, part.known, checker, visit);
    }
  }
}

function partsOf(handler: Handler, known: Known, checker: TS.TypeChecker): { flow: Flow; known: Known }[] {
  const handling = handlingOf(handler, checker);
  switch (handling.kind) {
    case "pass":
      return [{ flow: handling.success, known: knowing(handler, known, "nothing", checker) }];
    case "catch":
      return [
        { flow: handling.error, known: knowing(handler, known, "error", checker) },
        {
          flow: handling.success,
          known: handling.test === undefined ? knowing(handler, known, "nothing", checker) : known,
        },
      ];
    default:
      return [{ flow: handling.body, known }];
  }
}

export function knowing(handler: Handler, known: Known, what: "error" | "nothing", checker: TS.TypeChecker): Known {
  const symbol = handler.error === undefined ? undefined : checker.getSymbolAtLocation(handler.error);
  return symbol === undefined ? known : new Map([...known, [symbol, what]]);
}

/** Whether what is told is an error for sure, none for sure, or either. */
export function outcomeOf(complete: Complete, known: Known, checker: TS.TypeChecker): "error" | "nothing" | "either" {
  const { error } = complete;
  if (error === undefined) return "nothing";
  const value = skipParentheses(error);
  if (ts.isIdentifier(value)) {
    const symbol = checker.getSymbolAtLocation(value);
    return (symbol === undefined ? undefined : known.get(symbol)) ?? "either";
  }
  if (ts.isNewExpression(value)) return "error";
  if (ts.isCallExpression(value) && value.expression.getText() === "Object.assign") {
    const [target] = value.arguments;
    return target !== undefined && ts.isNewExpression(skipParentheses(target)) ? "error" : "either";
  }
  return "either";
}

/** Of an error that is told together with results, nothing could be left out. */
export function refuseResultsOfErrors(complete: Complete): void {
  if (complete.values.length > 0) {
    throw new NotSequential("TR1810", "its callback is told an error and results at once");
  }
}

function namesOf(name: TS.BindingName): TS.Identifier[] {
  if (ts.isIdentifier(name)) return [name];
  return name.elements.flatMap((element) => (ts.isOmittedExpression(element) ? [] : namesOf(element.name)));
}

/** @param freely  where the callback is told of `symbol` as its error does not count */
function stepMentions(step: Step, symbol: TS.Symbol, name: string, checker: TS.TypeChecker, freely: boolean): boolean {
  const inNode = (node: TS.Node): boolean => nodeMentions(node, symbol, name, checker);
  const inFlow = (flow: Flow): boolean => flow.some((one) => stepMentions(one, symbol, name, checker, freely));
  switch (step.kind) {
    case "plain":
    case "mixed":
    case "local":
    case "jump":
      return inNode(step.node);
    case "if":
      return inNode(step.test) || inFlow(step.then) || inFlow(step.else);
    case "complete": {
      const told = step.error;
      const counts = told !== undefined && !(freely && isName(skipParentheses(told), symbol, name, checker));
      return (counts && inNode(told)) || step.values.some(inNode);
    }
    case "wait":
      return (
        inNode(step.callee.call.expression) ||
        step.callee.args.some(inNode) ||
        (step.callback !== undefined && inFlow(step.callback.body))
      );
  }
}

function stepMentionsName(step: Step, name: TS.Identifier, checker: TS.TypeChecker): boolean {
  const symbol = checker.getSymbolAtLocation(name);
  return symbol !== undefined && stepMentions(step, symbol, name.text, checker, false);
}

export function nodeMentions(node: TS.Node, symbol: TS.Symbol, name: string, checker: TS.TypeChecker): boolean {
  if (isName(node, symbol, name, checker)) return true;
  return ts.forEachChild(node, (child) => nodeMentions(child, symbol, name, checker) || undefined) ?? false;
}

export function isName(node: TS.Node, symbol: TS.Symbol, name: string, checker: TS.TypeChecker): boolean {
  if (!ts.isIdentifier(node) || node.text !== name) return false;
  const found = ts.isShorthandPropertyAssignment(node.parent)
    ? checker.getShorthandAssignmentValueSymbol(node.parent)
    : checker.getSymbolAtLocation(node);
  return found === symbol;
}

/** Whether a variable gets another value anywhere in `root`. */
export function isAssignedIn(root: TS.Node, symbol: TS.Symbol, name: string, checker: TS.TypeChecker): boolean {
  let found = false;
  const visit = (node: TS.Node): void => {
    if (isName(node, symbol, name, checker) && isTarget(node)) found = true;
    ts.forEachChild(node, visit);
  };
  visit(root);
  return found;
}

function isTarget(node: TS.Node): boolean {
  const { parent } = node;
  if (ts.isBinaryExpression(parent) && parent.left === node) {
    const { kind } = parent.operatorToken;
    return kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment;
  }
  if (ts.isPrefixUnaryExpression(parent) || ts.isPostfixUnaryExpression(parent)) {
    return parent.operator === ts.SyntaxKind.PlusPlusToken || parent.operator === ts.SyntaxKind.MinusMinusToken;
  }
  if (ts.isForOfStatement(parent) || ts.isForInStatement(parent)) return parent.initializer === node;
  // `[a, b] = pair`, `({ a } = pair)`
  return (
    (ts.isArrayLiteralExpression(parent) ||
      ts.isShorthandPropertyAssignment(parent) ||
      ts.isPropertyAssignment(parent)) &&
    isInPattern(parent)
  );
}

function isInPattern(node: TS.Node): boolean {
  let current = node;
  while (
    ts.isArrayLiteralExpression(current.parent) ||
    ts.isObjectLiteralExpression(current.parent) ||
    ts.isPropertyAssignment(current.parent)
  ) {
    current = current.parent;
  }
  const { parent } = current;
  return (
    ts.isBinaryExpression(parent) && parent.left === current && parent.operatorToken.kind === ts.SyntaxKind.EqualsToken
  );
}

/** The names that a callback brings into what follows its wait: its parameters, and what its body declares. */
export function bindingsOf(handler: Handler): TS.Identifier[] {
  const found = handler.values.flatMap(namesOf);
  const { body } = handler.node;
  if (!ts.isBlock(body)) return found;
  for (const statement of body.statements) {
    if (ts.isVariableStatement(statement)) {
      for (const declaration of statement.declarationList.declarations) found.push(...namesOf(declaration.name));
    } else if ((ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)) && statement.name) {
      found.push(statement.name);
    }
  }
  // `var` in blocks belongs to the whole function.
  forEachOwn(body, (node) => {
    if (!ts.isVariableDeclarationList(node) || (node.flags & ts.NodeFlags.BlockScoped) !== 0) return;
    if (node.parent.parent === body && ts.isVariableStatement(node.parent)) return;
    for (const declaration of node.declarations) found.push(...namesOf(declaration.name));
  });
  return found;
}
