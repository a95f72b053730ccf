/**
 * The first of two stages: in memory, promise chains become waits and functions that give promises become async, on the
 * way to fibers. The second stage carries the outcome on; a function that it leaves is left here, too.
 */
import { executorShape } from "../analyse/executors.js";
import { describeFunction } from "../analyse/functions.js";
import { refusalOf } from "../analyse/refusals.js";
import { isAsyncFunctionNode, skipParentheses } from "../analyse/syntax.js";
import { planCallbackFunctions } from "../callbacks/plan.js";
import { ts, type TS } from "../compiler.js";
import { Controls } from "../controls.js";
import { newDiagnostics } from "../new-diagnostics.js";
import { overlayHost, overlayProgram } from "../overlay.js";
import type { Candidate, IdleComment, Reason } from "../plan.js";
import type { LoadedProject } from "../project.js";
import { FilePlan, type Touched, type UnchainedFile, type WithBody } from "./file-plan.js";
import { keyOf, placeOf } from "./places.js";
import { isPromising, returnedBy, SynchronousThrows } from "./promising.js";

export interface Unchained {
  /** The project as the second stage sees it. */
  readonly project: LoadedProject;
  /** By file name; files that hold no such thing are absent. */
  readonly files: ReadonlyMap<string, UnchainedFile>;
  /** Why chains stay, by file name and start. */
  readonly left: ReadonlyMap<string, Reason>;
  /** Comments that directed nothing here. */
  readonly idle: readonly IdleComment[];
  /** Functions with an error-first callback that are left. */
  readonly callbacks: readonly Candidate[];
}

/**
 * Writes out what can be. `kept` holds functions to be left as they are; functions with callbacks are written anew only if
 * `withCallbacks` says so.
 */
export function unchain(project: LoadedProject, kept: ReadonlySet<string>, withCallbacks: boolean): Unchained {
  return new Stage(project, kept, withCallbacks).run();
}

/** The functions around new diagnostics in the changed files. */
export function wrongIn({ project, files }: Unchained): string[] {
  return [...files].flatMap(([name, { composed, touched }]) => {
    const file = project.program.getSourceFile(name);
    if (file === undefined) return [];
    return newDiagnostics(project, project.program, [name], [file]).flatMap(({ start = 0 }) => {
      const origin = composed.originOf(start);
      const around = [...touched].filter(([, one]) => one.start <= origin && origin <= one.end);
      const blamed = around.length === 0 ? [...touched] : [around.reduce((a, b) => narrower(a, b))];
      return blamed.map(([place]) => keyOf(name, place));
    });
  });
}

function narrower(a: [number, Touched], b: [number, Touched]): [number, Touched] {
  return a[1].end - a[1].start <= b[1].end - b[1].start ? a : b;
}

class Stage {
  readonly #project: LoadedProject;
  readonly #checker: TS.TypeChecker;
  readonly #kept: ReadonlySet<string>;
  readonly #plans = new Map<TS.SourceFile, FilePlan>();
  readonly #left = new Map<string, Reason>();
  /** Functions that answer by a rejection whatever goes wrong in them. */
  readonly #asynchronous = new Set<TS.Node>();
  /** Those of them that can become fiber functions. */
  readonly #carried = new Set<TS.Node>();

  readonly #throws: SynchronousThrows;
  readonly #controls: Controls;

  readonly #withCallbacks: boolean;

  constructor(project: LoadedProject, kept: ReadonlySet<string>, withCallbacks: boolean) {
    this.#project = project;
    this.#withCallbacks = withCallbacks;
    this.#checker = project.program.getTypeChecker();
    this.#throws = new SynchronousThrows(this.#checker);
    this.#controls = new Controls(project.sources);
    this.#kept = kept;
  }

  run(): Unchained {
    const candidates: { node: WithBody; plan: FilePlan }[] = [];
    const callbacks = planCallbackFunctions(
      this.#project,
      this.#controls,
      (node, file) => !this.#withCallbacks || this.#kept.has(keyOf(file.fileName, placeOf(node))),
    );
    for (const file of this.#project.sources) {
      const plan = new FilePlan(
        file,
        this.#project,
        this.#checker,
        (call) => this.#isOwn(call),
        this.#left,
        this.#controls,
      );
      this.#plans.set(file, plan);
      plan.planCallbacks(callbacks);
      const visit = (node: TS.Node): void => {
        if (isAsyncFunctionNode(node)) {
          this.#asynchronous.add(node);
          if (!plan.isAbsorbed(node) && this.#obstacle(node, file) === undefined) {
            this.#carried.add(node);
            plan.planFunction(node);
          }
        } else if (!plan.isAbsorbed(node) && isPromising(node, this.#checker)) {
          const obstacle = this.#obstacle(node, file);
          if (obstacle !== undefined) plan.leaveChainsOf(node, obstacle);
          else if (plan.planFunction(node)) this.#makeAsync(node, plan);
          else candidates.push({ node, plan });
        }
        ts.forEachChild(node, visit);
      };
      visit(file);
    }
    // A function that only hands on what another gives follows it.
    for (let changed = true; changed;) {
      changed = false;
      for (const { node, plan } of candidates) {
        if (this.#carried.has(node) || !this.#handsOn(node)) continue;
        this.#makeAsync(node, plan);
        changed = true;
      }
    }
    const left = [...this.#plans.values()].flatMap((plan) => plan.callbacksLeft(callbacks));
    return { ...this.#outcome(), callbacks: left };
  }

  #makeAsync(node: WithBody, plan: FilePlan): void {
    this.#asynchronous.add(node);
    this.#carried.add(node);
    plan.makeAsync(node);
  }

  #obstacle(node: WithBody, file: TS.SourceFile): Reason | undefined {
    if (this.#kept.has(keyOf(file.fileName, placeOf(node)))) {
      return { code: "TR1810", message: "the function around it stays as it is" };
    }
    if (!isAsyncFunctionNode(node) && isExecutor(node)) {
      return { code: "TR1306", message: "what an executor gives is seen by nobody" };
    }
    const fn = describeFunction(node, file, 0, this.#project.root);
    const asked = this.#controls.leaves(fn);
    if (asked !== undefined) return asked;
    const refusal = refusalOf(fn, this.#checker, this.#project);
    if (refusal !== undefined) return refusal.reason;
    if (isAsyncFunctionNode(node)) return undefined;
    if (fn.form !== "value" && fn.declarations.length > (fn.form === "variable" ? 2 : 1)) {
      return { code: "TR1701", message: `${fn.label} is overloaded` };
    }
    return this.#throws.obstacleOf(node);
  }

  /** Whether all that a function gives comes from functions that are async, at least by now, or from callbacks. */
  #handsOn(node: WithBody): boolean {
    if (ts.isArrowFunction(node) || ts.isFunctionExpression(node)) {
      if (!isKept(node)) return false;
    } else if (ts.isMethodDeclaration(node) && !ts.isClassLike(node.parent)) return false;
    return returnedBy(node).every((expression) => {
      const given = expression === undefined ? undefined : skipParentheses(expression);
      if (given === undefined) return false;
      if (ts.isNewExpression(given)) {
        const executor = executorShape(given, this.#checker);
        return executor !== undefined && !("refused" in executor);
      }
      return ts.isCallExpression(given) && this.#callsOneOf(this.#carried, given);
    });
  }

  #isOwn(call: TS.CallExpression): boolean {
    const callee = skipParentheses(call.expression);
    return isAsyncFunctionNode(callee) || this.#callsOneOf(this.#asynchronous, call);
  }

  #callsOneOf(functions: ReadonlySet<TS.Node>, call: TS.CallExpression): boolean {
    const declaration = this.#checker.getResolvedSignature(call)?.declaration;
    if (declaration !== undefined && functions.has(declaration)) return true;
    // A constant with a declared type has its signature from there.
    const callee = skipParentheses(call.expression);
    const symbol = ts.isIdentifier(callee) ? this.#checker.getSymbolAtLocation(callee) : undefined;
    const known = symbol === undefined ? undefined : resolveAlias(symbol, this.#checker).valueDeclaration;
    return (
      known !== undefined &&
      ts.isVariableDeclaration(known) &&
      (known.parent.flags & ts.NodeFlags.Const) !== 0 &&
      known.initializer !== undefined &&
      functions.has(skipParentheses(known.initializer))
    );
  }

  #outcome(): Omit<Unchained, "callbacks"> {
    const files = new Map<string, UnchainedFile>();
    for (const [file, plan] of this.#plans) if (!plan.isEmpty) files.set(file.fileName, plan.outcome());
    const idle = this.#controls.idle();
    if (files.size === 0) return { project: this.#project, files, left: this.#left, idle };
    const texts = new Map([...files].map(([name, file]) => [name, file.composed]));
    const host = overlayHost(this.#project, texts);
    const program = overlayProgram(this.#project, host);
    const inProgram = (file: TS.SourceFile): TS.SourceFile => program.getSourceFile(file.fileName) ?? file;
    return {
      project: {
        ...this.#project,
        host,
        program,
        uses: new Map([...files].map(([name, { uses }]) => [name, uses])),
        sources: this.#project.sources.map(inProgram),
        tests: this.#project.tests.map(inProgram),
      },
      files,
      left: this.#left,
      idle,
    };
  }
}

function resolveAlias(symbol: TS.Symbol, checker: TS.TypeChecker): TS.Symbol {
  return (symbol.flags & ts.SymbolFlags.Alias) !== 0 ? checker.getAliasedSymbol(symbol) : symbol;
}

/** Whether a function literal is the value of a variable or a field, and no callback. */
function isKept({ parent }: TS.ArrowFunction | TS.FunctionExpression): boolean {
  if (ts.isBinaryExpression(parent)) {
    return parent.operatorToken.kind === ts.SyntaxKind.EqualsToken && ts.isPropertyAccessExpression(parent.left);
  }
  return ts.isVariableDeclaration(parent) || ts.isPropertyDeclaration(parent);
}

/** The function that `new Promise` calls. */
function isExecutor(node: TS.Node): boolean {
  let outer: TS.Node = node;
  while (ts.isParenthesizedExpression(outer.parent)) outer = outer.parent;
  return ts.isNewExpression(outer.parent);
}
