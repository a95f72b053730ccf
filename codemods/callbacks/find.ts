/**
 * The functions of a project that take an error-first callback last, and which of them can become fiber functions: those
 * that call it once on every path, as do the functions of the project that they wait for.
 */
import { isAssignedIn } from "./handling.js";
import {
  isJavaScriptFile,
  isTypeChecked,
  short,
  skipParentheses,
  usesArguments,
  usesSuper,
  usesThis,
} from "../analyse/syntax.js";
import { ts, type TS } from "../compiler.js";
import type { Controls } from "../controls.js";
import type { Reason } from "../plan.js";
import type { LoadedProject } from "../project.js";
import { AtOnce } from "./at-once.js";
import { FlowReader, NotSequential, type Callee, type CallbackNode, type Read } from "./flow.js";
import { ownTellings, shapeOf, type Shape } from "./shape.js";
import { hasPlainParameters } from "./write.js";

/** A function that can become a fiber function. */
export interface CallbackFunction {
  readonly node: CallbackNode;
  readonly file: TS.SourceFile;
  readonly callback: TS.Identifier;
  readonly read: Read;
  readonly shape: Shape;
  /** Its fiber function has a name beside it; else it stands inside. */
  readonly twin: { readonly name: string; readonly statement: TS.Statement } | undefined;
  readonly usesThis: boolean;
}

export interface LeftCallback {
  readonly node: CallbackNode;
  readonly file: TS.SourceFile;
  readonly reason: Reason;
}

export interface CallbackFunctions {
  readonly converted: ReadonlyMap<TS.Node, CallbackFunction>;
  readonly left: readonly LeftCallback[];
  readonly atOnce: AtOnce;
}

interface Candidate {
  readonly node: CallbackNode;
  readonly file: TS.SourceFile;
  readonly callback: TS.Identifier;
  readonly read: Read;
}

export function findCallbackFunctions(
  project: LoadedProject,
  controls: Controls,
  isKept: (node: CallbackNode, file: TS.SourceFile) => boolean,
  refused: ReadonlyMap<TS.Node, Reason>,
): CallbackFunctions {
  const checker = project.program.getTypeChecker();
  const candidates = new Map<TS.Node, Candidate>();
  const left: LeftCallback[] = [];
  const refusals = new Map<TS.Node, Reason>();
  const sources = new Set(project.program.getSourceFiles().filter((file) => !file.isDeclarationFile));
  const ownOf = (call: TS.CallExpression): TS.Node | undefined => {
    const declaration = checker.getResolvedSignature(call)?.declaration as TS.SignatureDeclaration | undefined;
    if (declaration === undefined || !("body" in declaration) || declaration.body === undefined) return undefined;
    const file = declaration.getSourceFile();
    return sources.has(file) && !file.fileName.includes("/node_modules/") ? declaration : undefined;
  };

  for (const file of project.sources) {
    const visit = (node: TS.Node): void => {
      const callback = callbackOf(node, checker);
      if (callback !== undefined) consider(node as CallbackNode, callback, file);
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  // A function that waits for one that is left is left, too.
  for (let changed = true; changed;) {
    changed = false;
    for (const [node, { read, file }] of candidates) {
      const obstacle = calleeObstacle(read);
      if (obstacle === undefined) continue;
      candidates.delete(node);
      refuse(node as CallbackNode, file, obstacle);
      changed = true;
    }
  }
  const tellings = new Map<TS.Node, Set<string>>();
  for (const [node, { read }] of candidates) tellings.set(node, ownTellings(read, checker));
  for (let changed = true; changed;) {
    changed = false;
    for (const [node, { read }] of candidates) {
      const mine = tellings.get(node) as Set<string>;
      const before = mine.size;
      for (const { callee, callback } of read.waits) {
        if (callback !== undefined || callee.own === undefined) continue;
        for (const one of tellings.get(callee.own) ?? []) mine.add(one);
      }
      changed ||= mine.size > before;
    }
  }
  const converted = new Map<TS.Node, CallbackFunction>();
  for (const [node, candidate] of candidates) {
    converted.set(node, {
      ...candidate,
      shape: shapeOf(tellings.get(node) ?? new Set()),
      twin: twinOf(candidate, checker),
      usesThis: usesThis(candidate.node),
    });
  }
  const flows = new Map([...candidates].map(([node, { read }]) => [node, read.flow]));
  return { converted, left, atOnce: new AtOnce(flows, checker) };

  function consider(node: CallbackNode, callback: TS.Identifier, file: TS.SourceFile): void {
    const obstacle = plainObstacle(node, file);
    if (obstacle !== undefined) return refuse(node, file, obstacle);
    try {
      const read = new FlowReader(node, callback, checker, ownOf, () => isResultUnused(node, file, checker)).read();
      const candidate = { node, file, callback, read };
      const isStraight = read.waits.every((wait) => wait.callback === undefined);
      if (isStraight && twinOf(candidate, checker) === undefined) {
        return refuse(node, file, { code: "TR1810", message: "it only hands its callback on" });
      }
      candidates.set(node, candidate);
    } catch (error) {
      if (!(error instanceof NotSequential)) throw error;
      refuse(node, file, error.reason);
    }
  }

  function plainObstacle(node: CallbackNode, file: TS.SourceFile): Reason | undefined {
    const known = refused.get(node);
    if (known !== undefined) return known;
    if (isKept(node, file)) return { code: "TR1810", message: "it stays as it is" };
    if (controls.ignores(node)) return { code: "TR1803", message: "a comment asks to leave it" };
    if (!isJavaScriptFile(file) || isTypeChecked(file, project.options)) {
      return {
        code: "TR1701",
        message: "the types of its fiber function cannot be written from those of its callback",
      };
    }
    if (usesArguments(node)) return { code: "TR1101", message: "it reads `arguments`" };
    if (usesSuper(node)) return { code: "TR1103", message: "it uses `super`" };
    if (/\byield\b/.test(node.getText())) return { code: "TR1105", message: "something in it is called `yield`" };
    if (/\beval\s*\(|\bwith\s*\(/.test(node.getText())) return { code: "TR1106", message: "it uses `eval` or `with`" };
    if (ts.isArrowFunction(node) && usesThis(node)) {
      return { code: "TR1104", message: "it is an arrow function that reads `this`" };
    }
    return undefined;
  }

  function calleeObstacle(read: Read): Reason | undefined {
    for (const { callee } of read.waits) {
      if (callee.own === undefined) continue;
      const own = candidates.get(callee.own);
      const name = short(callee.call.expression);
      if (own === undefined) {
        const why = refusals.get(callee.own);
        const message = why === undefined ? "it takes no such callback" : why.message;
        return { code: why?.code ?? "TR1807", message: `it waits for \`${name}\`: ${message}` };
      }
      if (own.node.parameters.length !== callee.args.length + 1) {
        return { code: "TR1807", message: `\`${name}\` is called with other arguments than it declares` };
      }
    }
    return undefined;
  }

  function refuse(node: CallbackNode, file: TS.SourceFile, reason: Reason): void {
    refusals.set(node, reason);
    left.push({ node, file, reason });
  }
}

/** Whether every mention of a function is a call whose result goes nowhere. */
function isResultUnused(node: CallbackNode, file: TS.SourceFile, checker: TS.TypeChecker): boolean {
  const name = ts.isFunctionDeclaration(node)
    ? node.name
    : ts.isVariableDeclaration(node.parent) && ts.isIdentifier(node.parent.name)
      ? node.parent.name
      : undefined;
  const symbol = name === undefined ? undefined : checker.getSymbolAtLocation(name);
  if (name === undefined || symbol === undefined) return false;
  let unused = true;
  let uses = 0;
  const visit = (inner: TS.Node): void => {
    if (ts.isIdentifier(inner) && inner !== name && inner.text === name.text) {
      const shorthand = ts.isShorthandPropertyAssignment(inner.parent);
      if (shorthand || checker.getSymbolAtLocation(inner) === symbol) {
        uses++;
        unused &&= isCallForNothing(inner);
      }
    }
    ts.forEachChild(inner, visit);
  };
  visit(file);
  return unused && uses > 0;
}

function isCallForNothing(callee: TS.Identifier): boolean {
  const call = callee.parent;
  if (!ts.isCallExpression(call) || call.expression !== callee) return false;
  if (ts.isExpressionStatement(call.parent)) return true;
  let scope: TS.Node = call.parent;
  if (ts.isReturnStatement(scope)) while (!ts.isFunctionLike(scope) && !ts.isSourceFile(scope)) scope = scope.parent;
  // What a callback gives is seen by nobody.
  return (ts.isArrowFunction(scope) || ts.isFunctionExpression(scope)) && ts.isCallExpression(scope.parent);
}

/** Names that people give to such a parameter. `next` belongs to frameworks, and `done` in a call to test runners. */
const callbackName = /^_?(cb|callback|clb|done)$|(Callback|Cb|CB)$/;

/** The callback that a function takes last, if it does something with it. */
function callbackOf(node: TS.Node, checker: TS.TypeChecker): TS.Identifier | undefined {
  if (
    !ts.isFunctionDeclaration(node) &&
    !ts.isFunctionExpression(node) &&
    !ts.isArrowFunction(node) &&
    !ts.isMethodDeclaration(node)
  ) {
    return undefined;
  }
  if (node.body === undefined || node.asteriskToken !== undefined) return undefined;
  if (node.modifiers?.some((modifier) => modifier.kind === ts.SyntaxKind.AsyncKeyword) === true) return undefined;
  const last = node.parameters.at(-1);
  if (last === undefined || !ts.isIdentifier(last.name) || last.dotDotDotToken !== undefined) return undefined;
  if (last.initializer !== undefined || !callbackName.test(last.name.text)) return undefined;
  if (last.name.text === "done" && ts.isCallExpression(node.parent)) return undefined;
  const symbol = checker.getSymbolAtLocation(last.name);
  const { text } = last.name;
  let isUsed = false;
  let isFacade = false;
  const visit = (inner: TS.Node): void => {
    if (ts.isCallExpression(inner)) {
      if (ts.isIdentifier(inner.expression) && inner.expression.text === "toCallback") isFacade = true;
      for (const part of [inner.expression, ...inner.arguments]) {
        const value = skipParentheses(part);
        if (ts.isIdentifier(value) && value.text === text && checker.getSymbolAtLocation(value) === symbol)
          isUsed = true;
      }
    }
    ts.forEachChild(inner, visit);
  };
  visit(node.body);
  return isUsed && !isFacade ? last.name : undefined;
}

/** The statement behind which a fiber function can be declared, and its name there. */
function twinOf({ node, read, file }: Candidate, checker: TS.TypeChecker): CallbackFunction["twin"] {
  if (read.prologue.length > 0 || !hasPlainParameters(node) || usesThis(node)) return undefined;
  let name: TS.Identifier | undefined;
  let statement: TS.Statement | undefined;
  if (ts.isFunctionDeclaration(node)) {
    name = node.name;
    statement = node;
  } else if (
    ts.isVariableDeclaration(node.parent) &&
    ts.isIdentifier(node.parent.name) &&
    ts.isVariableDeclarationList(node.parent.parent) &&
    ts.isVariableStatement(node.parent.parent.parent) &&
    node.parent.parent.declarations.length === 1
  ) {
    name = node.parent.name;
    statement = node.parent.parent.parent;
  }
  if (name === undefined || statement === undefined) return undefined;
  if (!ts.isSourceFile(statement.parent) && !ts.isBlock(statement.parent)) return undefined;
  if (ts.canHaveModifiers(statement) && (ts.getModifiers(statement)?.length ?? 0) > 0) return undefined;
  const symbol = checker.getSymbolAtLocation(name);
  if (symbol === undefined || isAssignedIn(file, symbol, name.text, checker)) return undefined;
  return { name: name.text, statement };
}

/** The fiber function to name at a call: of a function of the same file that is called by its name. */
export function isNamedCall(callee: Callee, target: CallbackFunction, file: TS.SourceFile): boolean {
  return target.twin !== undefined && target.file === file && ts.isIdentifier(callee.call.expression);
}
