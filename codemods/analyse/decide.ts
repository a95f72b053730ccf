/**
 * Decides, leaf first and on the unmodified program, what becomes of every async function. Decisions only ever get
 * weaker when they are made again with more refusals, so repeating until the result type-checks terminates.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ts, type TS } from "../compiler.js";
import { Controls } from "../controls.js";
import type { Reason } from "../plan.js";
import type { LoadedProject } from "../project.js";
import { components } from "./components.js";
import { findDispatches, methodAround, rawTail, type Dispatch, type DispatchForm } from "./dispatch.js";
import { findFlows, type Flows } from "./flows.js";
import { findFunctions, isAsyncGenerator, type AsyncFunction } from "./functions.js";
import { findGroups, type Groups } from "./groups.js";
import { handedReason } from "./handed.js";
import { moduleName, observe, type Observed } from "./observed.js";
import { findReferences, type Reference } from "./references.js";
import { refusalOf } from "./refusals.js";
import { returnsFromTry, runnableIn, waitSites, type WaitSite } from "./runs.js";
import { findLimiters, jobRuns, type Limiter } from "../limits/limiters.js";
import { enclosingClass, hasModifier, isCommonJsFile, isJavaScriptFile, isTypeChecked, namedClass } from "./syntax.js";

/**
 * `in-place`: becomes a fiber function under its own name. `twin`: a fiber function beside a promise façade of the old
 * name. `wrapped`: a fiber function inside `toAsync(...)`, where the async function stood. `leave`: untouched.
 */
export type Shape = "in-place" | "twin" | "wrapped" | "leave";

export interface Decision {
  readonly fn: AsyncFunction;
  readonly shape: Shape;
  readonly suspect: boolean;
  readonly reasons: readonly Reason[];
  /** The name of the fiber function, for `in-place` and `twin`. */
  readonly fiberName: string | undefined;
  /** Whether calls that are waited for name the fiber function; else they go through the façade. */
  readonly direct: boolean;
  /** A method that may be replaced by a subclass or a test: its fiber method is paired with it, and sees that. */
  readonly guarded: boolean;
  /** It is on a cycle of calls: its fiber function needs a written return type. */
  readonly recursive: boolean;
}

/** Everything the analysis knows; computed once, while decisions may be made several times. */
export interface Analysis {
  readonly project: LoadedProject;
  readonly checker: TS.TypeChecker;
  readonly functions: readonly AsyncFunction[];
  readonly byNode: ReadonlyMap<TS.Node, AsyncFunction>;
  readonly references: ReadonlyMap<AsyncFunction, readonly Reference[]>;
  /** For each call or callback that a converted caller can run in place: the wait site it belongs to. */
  readonly runnable: ReadonlyMap<TS.Node, WaitSite>;
  /** Limiters of other packages, and what of their jobs could be run in place. */
  readonly limiters: readonly Limiter[];
  /** Where our functions go as values. */
  readonly flows: Flows;
  /** Calls that can be run through `direct`. */
  readonly dispatches: ReadonlyMap<TS.CallExpression, Dispatch>;
  readonly groups: Groups;
  readonly observed: Observed;
  /** Whether code outside the program may subclass or replace what the program exports. */
  readonly isLibrary: boolean;
  /** Functions in call order, leaves first, with those that take part in a cycle. */
  readonly order: readonly AsyncFunction[];
  readonly cyclic: ReadonlySet<AsyncFunction>;
  /** What comments in the sources ask for. */
  readonly controls: Controls;
}

export function analyse(project: LoadedProject): Analysis {
  const checker = project.program.getTypeChecker();
  const files = project.program
    .getSourceFiles()
    .filter((file) => !file.isDeclarationFile && !file.fileName.includes("/node_modules/"));
  const functions = findFunctions(project.sources, project.root);
  const references = findReferences(functions, files, checker);
  const runnable = new Map<TS.Node, WaitSite>();
  for (const fn of functions) {
    for (const site of waitSites(fn)) {
      if (returnsFromTry(site)) continue;
      const { calls, callbacks } = runnableIn(site.operand, checker);
      for (const node of [...calls, ...callbacks]) runnable.set(node, site);
    }
  }
  const limiters = findLimiters(project.sources, runnable, checker);
  for (const use of limiters.flatMap(({ refused, uses }) => (refused === undefined ? uses : []))) {
    runnable.set(jobRuns(use), use.site);
  }
  const calls = new Map<AsyncFunction, Set<AsyncFunction>>();
  for (const [target, uses] of references) {
    for (const use of uses) {
      for (const caller of use.within) {
        const known = calls.get(caller);
        if (known === undefined) calls.set(caller, new Set([target]));
        else known.add(target);
      }
    }
  }
  const flows = findFlows(functions, files, checker);
  const cycles = components(functions, (fn) => calls.get(fn) ?? []);
  return {
    project,
    checker,
    functions,
    byNode: new Map(functions.map((fn) => [fn.node, fn])),
    references,
    runnable,
    limiters,
    flows,
    dispatches: findDispatches(functions, runnable, flows, checker),
    groups: findGroups(functions, files, checker),
    observed: observe(project.root, project.tests, project.sources),
    isLibrary: isLibrary(project.root),
    order: cycles.flat(),
    controls: new Controls(project.sources),
    cyclic: new Set(
      cycles
        .filter((cycle) => cycle.length > 1 || calls.get(cycle[0] as AsyncFunction)?.has(cycle[0] as AsyncFunction))
        .flat(),
    ),
  };
}

export type Decisions = ReadonlyMap<AsyncFunction, Decision>;

/** `refused` holds the functions that a verification of earlier decisions has ruled out, with the reason. */
export function decide(analysis: Analysis, refused: ReadonlyMap<AsyncFunction, Reason>, suffix = "Op"): Decisions {
  const { functions, references, runnable, groups, observed, checker, limiters } = analysis;
  const refusals = new Map<AsyncFunction, { reason: Reason; suspect: boolean }>();
  for (const fn of analysis.order) {
    const late = refused.get(fn);
    const refusal =
      late !== undefined
        ? { reason: late, suspect: false }
        : (commentAgainst(fn) ?? listedAgainst(fn) ?? refusalOf(fn, checker, analysis.project));
    if (refusal !== undefined) refusals.set(fn, refusal);
  }
  for (const fn of analysis.order) {
    if (fn.form !== "value" || refusals.has(fn) || isAsyncGenerator(fn)) continue;
    if ((references.get(fn) ?? []).every((use) => isDirectUse(use))) continue;
    const reason = { code: "TR1005" as const, message: `${fn.label} uses the promise of its own call` };
    refusals.set(fn, { reason, suspect: false });
  }
  for (const fn of analysis.order) {
    if (refusals.has(fn) || isAsyncGenerator(fn) || !isLookedInto(fn)) continue;
    const message = `${fn.label} may be asked whether it is async, which no façade is`;
    refusals.set(fn, { reason: { code: "TR1109", message }, suspect: false });
  }
  // A refused override no longer runs its base directly, which may refuse the base in turn.
  for (let before = -1; before !== refusals.size;) {
    before = refusals.size;
    for (const fn of analysis.order) {
      const obstacle = refusals.has(fn) ? undefined : superObstacle(fn);
      if (obstacle !== undefined) refusals.set(fn, { reason: obstacle, suspect: false });
    }
  }

  const notDirect = new Map<AsyncFunction, Reason>();
  const guarded = new Map<AsyncFunction, Reason>();
  for (const fn of analysis.order) {
    if (refusals.has(fn)) continue;
    const reason = reasonAgainstDirect(fn);
    if (reason !== undefined) notDirect.set(fn, reason);
    const replaced = reasonToGuard(fn);
    if (replaced !== undefined) guarded.set(fn, replaced);
  }
  // A group is called directly as a whole or not at all, and guarded as a whole or not at all.
  for (const fn of functions) {
    if (fn.form !== "method" || notDirect.has(fn) || refusals.has(fn)) continue;
    const members = groups.membersOf(fn);
    const blocked = members.map((m) => notDirect.get(m)).find((r) => r !== undefined);
    const replaced = members.map((m) => guarded.get(m) ?? refusals.get(m)?.reason).find((r) => r !== undefined);
    if (blocked !== undefined) notDirect.set(fn, blocked);
    else if (replaced !== undefined && !members.every((m) => refusals.has(m) || canBePaired(m))) {
      notDirect.set(fn, replaced);
    } else if (replaced !== undefined && !guarded.has(fn)) guarded.set(fn, replaced);
  }
  for (const fn of notDirect.keys()) guarded.delete(fn);

  const taken = takenNames(analysis);
  const decisions = new Map<AsyncFunction, Decision>();
  for (const fn of analysis.order) decisions.set(fn, decideOne(fn));
  return decisions;

  function decideOne(fn: AsyncFunction): Decision {
    const refusal = refusals.get(fn);
    const base = {
      fn,
      suspect: false,
      recursive: analysis.cyclic.has(fn),
      fiberName: undefined,
      direct: false,
      guarded: guarded.has(fn),
    };
    if (refusal !== undefined) {
      return { ...base, shape: "leave", suspect: refusal.suspect, reasons: [refusal.reason] };
    }
    const reasons: Reason[] = [];
    // It goes on giving what it gave, by its name: nobody calls it in another way.
    if (isAsyncGenerator(fn)) return { ...base, guarded: false, shape: "wrapped", reasons };
    if (fn.form === "value") {
      // A function expression knows itself by its name, which the fiber function has from now on.
      const recursive = (references.get(fn) ?? []).length > 0;
      const handed = isRun(fn) ? undefined : handedReason(fn);
      if (handed !== undefined) reasons.push(handed);
      return { ...base, shape: "wrapped", reasons, fiberName: recursive ? fn.name : undefined, direct: recursive };
    }
    const against = notDirect.get(fn) ?? guarded.get(fn);
    const direct = !notDirect.has(fn);
    if (direct && canBeInPlace(fn)) {
      return { ...base, shape: "in-place", fiberName: fn.name, direct, reasons };
    }
    if (fn.form === "variable" && (!direct || !isUsedDirectly(fn) || hasTypeAnnotation(fn, analysis))) {
      return { ...base, shape: "wrapped", reasons: against === undefined ? reasons : [against] };
    }
    if (against !== undefined) reasons.push(against);
    if (isExported(fn)) {
      reasons.push({ code: "TR1206", message: `${fn.label} is exported: its name keeps giving a promise` });
    }
    return { ...base, shape: "twin", fiberName: freshName(fn), direct, reasons };
  }

  /** Run in its place, as a generator function: its promise is gone. */
  function isRun(fn: AsyncFunction): boolean {
    const site = runnable.get(fn.node) ?? (fn.invocation === undefined ? undefined : runnable.get(fn.invocation));
    return site !== undefined && !refusals.has(site.fn);
  }

  function commentAgainst(fn: AsyncFunction): { reason: Reason; suspect: boolean } | undefined {
    const reason = analysis.controls.leaves(fn);
    return reason === undefined ? undefined : { reason, suspect: false };
  }

  /** A fiber method beside its façade would be one more in the list. */
  function listedAgainst(fn: AsyncFunction): { reason: Reason; suspect: boolean } | undefined {
    if (fn.form !== "method" || isAsyncGenerator(fn) || hasModifier(fn.node, ts.SyntaxKind.StaticKeyword))
      return undefined;
    if (fn.node.name !== undefined && ts.isPrivateIdentifier(fn.node.name)) return undefined;
    const owner = enclosingClass(fn.node)?.name?.text;
    if (owner === undefined || !observed.listed.has(owner)) return undefined;
    return { reason: { code: "TR1205", message: `${fn.label}: the methods of ${owner} are listed` }, suspect: false };
  }

  /** Nobody needs the promise: every use is a call that a converted function waits for. */
  function canBeInPlace(fn: AsyncFunction): boolean {
    if (isExported(fn) || guarded.has(fn) || analysis.controls.forcesFacade(fn)) return false;
    if (fn.form === "method") {
      const isPrivate =
        (fn.node.name !== undefined && ts.isPrivateIdentifier(fn.node.name)) ||
        (hasModifier(fn.node, ts.SyntaxKind.PrivateKeyword) && !observed.words.has(fn.name ?? ""));
      if (!isPrivate || groups.membersOf(fn).length > 1) return false;
      if (ts.canHaveDecorators(fn.node) && (ts.getDecorators(fn.node)?.length ?? 0) > 0) return false;
    }
    if (fn.declarations.length > (fn.form === "variable" ? 2 : 1)) return false; // overloads keep their promise types
    if (fn.form === "variable" && hasTypeAnnotation(fn, analysis)) return false;
    return (references.get(fn) ?? []).every((use) => isDirectUse(use));
  }

  function isDirectUse(use: Reference): boolean {
    if (use.role !== "use" || use.ambiguous || crossesCommonJs(use)) return false;
    if (analysis.controls.ignores(use.node)) return false;
    const site = runnable.get(use.call ?? use.node);
    if (site === undefined || refusals.has(site.fn) || isInJobThatStays(use.call ?? use.node)) return false;
    return use.call !== undefined || takesItemAndIndex(use.target);
  }

  function isInJobThatStays(node: TS.Node): boolean {
    return limiters.some(
      (limiter) =>
        limiter.uses.some((use) => jobRuns(use) === node) &&
        !canBecomeSemaphore(limiter, (fn) => refusals.has(fn), analysis),
    );
  }

  /** It is handed out as a value in a program that asks functions whether they are async. */
  function isLookedInto(fn: AsyncFunction): boolean {
    const { reflects } = observed;
    if (reflects.inTests.has(fn.name ?? "")) return true;
    if (!reflects.inSources) return false;
    if (fn.form === "value") return fn.invocation === undefined;
    return (references.get(fn) ?? []).some((use) => use.role === "use" && use.call === undefined);
  }

  function isUsedDirectly(fn: AsyncFunction): boolean {
    return (references.get(fn) ?? []).some((use) => isDirectUse(use));
  }

  function reasonAgainstDirect(fn: AsyncFunction): Reason | undefined {
    if (fn.name === undefined || isAsyncGenerator(fn)) return undefined;
    if (fn.form !== "method" && isMocked(fn)) {
      return { code: "TR1209", message: `${fn.label} is replaced in tests: it keeps being called by that name` };
    }
    if (fn.declarations.length > (fn.form === "variable" ? 2 : 1)) {
      return { code: "TR1701", message: `${fn.label} is overloaded: it is called through its promise signatures` };
    }
    // The decorator stays with the façade: what it makes of the method is what is called.
    if (ts.canHaveDecorators(fn.node) && (ts.getDecorators(fn.node)?.length ?? 0) > 0) {
      return { code: "TR1204", message: `${fn.label} is decorated: what its decorator makes of it is called` };
    }
    if (rawTail(fn, checker) !== undefined) {
      return { code: "TR1301", message: `${fn.label} returns from inside try what may be a promise` };
    }
    return undefined;
  }

  function isMocked(fn: AsyncFunction): boolean {
    return observed.mocked.has(fn.name ?? "") || observed.mockedModules.has(moduleName(fn.file.fileName));
  }

  /** Why callers of a method must look whether it has been replaced. */
  function reasonToGuard(fn: AsyncFunction): Reason | undefined {
    if (fn.form !== "method" || fn.name === undefined || isAsyncGenerator(fn)) return undefined;
    // Nobody outside of the class can put another in the place of a private method.
    if (fn.node.name !== undefined && ts.isPrivateIdentifier(fn.node.name)) return undefined;
    if (isMocked(fn)) {
      return { code: "TR1209", message: `${fn.label} is replaced in tests: what stands under that name is called` };
    }
    if (observed.assigned.has(fn.name)) {
      return {
        code: "TR1209",
        message: `${fn.label} may be replaced on an object: what stands under that name is called`,
      };
    }
    const obstacle = groups.obstacle(fn);
    if (obstacle !== undefined) return { code: "TR1203", message: `${fn.label}: ${obstacle}` };
    if ((references.get(fn) ?? []).some((use) => isSuperUse(use) && !isDirectUse(use))) {
      return { code: "TR1203", message: `${fn.label} is called through super where nobody waits for it at once` };
    }
    const owner = enclosingClass(fn.node);
    const hidden =
      (fn.node.name !== undefined && ts.isPrivateIdentifier(fn.node.name)) ||
      hasModifier(fn.node, ts.SyntaxKind.PrivateKeyword);
    if (!hidden && analysis.isLibrary && owner !== undefined && isExportedClass(owner)) {
      return { code: "TR1206", message: `${fn.label} may be overridden outside this package: overrides are called` };
    }
    return undefined;
  }

  /** `super.m()` through a façade would come back to the override; run directly it does not. */
  function superObstacle(fn: AsyncFunction): Reason | undefined {
    if (fn.form !== "method" || isAsyncGenerator(fn)) return undefined;
    for (const use of references.get(fn) ?? []) {
      if (!isSuperUse(use)) continue;
      // The façade of a pair runs its own method and comes back to nobody.
      const isHarmless = isDirectUse(use) || groups.membersOf(fn).every((member) => canBePaired(member));
      if (!isHarmless || rawTail(fn, checker) !== undefined) {
        return { code: "TR1203", message: `${fn.label} is called through super where nobody waits for it at once` };
      }
    }
    return undefined;
  }

  function freshName(fn: AsyncFunction): string {
    const scope = fn.form === "method" ? "member" : fn.file.fileName;
    const base = `${fn.name ?? "body"}${suffix}`;
    // Overrides share a name, because calls reach them through their base.
    if (fn.form === "method") {
      for (const member of groups.membersOf(fn)) {
        const known = decisions.get(member)?.fiberName;
        if (known !== undefined) return known;
      }
    }
    let name = base;
    for (let n = 2; taken.has(name, scope); n++) name = `${base}${n}`;
    if (fn.form !== "method") taken.add(name, scope);
    return name;
  }
}

function canBecomeSemaphore(limiter: Limiter, isLeft: (fn: AsyncFunction) => boolean, { byNode }: Analysis): boolean {
  if (limiter.refused !== undefined) return false;
  return limiter.uses.every(({ job, site }) => {
    const own = byNode.get(job);
    return !isLeft(site.fn) && (own === undefined || !isLeft(own));
  });
}

/** The limiters all of whose jobs become fiber functions that are run where they are waited for. */
export function convertedLimiters(analysis: Analysis, decisions: Decisions): Limiter[] {
  const isLeft = (fn: AsyncFunction): boolean => decisions.get(fn)?.shape === "leave";
  return analysis.limiters.filter((limiter) => canBecomeSemaphore(limiter, isLeft, analysis));
}

/**
 * The references that a rewrite turns into runs of the fiber function, by the call or callback they stand in.
 */
export function directRuns(
  analysis: Analysis,
  decisions: Decisions,
  failedForms: ReadonlyMap<TS.Node, number> = new Map(),
): Map<TS.Node, Run> {
  const runs = new Map<TS.Node, Run>();
  const stays = jobsThatStay(analysis, decisions);
  for (const [target, uses] of analysis.references) {
    const decision = decisions.get(target);
    for (const use of uses) {
      // `super.m` means one method, whatever overrides it: it is run directly even where `m` is not.
      if (decision?.direct !== true && !(decision?.shape === "twin" && isSuperUse(use))) continue;
      if (use.role !== "use" || use.ambiguous || crossesCommonJs(use)) continue;
      if (analysis.controls.ignores(use.node)) continue;
      if (decision.guarded && !isOwnUse(use)) continue;
      const node = use.call ?? use.node;
      const site = stays.has(node) ? undefined : analysis.runnable.get(node);
      if (site === undefined || decisions.get(site.fn)?.shape === "leave") continue;
      if (use.call === undefined && !takesItemAndIndex(target)) continue;
      runs.set(node, { use, targets: [target], site, dispatch: undefined, form: undefined });
    }
  }
  for (const [call, dispatch] of analysis.dispatches) {
    const site = stays.has(call) ? undefined : analysis.runnable.get(call);
    if (runs.has(call) || site === undefined || decisions.get(site.fn)?.shape === "leave") continue;
    const form = dispatch.forms[failedForms.get(call) ?? 0];
    if (form === undefined || analysis.controls.ignores(dispatch.callee)) continue;
    const targets = dispatch.targets.filter((target) => {
      const shape = decisions.get(target)?.shape ?? "leave";
      return shape !== "leave" && shape !== "in-place" && canBePaired(target);
    });
    if (targets.length > 0) runs.set(call, { use: undefined, targets, site, dispatch, form });
  }
  return runs;
}

/** What limiters that stay go on calling. */
function jobsThatStay(analysis: Analysis, decisions: Decisions): Set<TS.Node> {
  const converted = new Set(convertedLimiters(analysis, decisions));
  return new Set(
    analysis.limiters.filter((limiter) => !converted.has(limiter)).flatMap(({ uses }) => uses.map(jobRuns)),
  );
}

/** A call or callback that a rewrite turns into a run of the fiber function. */
export type Run = NamedRun | DispatchedRun;

/** The fiber function is called by its name. */
interface NamedRun extends RunBase {
  readonly use: Reference;
  readonly dispatch: undefined;
  readonly form: undefined;
}

/** Through `direct`: what is called is looked at when it is called. */
interface DispatchedRun extends RunBase {
  readonly use: undefined;
  readonly dispatch: Dispatch;
  readonly form: DispatchForm;
}

interface RunBase {
  readonly site: WaitSite;
  /** Every function of ours that may be run. */
  readonly targets: readonly AsyncFunction[];
}

/** The functions whose façade must be known as such, because of how they are called. */
export function pairedFunctions(
  analysis: Analysis,
  decisions: Decisions,
  runs: ReadonlyMap<TS.Node, Run>,
): Set<AsyncFunction> {
  const paired = new Set<AsyncFunction>();
  const pair = (target: AsyncFunction): void => {
    for (const member of target.form === "method" ? analysis.groups.membersOf(target) : [target]) {
      if (decisions.get(member)?.shape === "twin") paired.add(member);
    }
  };
  for (const { targets, dispatch } of runs.values()) {
    for (const target of targets) if (dispatch !== undefined || decisions.get(target)?.guarded === true) pair(target);
  }
  // Reached through `super`, a façade that is no pair would come back to the override.
  for (const [target, uses] of analysis.references) {
    if (decisions.get(target)?.guarded !== true) continue;
    if (uses.some((use) => isSuperUse(use) && !runs.has(use.call ?? use.node))) pair(target);
  }
  return paired;
}

/** A method called on its own object, or by its override through `super`: no stand-in of another kind can be there. */
function isOwnUse(use: Reference): boolean {
  const access = use.node.parent;
  if (!ts.isPropertyAccessExpression(access)) return false;
  if (access.expression.kind === ts.SyntaxKind.ThisKeyword) return true;
  // A static method called by the name of its class, in the file that declares it.
  const owner = enclosingClass(use.target.node);
  if (ts.isIdentifier(access.expression) && access.expression.text === owner?.name?.text) {
    return use.file === use.target.file && hasModifier(use.target.node, ts.SyntaxKind.StaticKeyword);
  }
  const method = isSuperUse(use) ? methodAround(use.node) : undefined;
  return method?.name.getText() === use.target.name;
}

/** Whether a statement can follow the façade that makes a pair of it and its fiber function. */
function canBePaired(fn: AsyncFunction): boolean {
  if (fn.form === "variable" || fn.form === "value") return true;
  if (fn.form === "declaration") return ts.isSourceFile(fn.node.parent) || ts.isBlock(fn.node.parent);
  const owner = fn.node.parent;
  return (
    ts.isClassLike(owner) &&
    namedClass(owner) !== undefined &&
    fn.node.name !== undefined &&
    ts.isIdentifier(fn.node.name) &&
    [owner, fn.node].every((node) => !ts.canHaveDecorators(node) || (ts.getDecorators(node)?.length ?? 0) === 0)
  );
}

function isSuperUse(use: Reference): boolean {
  const access = use.node.parent;
  return ts.isPropertyAccessExpression(access) && access.expression.kind === ts.SyntaxKind.SuperKeyword;
}

/** A CommonJS module hands out an object of its own making: a fiber function is not added to it. */
function crossesCommonJs(use: Reference): boolean {
  return use.file !== use.target.file && use.target.form !== "method" && isCommonJsFile(use.target.file);
}

/** Whether a function may be handed to `map` as it is, which calls it with the item, its index and the array. */
function takesItemAndIndex(fn: AsyncFunction): boolean {
  return (
    fn.form !== "method" &&
    fn.node.parameters.length <= 2 &&
    !fn.node.parameters.some(
      (parameter) => parameter.dotDotDotToken !== undefined || parameter.initializer !== undefined,
    )
  );
}

function hasTypeAnnotation({ node, file }: AsyncFunction, { project }: Analysis): boolean {
  const variable = node.parent;
  if (!ts.isVariableDeclaration(variable)) return false;
  if (variable.type !== undefined) return true;
  return isJavaScriptFile(file) && isTypeChecked(file, project.options) && ts.getJSDocType(variable) !== undefined;
}

export function isExported(fn: AsyncFunction): boolean {
  if (fn.form === "declaration") return hasModifier(fn.node, ts.SyntaxKind.ExportKeyword);
  if (fn.form !== "variable") return false;
  let statement: TS.Node = fn.node;
  while (!ts.isVariableStatement(statement)) statement = statement.parent;
  return hasModifier(statement, ts.SyntaxKind.ExportKeyword);
}

function isExportedClass(owner: TS.ClassLikeDeclaration): boolean {
  if (hasModifier(owner, ts.SyntaxKind.ExportKeyword)) return true;
  const file = owner.getSourceFile();
  const name = owner.name?.text;
  if (name === undefined) return true;
  if (isCommonJsFile(file)) return /\bexports\b/.test(file.text);
  return file.statements.some(
    (statement) =>
      (ts.isExportAssignment(statement) && statement.expression.getText() === name) ||
      (ts.isExportDeclaration(statement) &&
        statement.moduleSpecifier === undefined &&
        statement.exportClause !== undefined &&
        ts.isNamedExports(statement.exportClause) &&
        statement.exportClause.elements.some((element) => (element.propertyName ?? element.name).text === name)),
  );
}

/** A package that others use, rather than a program of its own: installed, or as its neighbour in a workspace. */
export function isLibrary(root: string): boolean {
  const manifest = manifestIn(root);
  if (manifest === undefined || !["main", "module", "exports", "types"].some((key) => key in manifest)) return false;
  return manifest["private"] !== true || isInWorkspace(root);
}

function isInWorkspace(root: string): boolean {
  for (let folder = dirname(root); folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, "pnpm-workspace.yaml")) || existsSync(join(folder, "lerna.json"))) return true;
    if (manifestIn(folder)?.["workspaces"] !== undefined) return true;
  }
  return false;
}

function manifestIn(folder: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** Every name that a new fiber function could collide with: identifiers of its file, members of any class. */
function takenNames(analysis: Analysis): {
  has(name: string, scope: string): boolean;
  add(name: string, scope: string): void;
} {
  const scopes = new Map<string, Set<string>>();
  const identifiersOf = (scope: string): Set<string> => {
    let known = scopes.get(scope);
    if (known === undefined) {
      known = new Set();
      const files = scope === "member" ? analysis.project.sources : [analysis.project.program.getSourceFile(scope)];
      for (const file of files) {
        if (file !== undefined) for (const match of file.text.matchAll(/[A-Za-z_$][\w$]*/g)) known.add(match[0]);
      }
      scopes.set(scope, known);
    }
    return known;
  };
  return {
    has: (name, scope) => identifiersOf(scope).has(name),
    add: (name, scope) => void identifiersOf(scope).add(name),
  };
}
