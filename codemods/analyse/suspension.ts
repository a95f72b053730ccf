/**
 * What surely suspends. `await f()` always gives others a turn, so the code behind it never runs before the caller of
 * an async function goes on; `yield* f()` gives none if `f` ends without waiting. Where that could be seen, the rewrite
 * keeps the turn.
 */
import { ts, type TS } from "../compiler.js";
import type { Reason } from "../plan.js";
import { detachedCall } from "./detached.js";
import { executorShape } from "./executors.js";
import type { AsyncFunction } from "./functions.js";
import { combinatorShape, isShortCircuit, runnableIn, waitSites, type WaitSite } from "./runs.js";
import { isOwnScope, skipParentheses } from "./syntax.js";
import { observableWait } from "../rxjs/waits.js";
import { waitedKind } from "./thenable.js";

interface RunTargets {
  readonly targets: readonly AsyncFunction[];
  readonly dispatch: { readonly open: boolean } | undefined;
}

export class Suspension {
  readonly #checker: TS.TypeChecker;
  readonly #runs: ReadonlyMap<TS.Node, RunTargets>;
  readonly #byNode: ReadonlyMap<TS.Node, AsyncFunction>;
  /** Jobs that run with a permit, by their calls. */
  readonly #limited: ReadonlyMap<TS.Node, unknown>;
  readonly #known = new Map<AsyncFunction, boolean>();

  constructor(
    checker: TS.TypeChecker,
    runs: ReadonlyMap<TS.Node, RunTargets>,
    byNode: ReadonlyMap<TS.Node, AsyncFunction>,
    limited: ReadonlyMap<TS.Node, unknown> = new Map(),
  ) {
    this.#limited = limited;
    this.#checker = checker;
    this.#runs = runs;
    this.#byNode = byNode;
  }

  /**
   * Why the turn that `await` gave must be kept at `site`: what comes after it could run before the caller of its
   * function goes on, or races with work that a callee left running. Undefined when nobody could tell.
   */
  reasonForTurn(site: WaitSite): Reason | undefined {
    for (const target of this.#targetsIn(site.operand)) {
      const detached = detachedCall(target, this.#checker);
      if (detached === undefined) continue;
      const text = detached.getText(target.file).replace(/\s+/g, " ").slice(0, 40);
      return {
        code: "TR1310",
        message: `${target.label} leaves \`${text}\` running when it ends: what follows keeps its turn`,
      };
    }
    if (this.#limited.has(skipParentheses(site.operand))) {
      return { code: "TR1310", message: "the next job begins when this one has ended: what follows keeps its turn" };
    }
    if (!this.#mayRunAtOnce(site)) return undefined;
    return {
      code: "TR1309",
      message: `${site.fn.label} may get here without having waited: what follows keeps its turn`,
    };
  }

  /** Whether every way to `site` has come past another wait of its function. Each of these gives others a turn. */
  hasWaited(site: WaitSite): boolean {
    if (isBehindHead(site)) return true;
    return waitSites(site.fn).some(
      ({ kind, node }) => kind === "await" && node.end <= site.node.pos && isReachedBefore(node, site),
    );
  }

  #mayRunAtOnce(site: WaitSite): boolean {
    if (this.#suspends(site.operand)) return false;
    if (isBehindHead(site)) return false;
    return !waitSites(site.fn).some((earlier) => earlier.kind === "await" && this.#comesBefore(earlier, site));
  }

  /** Whether running `fn` suspends on every way to its normal end. */
  alwaysSuspends(fn: AsyncFunction): boolean {
    const known = this.#known.get(fn);
    if (known !== undefined) return known;
    this.#known.set(fn, false); // while a cycle is being looked at
    const firstEnd = endOfFirstReturn(fn);
    const loops = fn.loops.some((node) => conditionsOf(node, fn).length === 0 && node.pos < firstEnd);
    const result =
      loops ||
      waitSites(fn).some((site) => {
        if (conditionsOf(site.node, fn).length > 0 || site.node.pos >= firstEnd) return false;
        if (site.kind !== "await" && waitedKind(site.operand, this.#checker) === "plain") return false;
        return this.#suspends(site.operand);
      });
    this.#known.set(fn, result);
    return result;
  }

  #comesBefore(earlier: WaitSite, site: WaitSite): boolean {
    if (earlier.node.end > site.node.pos || !this.#suspends(earlier.operand)) return false;
    return isReachedBefore(earlier.node, site);
  }

  /** Whether waiting for `operand` gives others a turn whatever happens. */
  #suspends(operand: TS.Expression): boolean {
    const expression = skipParentheses(operand);
    if (ts.isConditionalExpression(expression)) {
      return this.#suspends(expression.whenTrue) && this.#suspends(expression.whenFalse);
    }
    if (ts.isBinaryExpression(expression) && isShortCircuit(expression.operatorToken.kind)) {
      return !this.#runsInside(expression.right);
    }
    if (ts.isNewExpression(expression)) {
      const executor = executorShape(expression, this.#checker);
      return executor === undefined || "refused" in executor || executor.answersLater;
    }
    if (!ts.isCallExpression(expression)) return true;
    const run = this.#runs.get(expression);
    if (run !== undefined) {
      return run.dispatch?.open !== true && run.targets.every((target) => this.alwaysSuspends(target));
    }
    const inline = this.#byNode.get(skipParentheses(expression.expression));
    if (inline !== undefined && inline.invocation === expression) return this.alwaysSuspends(inline);
    const combinator = combinatorShape(expression, this.#checker);
    // An observable may have a value at once.
    if (combinator === undefined) return observableWait(expression, this.#checker) === undefined;
    // A map over no items does not wait.
    return combinator.kind === "all" && combinator.elements.some((element) => this.#suspends(element));
  }

  #targetsIn(operand: TS.Expression): AsyncFunction[] {
    const { calls, callbacks } = runnableIn(operand, this.#checker);
    return [...calls, ...callbacks].flatMap((node) => this.#runs.get(node)?.targets ?? []);
  }

  #runsInside(operand: TS.Expression): boolean {
    const expression = skipParentheses(operand);
    return this.#runs.has(expression) || ts.isConditionalExpression(expression) || ts.isBinaryExpression(expression);
  }
}

/** At the head of a `for await` loop an item has been waited for, and behind a `yield` the next request. */
function isBehindHead(site: WaitSite): boolean {
  const { fn } = site;
  const heads = [
    ...fn.loops.map((node) => ({ node, end: node.expression.end })),
    ...fn.yields.map((node) => ({ node, end: node.end })),
  ];
  return heads.some(({ node, end }) => end <= site.node.pos && isReachedBefore(node, site));
}

/** Whether every way to `site` has come past `earlier`, which stands in front of it. */
function isReachedBefore(earlier: TS.Node, site: WaitSite): boolean {
  return conditionsOf(earlier, site.fn).every(
    (condition) => condition.pos <= site.node.pos && site.node.end <= condition.end,
  );
}

/** The constructs around a wait of `fn` that may keep it from being reached. */
function conditionsOf(wait: TS.Node, fn: AsyncFunction): TS.Node[] {
  const conditions: TS.Node[] = [];
  let child: TS.Node = wait;
  for (let node = child.parent; node !== undefined && child !== fn.node && !isOwnScope(child);) {
    if (isConditional(node, child)) conditions.push(child);
    child = node;
    node = node.parent;
  }
  return conditions;
}

function isConditional(node: TS.Node, child: TS.Node): boolean {
  if (ts.isIfStatement(node)) return node.expression !== child;
  if (ts.isConditionalExpression(node)) return node.condition !== child;
  if (ts.isBinaryExpression(node)) return isShortCircuit(node.operatorToken.kind) && node.right === child;
  if (ts.isForOfStatement(node) || ts.isForInStatement(node)) return node.statement === child;
  if (ts.isForStatement(node)) return node.initializer !== child && node.condition !== child;
  if (ts.isWhileStatement(node)) return node.statement === child;
  if (ts.isCatchClause(node) || ts.isCaseOrDefaultClause(node)) return true;
  // What follows something optional may not be reached.
  return (
    (ts.isCallExpression(node) || ts.isPropertyAccessExpression(node)) &&
    (node.flags & ts.NodeFlags.OptionalChain) !== 0
  );
}

/** Where a first `return` is over: a wait behind it may not be reached, one inside it is part of it. */
function endOfFirstReturn(fn: AsyncFunction): number {
  let first = Infinity;
  const visit = (node: TS.Node): void => {
    if (isOwnScope(node)) return;
    if (ts.isReturnStatement(node)) first = Math.min(first, node.end);
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(fn.node.body, visit);
  return first;
}
