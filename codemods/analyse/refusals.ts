/** Why a single function cannot be converted, whatever its callers do. */
import { oldestCompiler, ts, type TS } from "../compiler.js";
import type { Reason } from "../plan.js";
import type { LoadedProject } from "../project.js";
import { isAsyncGenerator, type AsyncFunction } from "./functions.js";
import { isUnused } from "./handed.js";
import { iterationObstacle } from "./iteration.js";
import { returnsFromTry, waitSites } from "./runs.js";
import {
  calledName,
  containsOwn,
  isJavaScriptFile,
  isPropertyName,
  skipParentheses,
  usesArguments,
  usesNewTarget,
  usesSuper,
  usesThis,
  withParentheses,
} from "./syntax.js";
import { declaresAwaitUsing, waitedKind } from "./thenable.js";

/** Array methods that take a predicate or a comparison at once: an async one is always truthy. */
const predicateMethods = new Set(["filter", "some", "every", "find", "findIndex", "findLast", "findLastIndex", "sort"]);

/** Functions whose source text is shipped to another world. */
const serialisingMethods = new Set([
  "evaluate",
  "evaluateHandle",
  "$eval",
  "$$eval",
  "waitForFunction",
  "addInitScript",
]);

/** The reason to leave `fn` untouched, or undefined. `suspect` says that the original looks like a bug. */
/** A page or a worker runs it, where there is no `require`. */
function isPageScript(file: TS.SourceFile, { pageScripts }: LoadedProject["unread"]): boolean {
  return pageScripts.has(file.fileName) || /\bimportScripts\s*\(/.test(file.text);
}

export function refusalOf(
  fn: AsyncFunction,
  checker: TS.TypeChecker,
  { options, tooOld, unread }: Pick<LoadedProject, "options" | "tooOld" | "unread">,
): { reason: Reason; suspect: boolean } | undefined {
  const { node, label } = fn;
  const leave = (code: Reason["code"], message: string): { reason: Reason; suspect: boolean } => ({
    reason: { code, message: `${label}: ${message}` },
    suspect: false,
  });
  if (tooOld !== undefined && !isJavaScriptFile(fn.file)) {
    return leave(
      "TR1811",
      `TypeScript ${tooOld} of the project cannot read the library's declarations; update it to ${oldestCompiler} or newer`,
    );
  }
  if ((options.target ?? ts.ScriptTarget.ES2015) < ts.ScriptTarget.ES2015 && options.downlevelIteration !== true) {
    return leave("TR1811", 'compiled to ES5, `yield*` needs "downlevelIteration": true in the tsconfig');
  }
  if (isJavaScriptFile(fn.file) ? isPageScript(fn.file, unread) : !ts.isExternalModule(fn.file)) {
    return leave("TR1804", "its file is a global script, which cannot import the fiber library");
  }
  if (declaresAwaitUsing(node.body)) return leave("TR1403", "`await using` has no generator form");
  const iteration = iterationObstacle(fn, checker);
  if (iteration !== undefined) return { reason: iteration, suspect: false };

  const isArrow = ts.isArrowFunction(node);
  if (isArrow && usesArguments(node)) return leave("TR1101", "an arrow function that reads the outer `arguments`");
  if (!isArrow && usesArguments(node) && !isJavaScriptFile(fn.file)) return leave("TR1101", "it reads `arguments`");
  if (usesNewTarget(node)) return leave("TR1102", "it reads `new.target`");
  if (usesSuper(node)) {
    if (isArrow) return leave("TR1103", "an arrow function that uses `super`");
    if (fn.form === "value") return leave("TR1103", "a method of an object literal that uses `super`");
  }
  if (fn.form !== "method" && !isAsyncGenerator(fn) && usesThis(node)) {
    const untypable = untypableThis(fn);
    if (untypable !== undefined) return leave("TR1104", untypable);
  }
  if (containsOwn(node.body, (inner) => ts.isIdentifier(inner) && inner.text === "yield" && !isPropertyName(inner))) {
    return leave("TR1105", "it has a variable named `yield`");
  }
  if (callsEval(node.body)) return leave("TR1106", "it calls `eval`, which may name its locals");
  if (fn.name === "then" && (fn.form === "method" || ts.isMethodDeclaration(node))) {
    return leave("TR1003", "a `then` method makes its class a thenable");
  }
  if (node.name !== undefined && (ts.isComputedPropertyName(node.name) || ts.isNumericLiteral(node.name))) {
    if (fn.form === "method" && !isAsyncGenerator(fn)) return leave("TR1205", "its name is computed");
  }
  if (fn.form === "method" && !isAsyncGenerator(fn) && node.name !== undefined && ts.isStringLiteral(node.name)) {
    return leave("TR1205", "its name is a string");
  }
  if (hasDirective(fn.file, "use server") || (ts.isBlock(node.body) && startsWithDirective(node.body, "use server"))) {
    return leave("TR1207", "a server action: the framework looks for async functions");
  }
  const contract = frameworkContract(fn);
  if (contract !== undefined) return leave("TR1207", contract);
  const suspicion = suspicionOf(fn, checker);
  if (suspicion !== undefined)
    return { reason: { ...suspicion, message: `${label}: ${suspicion.message}` }, suspect: true };
  const serialiser = shippedTo(node);
  if (serialiser !== undefined) return leave("TR1210", `its source text is sent elsewhere by ${serialiser}`);

  for (const site of waitSites(fn)) {
    if (!returnsFromTry(site)) continue;
    const kind = waitedKind(site.operand, checker);
    if (kind === "promise" || kind === "thenable" || kind === "maybe") {
      const text = skipParentheses(site.operand).getText().slice(0, 40);
      // Handed on as it is, to callers that go through the façade.
      if (kind === "maybe" && (isJavaScriptFile(fn.file) || isTypeParameter(site.operand, checker))) continue;
      return leave(
        "TR1301",
        `\`return ${text}\` inside try is not waited for there; write \`return await\` if it should be`,
      );
    }
  }
  return undefined;
}

function isTypeParameter(expression: TS.Expression, checker: TS.TypeChecker): boolean {
  return (checker.getTypeAtLocation(expression).flags & ts.TypeFlags.TypeParameter) !== 0;
}

/** Inside a generator `this` must have a type that can be written down; JavaScript needs none. */
function untypableThis(fn: AsyncFunction): string | undefined {
  if (isJavaScriptFile(fn.file)) return undefined;
  if (!ts.isArrowFunction(fn.node)) {
    // A function with a declared `this` keeps it; a method of an object literal loses the type of its literal.
    const declared = fn.node.parameters.some((parameter) => parameter.name.getText() === "this");
    if (declared || ts.isFunctionDeclaration(fn.node)) return undefined;
    // Whoever is handed a function says what its `this` is.
    if (ts.isFunctionExpression(fn.node) && ts.isCallExpression(withParentheses(fn.node).parent)) return undefined;
    return "`this` is the object literal, whose type cannot be written";
  }
  let current: TS.Node = fn.node;
  for (;;) {
    current = current.parent;
    if (ts.isSourceFile(current)) return "`this` at the top of a module";
    if (ts.isClassStaticBlockDeclaration(current)) return "`this` in a static block";
    if (ts.isFunctionLike(current) && !ts.isArrowFunction(current)) return undefined;
    if (ts.isPropertyDeclaration(current)) return undefined;
  }
}

function callsEval(body: TS.Node): boolean {
  let found = false;
  const visit = (node: TS.Node): void => {
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === "eval") found = true;
    if (ts.isWithStatement(node)) found = true;
    ts.forEachChild(node, visit);
  };
  visit(body);
  return found;
}

/** What a framework of components asks for: async functions that it calls and looks at by itself. */
function frameworkContract({ node }: AsyncFunction): string | undefined {
  const outer = ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node) ? node : withParentheses(node);
  const { parent } = outer;
  if (ts.isJsxExpression(parent) && !ts.isJsxAttribute(parent.parent)) return "a child of a component";
  if (ts.isJsxExpression(parent) && ts.isJsxAttribute(parent.parent) && /^render/.test(parent.parent.name.getText())) {
    return "a component calls it to be given what it shows";
  }
  if (ts.isCallExpression(parent) && calledName(parent) === "startTransition") return "a transition of a framework";
  const isComponent = containsOwn(
    node.body,
    (inner) => ts.isReturnStatement(inner) && inner.expression !== undefined && isElement(inner.expression),
  );
  const shows = isComponent || (!ts.isBlock(node.body) && isElement(node.body));
  return shows ? "an async component: the framework waits for it" : undefined;
}

function isElement(expression: TS.Expression): boolean {
  const node = skipParentheses(expression);
  return ts.isJsxElement(node) || ts.isJsxSelfClosingElement(node) || ts.isJsxFragment(node);
}

function suspicionOf(fn: AsyncFunction, checker: TS.TypeChecker): Reason | undefined {
  const parent = fn.node.parent;
  if (ts.isCallExpression(parent) && parent.arguments[0] === (fn.node as TS.Node)) {
    if (calledName(parent) === "map" && isUnused(parent) && ts.isPropertyAccessExpression(parent.expression)) {
      return { code: "TR1902", message: "nobody waits for the promises that map() collects" };
    }
    if (calledName(parent) === "flatMap" && givesArray(fn.node, checker)) {
      return { code: "TR1902", message: "flatMap() cannot flatten the promise of an array" };
    }
  }
  if (ts.isNewExpression(parent) && ts.isIdentifier(parent.expression) && parent.expression.text === "Promise") {
    return { code: "TR1903", message: "an async executor loses what it throws" };
  }
  if (
    ts.isCallExpression(parent) &&
    ts.isPropertyAccessExpression(parent.expression) &&
    predicateMethods.has(parent.expression.name.text) &&
    parent.arguments[0] === (fn.node as TS.Node)
  ) {
    return {
      code: "TR1901",
      message: `an async callback of ${parent.expression.name.text}() always answers a truthy promise`,
    };
  }
  return undefined;
}

function givesArray(node: TS.SignatureDeclaration, checker: TS.TypeChecker): boolean {
  const signature = checker.getSignatureFromDeclaration(node);
  const given = signature && checker.getAwaitedType(checker.getReturnTypeOfSignature(signature));
  return given !== undefined && (checker.isArrayType(given) || checker.isTupleType(given));
}

function shippedTo(node: TS.Node): string | undefined {
  const parent = node.parent;
  if (
    ts.isCallExpression(parent) &&
    ts.isPropertyAccessExpression(parent.expression) &&
    serialisingMethods.has(parent.expression.name.text)
  ) {
    return `${parent.expression.name.text}()`;
  }
  return undefined;
}

function hasDirective(file: TS.SourceFile, directive: string): boolean {
  return startsWithDirective(file, directive);
}

function startsWithDirective(block: { readonly statements: readonly TS.Statement[] }, directive: string): boolean {
  for (const statement of block.statements) {
    if (!ts.isExpressionStatement(statement) || !ts.isStringLiteral(statement.expression)) return false;
    if (statement.expression.text === directive) return true;
  }
  return false;
}
