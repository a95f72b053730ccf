// What happens a second time on one way through a function, where that is certain: no condition has to be understood for it.

import { AST_NODE_TYPES as T, type TSESLint, type TSESTree } from "@typescript-eslint/utils";
import { childrenOf, isFunction } from "./syntax.js";

type SourceCode = Readonly<TSESLint.SourceCode>;

export interface Event {
  readonly is: (node: TSESTree.Node) => boolean;
  /** Whether it may throw when it happens, so that a `catch` comes behind it. */
  readonly throws?: boolean;
  /** Whether each round of a loop makes it happen anew. */
  readonly repeats?: (loop: TSESTree.Node) => boolean;
}

/** What a statement does with an event. */
interface Flow {
  /** Where it happens on each way that comes to the statement, unless something throws. */
  readonly must?: TSESTree.Node | undefined;
  /** There is a way on which it happens and what is behind the statement is reached. */
  readonly goesOn?: boolean;
  /** There is a way on which it happens and a loop or `switch` is left by `break`, or begins anew by `continue`. */
  readonly breaks?: boolean;
  readonly continues?: boolean;
  /** There is a way, event or not, that returns or throws; that breaks or continues. */
  readonly returns?: boolean;
  readonly jumps?: boolean;
}

const NOTHING: Flow = {};
/** What nothing is concluded from. */
const UNKNOWN: Flow = { returns: true, jumps: true };

/**
 * The places where an event happens for the second time. A place counts only if it comes for sure behind an earlier one, with nothing
 * between them that can leave: `if (a) f(); if (b) f();` may well be right.
 */
export function secondTimes(sourceCode: SourceCode, body: TSESTree.BlockStatement, event: Event): TSESTree.Node[] {
  const found = new Set<TSESTree.Node>();
  ofList(body.body);
  return [...found];

  function second(happened: boolean | undefined, { must }: Flow): void {
    if (happened && must) found.add(must);
  }

  function ofList(statements: readonly TSESTree.Statement[]): Flow {
    let happened = false;
    let must: TSESTree.Node | undefined;
    let breaks = false;
    let continues = false;
    let returns = false;
    let jumps = false;
    for (const statement of statements) {
      const flow = of(statement);
      second(happened, flow);
      if (!returns && !jumps) must ??= flow.must;
      if (statement.type === T.BreakStatement || statement.type === T.ContinueStatement) {
        if (statement.type === T.BreakStatement) breaks ||= happened;
        else continues ||= happened;
      }
      breaks ||= flow.breaks === true;
      continues ||= flow.continues === true;
      returns ||= flow.returns === true;
      jumps ||= flow.jumps === true;
      // What left may have left just because it had happened.
      if (flow.returns || flow.jumps) happened = false;
      if (flow.goesOn) happened = true;
      if (leaves(statement)) {
        happened = false;
        break;
      }
    }
    return { must, goesOn: happened, breaks, continues, returns, jumps };
  }

  function of(node: TSESTree.Statement): Flow {
    switch (node.type) {
      case T.ExpressionStatement:
        return ofExpressions([node.expression]);
      case T.VariableDeclaration:
        return ofExpressions(node.declarations.map(({ init }) => init));
      case T.ReturnStatement:
      case T.ThrowStatement:
        return { must: ofExpressions([node.argument]).must, returns: true };
      case T.BreakStatement:
      case T.ContinueStatement:
        return node.label ? UNKNOWN : { jumps: true };
      case T.BlockStatement:
        return ofList(node.body);
      case T.IfStatement:
        return ofIf(node);
      case T.WhileStatement:
      case T.DoWhileStatement:
        return ofLoop(node, [node.test]);
      case T.ForStatement:
        return ofLoop(node, [node.test, node.update]);
      case T.ForInStatement:
      case T.ForOfStatement:
        return ofLoop(node, []);
      case T.SwitchStatement:
        return ofSwitch(node);
      case T.TryStatement:
        return ofTry(node);
      case T.EmptyStatement:
      case T.FunctionDeclaration:
      case T.ClassDeclaration:
      case T.TSTypeAliasDeclaration:
      case T.TSInterfaceDeclaration:
      case T.DebuggerStatement:
        return NOTHING;
      default:
        return UNKNOWN;
    }
  }

  function ofIf(node: TSESTree.IfStatement): Flow {
    const test = ofExpressions([node.test]);
    const yes = of(node.consequent);
    const no = node.alternate ? of(node.alternate) : NOTHING;
    second(test.must !== undefined, yes);
    second(test.must !== undefined, no);
    return {
      must: test.must ?? (no.must && yes.must),
      goesOn: test.goesOn || yes.goesOn || no.goesOn,
      breaks: yes.breaks || no.breaks,
      continues: yes.continues || no.continues,
      returns: yes.returns || no.returns,
      jumps: yes.jumps || no.jumps,
    };
  }

  function ofLoop(
    node:
      | TSESTree.WhileStatement
      | TSESTree.DoWhileStatement
      | TSESTree.ForStatement
      | TSESTree.ForInStatement
      | TSESTree.ForOfStatement,
    controls: readonly (TSESTree.Expression | null)[],
  ): Flow {
    const body = of(node.body);
    const control = ofExpressions(controls);
    if (event.repeats?.(node)) {
      if (body.must && (body.goesOn || body.continues)) found.add(body.must);
      if (control.must) found.add(control.must);
    }
    return {
      must: node.type === T.DoWhileStatement ? body.must : undefined,
      goesOn: body.goesOn || body.breaks || body.continues || control.goesOn,
      returns: body.returns,
    };
  }

  function ofSwitch(node: TSESTree.SwitchStatement): Flow {
    const cases = node.cases.map((one) => ofList(one.consequent));
    const any = (key: Exclude<keyof Flow, "must">) => cases.some((one) => one[key]);
    return {
      must: ofExpressions([node.discriminant]).must,
      goesOn: any("goesOn") || any("breaks") || ofExpressions([node.discriminant]).goesOn,
      continues: any("continues"),
      returns: any("returns"),
      // A `break` of the switch is none of what is around it; a `continue` would be.
      jumps: any("continues"),
    };
  }

  function ofTry({ block, handler, finalizer }: TSESTree.TryStatement): Flow {
    const tried = ofList(block.body);
    const caught = handler ? ofList(handler.body.body) : NOTHING;
    const last = finalizer ? ofList(finalizer.body) : NOTHING;
    // What has happened may be what threw.
    const failed = event.throws === true && tried.must !== undefined;
    second(failed, caught);
    second(tried.goesOn || caught.goesOn, last);
    const end = handler?.body.body.at(-1)?.type;
    const flows = [tried, caught, last];
    return {
      must: tried.must ?? last.must,
      goesOn: flows.some((one) => one.goesOn) || (failed && handler !== null && !caught.returns && !caught.jumps),
      breaks: flows.some((one) => one.breaks),
      continues: flows.some((one) => one.continues) || (failed && end === T.ContinueStatement),
      returns: flows.some((one) => one.returns),
      jumps: flows.some((one) => one.jumps),
    };
  }

  /** Expressions that are evaluated one after the other. */
  function ofExpressions(nodes: readonly (TSESTree.Node | null | undefined)[]): Flow {
    let must: TSESTree.Node | undefined;
    let may = false;
    for (const node of nodes) if (node) walk(node, true);
    return { must, goesOn: may };

    function walk(node: TSESTree.Node, certain: boolean): void {
      if (isFunction(node) || node.type === T.ClassExpression) {
        if (!event.is(node)) return;
        if (certain) happens(node);
        else may = true;
        return;
      }
      if (node.type === T.LogicalExpression || node.type === T.AssignmentPattern) {
        walk(node.left, certain);
        return walk(node.right, false);
      }
      if (node.type === T.ConditionalExpression) {
        walk(node.test, certain);
        const [yes, no] = [ofExpressions([node.consequent]), ofExpressions([node.alternate])];
        if (certain && yes.must && no.must) happens(yes.must);
        else may ||= yes.goesOn === true || no.goesOn === true;
        return;
      }
      const inner = certain && node.type !== T.ChainExpression;
      for (const child of childrenOf(sourceCode, node)) walk(child, inner);
      if (!event.is(node)) return;
      if (certain) happens(node);
      else may = true;
    }

    function happens(node: TSESTree.Node): void {
      if (must) found.add(node);
      must ??= node;
      may = true;
    }
  }
}

function leaves({ type }: TSESTree.Statement): boolean {
  return (
    type === T.ReturnStatement || type === T.ThrowStatement || type === T.BreakStatement || type === T.ContinueStatement
  );
}
