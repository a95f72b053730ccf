/**
 * Limiters of other packages that a semaphore can take the place of: made with a fixed number of slots, known to one
 * file, and used only to run jobs that somebody waits for at once. All their uses change together, or none does.
 */
import { libraryName } from "../analyse/library.js";
import type { WaitSite } from "../analyse/runs.js";
import { hasModifier, isAsyncFunctionNode, skipParentheses, usesArguments } from "../analyse/syntax.js";
import { ts, type TS } from "../compiler.js";
import type { Reason } from "../plan.js";

export interface Limiter {
  readonly creation: TS.CallExpression | TS.NewExpression;
  /** The name of the package's function or class in the creation. */
  readonly identifier: TS.Identifier;
  readonly pattern: "CM-L02" | "CM-L10";
  /** How many jobs run at once. */
  readonly slots: string;
  readonly uses: readonly LimitedCall[];
  /** Why it stays, whatever becomes of the functions around its uses. */
  readonly refused: Reason | undefined;
}

/** `limit(job)`, or `mutex.runExclusive(job)`. */
export interface LimitedCall {
  readonly call: TS.CallExpression;
  readonly job: TS.ArrowFunction | TS.FunctionExpression;
  /** Where the job is waited for. */
  readonly site: WaitSite;
}

interface Kind {
  readonly pattern: Limiter["pattern"];
  readonly isNew: boolean;
  /** The method that runs a job; undefined where the limiter is the function itself. */
  readonly method: string | undefined;
  /** The slots where no number is given. */
  readonly slots: string | undefined;
}

const kinds: Readonly<Record<string, Kind>> = {
  "p-limit default": { pattern: "CM-L02", isNew: false, method: undefined, slots: undefined },
  "p-limit *": { pattern: "CM-L02", isNew: false, method: undefined, slots: undefined },
  "async-mutex Mutex": { pattern: "CM-L10", isNew: true, method: "runExclusive", slots: "1" },
  "async-mutex Semaphore": { pattern: "CM-L10", isNew: true, method: "runExclusive", slots: undefined },
};

export function findLimiters(
  files: readonly TS.SourceFile[],
  runnable: ReadonlyMap<TS.Node, WaitSite>,
  checker: TS.TypeChecker,
): Limiter[] {
  const found: Limiter[] = [];
  for (const file of files) {
    if (!/\b(p-limit|async-mutex)\b/.test(file.text)) continue;
    const visit = (node: TS.Node): void => {
      if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
        const limiter = limiterOf(node, runnable, checker);
        if (limiter !== undefined) found.push(limiter);
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return found;
}

function limiterOf(
  creation: TS.CallExpression | TS.NewExpression,
  runnable: ReadonlyMap<TS.Node, WaitSite>,
  checker: TS.TypeChecker,
): Limiter | undefined {
  const named = libraryName(creation.expression, checker);
  const kind = named && kinds[`${named.module} ${named.name}`];
  if (named === undefined || kind === undefined || kind.isNew !== ts.isNewExpression(creation)) return undefined;
  const { identifier } = named;
  const limiter = { creation, identifier, pattern: kind.pattern, slots: "", uses: [] };
  const no = (message: string): Limiter => ({ ...limiter, refused: { code: "TR1605", message } });
  const slots = slotsOf(creation, kind, checker);
  if (slots === undefined) return no("how many jobs it lets run is not a number that is written here");
  const name = declaredName(creation);
  if (name === undefined) return no("it is no constant or private field of one file");
  const uses: LimitedCall[] = [];
  for (const use of usesOf(name, checker)) {
    const read = readUse(use, kind, runnable);
    if (typeof read === "string") return no(read);
    uses.push(read);
  }
  if (uses.length === 0) return no("it runs nothing");
  const nested = uses.find(({ job }) => uses.some(({ call }) => job.pos <= call.pos && call.end <= job.end));
  if (nested !== undefined) return no("a job of it waits for another one, which may never start");
  return { ...limiter, slots, uses, refused: undefined };
}

/** The number of slots as text: a literal, or a constant of one. */
function slotsOf(
  creation: TS.CallExpression | TS.NewExpression,
  kind: Kind,
  checker: TS.TypeChecker,
): string | undefined {
  const [given, ...more] = creation.arguments ?? [];
  if (kind.slots !== undefined) return given === undefined ? kind.slots : undefined;
  if (given === undefined || more.length > 0) return undefined;
  if (ts.isObjectLiteralExpression(given)) {
    const [property, ...others] = given.properties;
    if (property === undefined || others.length > 0 || !ts.isPropertyAssignment(property)) return undefined;
    // A comment would have no place any more.
    if (/\/[/*]/.test(given.getText())) return undefined;
    return property.name.getText() === "concurrency" ? positive(property.initializer, checker) : undefined;
  }
  return positive(given, checker);
}

function positive(expression: TS.Expression, checker: TS.TypeChecker): string | undefined {
  if (ts.isNumericLiteral(expression)) {
    return /^[1-9]\d*$/.test(expression.getText()) ? expression.getText() : undefined;
  }
  if (!ts.isIdentifier(expression)) return undefined;
  const declaration = checker.getSymbolAtLocation(expression)?.valueDeclaration;
  const isConstant =
    declaration !== undefined &&
    ts.isVariableDeclaration(declaration) &&
    (ts.getCombinedNodeFlags(declaration) & ts.NodeFlags.Const) !== 0 &&
    declaration.initializer !== undefined &&
    ts.isNumericLiteral(declaration.initializer) &&
    /^[1-9]\d*$/.test(declaration.initializer.getText());
  return isConstant ? expression.text : undefined;
}

/** The name of the constant or private field that holds it, when nobody outside of the file can have it. */
function declaredName(creation: TS.Expression): TS.Identifier | TS.PrivateIdentifier | undefined {
  const { parent } = creation;
  if (ts.isVariableDeclaration(parent)) {
    const list = parent.parent;
    const isConstant = (ts.getCombinedNodeFlags(parent) & ts.NodeFlags.Const) !== 0;
    if (!isConstant || parent.initializer !== creation || parent.type !== undefined) return undefined;
    if (!ts.isIdentifier(parent.name) || !ts.isVariableStatement(list.parent)) return undefined;
    return hasModifier(list.parent, ts.SyntaxKind.ExportKeyword) ? undefined : parent.name;
  }
  if (!ts.isPropertyDeclaration(parent) || parent.initializer !== creation || parent.type !== undefined)
    return undefined;
  if (ts.isPrivateIdentifier(parent.name)) return parent.name;
  const isPrivate = hasModifier(parent, ts.SyntaxKind.PrivateKeyword) && ts.isIdentifier(parent.name);
  return isPrivate ? parent.name : undefined;
}

/** The other places in the file that name it. */
function usesOf(name: TS.Identifier | TS.PrivateIdentifier, checker: TS.TypeChecker): TS.Node[] {
  const symbol = checker.getSymbolAtLocation(name);
  const found: TS.Node[] = [];
  const visit = (node: TS.Node): void => {
    if ((ts.isIdentifier(node) || ts.isPrivateIdentifier(node)) && node !== name && node.text === name.text) {
      const { parent } = node;
      const named = ts.isShorthandPropertyAssignment(parent)
        ? checker.getShorthandAssignmentValueSymbol(parent)
        : ts.isExportSpecifier(parent)
          ? checker.getExportSpecifierLocalTargetSymbol(parent)
          : checker.getSymbolAtLocation(node);
      if (named === symbol) found.push(node);
    }
    ts.forEachChild(node, visit);
  };
  visit(name.getSourceFile());
  return found;
}

/** The limited call that a use is, or why it is none that a semaphore could take over. */
function readUse(use: TS.Node, kind: Kind, runnable: ReadonlyMap<TS.Node, WaitSite>): LimitedCall | string {
  let callee: TS.Node = use;
  if (ts.isPropertyAccessExpression(callee.parent) && callee.parent.name === callee) callee = callee.parent;
  if (kind.method !== undefined) {
    const access = callee.parent;
    if (!ts.isPropertyAccessExpression(access) || access.expression !== callee) return "it is handed on";
    if (access.name.text !== kind.method) return `\`${access.name.text}\` has no counterpart`;
    callee = access;
  }
  const call = callee.parent;
  if (ts.isPropertyAccessExpression(call) && call.expression === callee) {
    return `\`${call.name.text}\` has no counterpart`;
  }
  if (!ts.isCallExpression(call) || call.expression !== callee) return "it is handed on";
  const [given, ...more] = call.arguments;
  if (given === undefined || more.length > 0) return "a job is given arguments of its own";
  const job = skipParentheses(given);
  if (!ts.isArrowFunction(job) && !ts.isFunctionExpression(job))
    return "a job is no function that is written in its place";
  const isJob = isAsyncFunctionNode(job)
    ? job.asteriskToken === undefined && job.parameters.length === 0
    : ts.isArrowFunction(job) && ts.isCallExpression(skipParentheses(job.body as TS.Expression));
  if (usesArguments(job) && ts.isArrowFunction(job)) return "a job reads the `arguments` of the function around it";
  if (!isJob || call.typeArguments !== undefined) return "a job is more than an async function or a call";
  const site = runnable.get(call);
  if (site === undefined) return "the promise of a job is not waited for at once";
  return { call, job, site };
}

/** The parts of a job that run in its place, once it is a fiber function. */
export function jobRuns({ job }: LimitedCall): TS.Node {
  return isAsyncFunctionNode(job) ? job : skipParentheses((job as TS.ArrowFunction).body as TS.Expression);
}
