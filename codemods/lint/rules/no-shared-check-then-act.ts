import { AST_NODE_TYPES as T, type TSESTree } from "@typescript-eslint/utils";
import { judgeOf } from "../op.js";
import { propertyNameOf, variableOf } from "../program-names.js";
import { rule } from "../rule.js";
import { childrenOf, functionAround, isFunction, nodesWithin, unwrapped } from "../syntax.js";

/** What is done under a lock is done by one fiber at a time. */
const LOCKS = /(?<![bc])lock|mutex|semaphore|acquire|permit|exclusive|hold|useR[ow]/i;

export const noSharedCheckThenAct = rule({
  docs: {
    description: "Nothing is waited for between the test of what fibers share and its change.",
    why:
      "`if (!this.client) this.client = yield* connect();` is right for one fiber. A second one that comes while the first still " +
      "connects finds no client either, and connects as well. `Lazy` makes a thing once, for all; a `Mutex` lets one fiber in at a time. " +
      "Fields and variables of modules are looked at. A test that is made again behind the wait, a change before it, and code under " +
      "a lock are right.",
    preset: "strict",
    bad: [
      "export class Api {\n  private client?: string;\n  *get(): Op<string> {\n    if (!this.client) this.client = yield* load();\n    return this.client;\n  }\n}",
      "let text: string | undefined;\nexport function* get(): Op<string> {\n  return (text ??= yield* load());\n}",
      "export class Api {\n  private client?: string;\n  *get(): Op<string> {\n    if (this.client !== undefined) return this.client;\n    const made = yield* load();\n    this.client = made;\n    return made;\n  }\n}",
    ],
    good: [
      "export class Api {\n  private readonly client = Lazy.fromFun(() => load(), { cancel: 'restart' });\n  *get(): Op<string> {\n    return yield* this.client.force();\n  }\n}",
      "export class Api {\n  private client?: string;\n  private readonly mutex = new Mutex();\n  *get(): Op<string> {\n    using held = yield* this.mutex.hold();\n    if (!this.client) this.client = yield* load();\n    return this.client;\n  }\n}",
      "export class Api {\n  private started = false;\n  *start(): Op<void> {\n    if (this.started) return;\n    this.started = true;\n    yield* save(1);\n  }\n}",
      "export function* get(): Op<string> {\n  let text: string | undefined;\n  if (!text) text = yield* load();\n  return text;\n}",
    ],
  },
  messages: {
    race: "Another fiber may come between the test of `{{place}}` and this change of it, while this one waits. Use a `Lazy` or a `Mutex`.",
  },
  create(context) {
    const judge = judgeOf(context);
    const { sourceCode } = context;

    return {
      AssignmentExpression(node) {
        if (node.operator === "??=" || node.operator === "||=") {
          if (waits(node.right)) report(node, node.left);
        } else if (node.operator === "=") {
          const right = unwrapped(node.right);
          // `this.c = this.c ?? (yield* make())`
          if (right.type !== T.LogicalExpression || right.operator === "&&") return;
          if (same(right.left, node.left) && waits(right.right)) report(node, node.left);
        }
      },
      IfStatement(node) {
        const place = testedAbsent(node.test);
        if (place !== undefined) return checkList(place, listOf(node.consequent));
        const there = testedPresent(node.test);
        if (there === undefined || node.alternate || !leaves(node.consequent)) return;
        const around = node.parent.type === T.BlockStatement ? node.parent.body : [];
        checkList(there, around.slice(around.indexOf(node) + 1));
      },
    };

    /** Looks for a change behind a wait, in statements that follow a test. */
    function checkList(place: TSESTree.Node, statements: readonly TSESTree.Statement[]): void {
      if (!isShared(place)) return;
      let waited = false;
      for (const statement of statements) {
        if (statement.type === T.ExpressionStatement && statement.expression.type === T.AssignmentExpression) {
          const { left, right, operator } = statement.expression;
          if (same(left, place)) {
            if (operator === "=" && !mentions(right, place) && (waited || waits(right)))
              report(statement.expression, place);
            return;
          }
          // A mark that others look at, perhaps: whoever sets one has thought of them.
          if (!waited && isShared(left)) return;
        }
        // Looked at once more, or changed somewhere within.
        if (mentions(statement, place)) return;
        waited ||= waits(statement);
        if (leaves(statement)) return;
      }
    }

    function report(node: TSESTree.AssignmentExpression, place: TSESTree.Node): void {
      if (!isShared(place) || judge.fiberAround(node) === undefined || isLocked(node)) return;
      context.report({ node, messageId: "race", data: { place: sourceCode.getText(place) } });
    }

    /** A field of `this`, or a variable of the module that is assigned. */
    function isShared(place: TSESTree.Node): boolean {
      if (place.type === T.Identifier) {
        const variable = variableOf(sourceCode, place);
        return variable?.scope.block.type === T.Program && variable.defs[0]?.node.type === T.VariableDeclarator;
      }
      if (place.type !== T.MemberExpression) return false;
      if (place.computed && propertyNameOf(place) === undefined) return false;
      return (
        place.object.type === T.ThisExpression || (place.object.type === T.MemberExpression && isShared(place.object))
      );
    }

    /** Whether a lock is taken around a node, or anywhere before it in its function. */
    function isLocked(node: TSESTree.Node): boolean {
      for (let at = node.parent; at; at = at.parent) {
        if (at.type === T.CallExpression && LOCKS.test(sourceCode.getText(at.callee))) return true;
      }
      const fn = functionAround(node);
      if (fn === undefined) return true;
      // A function that says so is called under a lock.
      if (LOCKS.test(nameOf(fn))) return true;
      for (const one of nodesWithin(sourceCode, fn.body)) {
        if (one.range[0] >= node.range[0]) continue;
        if (one.type === T.CallExpression && LOCKS.test(sourceCode.getText(one.callee))) return true;
      }
      return false;
    }

    /** Whether something is waited for. A module is the same however often it is loaded. */
    function waits(node: TSESTree.Node): boolean {
      for (const one of nodesWithin(sourceCode, node)) {
        if (one.type !== T.YieldExpression || !one.delegate || !one.argument) continue;
        if (![...nodesWithin(sourceCode, one.argument)].some(({ type }) => type === T.ImportExpression)) return true;
      }
      return false;
    }

    function mentions(node: TSESTree.Node, place: TSESTree.Node): boolean {
      if (isFunction(node)) return false;
      return same(node, place) || childrenOf(sourceCode, node).some((child) => mentions(child, place));
    }

    function same(a: TSESTree.Node, b: TSESTree.Node): boolean {
      if (a.type === T.TSNonNullExpression) return same(a.expression, b);
      return a.type === b.type && sourceCode.getText(a) === sourceCode.getText(b);
    }
  },
});

/** What is there when the condition does not hold: `!x`, `x === undefined`. */
function testedAbsent(test: TSESTree.Expression): TSESTree.Node | undefined {
  if (test.type === T.UnaryExpression && test.operator === "!") return unwrapped(test.argument);
  if (test.type !== T.BinaryExpression || !/^===?$/.test(test.operator)) return undefined;
  return isNothing(test.right) ? unwrapped(test.left as TSESTree.Expression) : undefined;
}

/** What is there when the condition holds: `x`, `x !== undefined`. */
function testedPresent(test: TSESTree.Expression): TSESTree.Node | undefined {
  if (test.type === T.Identifier || test.type === T.MemberExpression) return test;
  if (test.type !== T.BinaryExpression || !/^!==?$/.test(test.operator)) return undefined;
  return isNothing(test.right) ? unwrapped(test.left as TSESTree.Expression) : undefined;
}

function isNothing(node: TSESTree.Node): boolean {
  return (node.type === T.Identifier && node.name === "undefined") || (node.type === T.Literal && node.value === null);
}

function listOf(node: TSESTree.Statement): readonly TSESTree.Statement[] {
  return node.type === T.BlockStatement ? node.body : [node];
}

function leaves(node: TSESTree.Statement): boolean {
  const last = listOf(node).at(-1);
  return last?.type === T.ReturnStatement || last?.type === T.ThrowStatement;
}

function nameOf(fn: TSESTree.Node): string {
  if (fn.type === T.FunctionDeclaration) return fn.id?.name ?? "";
  const { parent } = fn;
  return parent?.type === T.MethodDefinition && parent.key.type === T.Identifier ? parent.key.name : "";
}
