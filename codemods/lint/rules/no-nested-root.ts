import { AST_NODE_TYPES as T, type TSESLint, type TSESTree } from "@typescript-eslint/utils";
import { judgeOf } from "../op.js";
import { programNames, variableOf } from "../program-names.js";
import { rule } from "../rule.js";
import { describe, functionAround, inPlaceOf, isFunction } from "../syntax.js";
import { switchInScope } from "../switch-in-scope.js";

export const noNestedRoot = rule({
  docs: {
    description: "A fiber does not start a root of its own.",
    why:
      "`run` throws in a fiber. What `toPromise` starts there belongs to nobody: no switch waits for it, and the cancellation of the " +
      "fiber does not reach it. Use `yield*`, or fork it. A promise that is handed to somebody else is left alone, and so is " +
      "`toPromise` with a `signal` or a `sw`, which says who owns it.",
    preset: "migration",
    bad: [
      {
        code: "function* f() {\n  yield* isReady();\n  void toPromise(() => save(1));\n}",
        suggested: ["function* f() {\n  yield* isReady();\n  yield* save(1);\n}"],
      },
      {
        code: "yield* Switch.run(function* (sw) {\n  void toPromise(() => save(1));\n});",
        suggested: [
          "yield* Switch.run(function* (sw) {\n  yield* save(1);\n});",
          "yield* Switch.run(function* (sw) {\n  yield* Fiber.fork(sw, () => save(1));\n});",
        ],
      },
      "function* f() {\n  const text = toPromise(() => load(1));\n  yield* save(1);\n  use(yield* fromPromise(text));\n}",
    ],
    good: [
      "function* f() {\n  yield* save(1);\n}",
      "function* f() {\n  yield* isReady();\n  setTimeout(() => void toPromise(() => save(1)), 10);\n}",
      "function* f() {\n  yield* isReady();\n  use(toPromise(() => save(1)));\n}",
    ],
  },
  suggests: true,
  messages: {
    run: "`run` throws in a fiber: the program runs already. Use `yield*`, or fork it.",
    dropped:
      "What `toPromise` starts here belongs to nobody: nothing waits for it, and cancellation does not reach it. Use `yield*`, or fork it.",
    awaited:
      "What `toPromise` starts here belongs to nobody, and this fiber alone waits for it. Use `yield*`, or `Fiber.forkPromise`, whose result can be waited for.",
    yield: "Run it here: `yield* {{op}}`.",
    fork: "Fork it: `yield* Fiber.fork({{sw}}, () => {{op}})`.",
  },
  create(context) {
    const judge = judgeOf(context);
    const { sourceCode } = context;
    const ours = programNames(context);

    return {
      CallExpression(node) {
        const name = ours.calledBy(node);
        if (name !== "toPromise" && name !== "run") return;
        if (judge.fiberAround(node) === undefined) return;
        if (name === "run") return context.report({ node, messageId: "run", suggest: runs(node, placeOf(node)) });
        if (node.arguments.length > 1) return;
        const outer = whole(node);
        if (outer.parent?.type === T.ExpressionStatement) {
          // Handlers of the promise would be lost.
          const place = outer === node || outer.type === T.UnaryExpression ? outer : undefined;
          context.report({ node, messageId: "dropped", suggest: [...runs(node, place), ...forks(node, place)] });
        } else if (isAwaitedLater(node)) context.report({ node, messageId: "awaited" });
      },
    };

    /** What the promise becomes, before it is dropped or waited for: a chain of handlers, `void`. */
    function whole(call: TSESTree.CallExpression): TSESTree.Node {
      let at: TSESTree.Node = call;
      for (;;) {
        const { parent } = at as { parent: TSESTree.Node };
        if (parent.type === T.UnaryExpression && parent.operator === "void") at = parent;
        else if (
          parent.type === T.MemberExpression &&
          parent.object === at &&
          !parent.computed &&
          parent.property.type === T.Identifier &&
          /^(then|catch|finally)$/.test(parent.property.name) &&
          parent.parent.type === T.CallExpression &&
          parent.parent.callee === parent
        )
          at = parent.parent;
        else return at;
      }
    }

    /** What stands for the result of `run`; undefined where that is a promise. */
    function placeOf(call: TSESTree.CallExpression): TSESTree.Node | undefined {
      const { parent } = call;
      if (parent.type === T.ExpressionStatement) return call;
      if (parent.type !== T.CallExpression || ours.calledBy(parent) !== "fromPromise") return undefined;
      const wait = parent.parent;
      return wait.type === T.YieldExpression && wait.delegate ? wait : undefined;
    }

    /** Whether a promise is kept in a variable that is waited for in this fiber, and is used for nothing else. */
    function isAwaitedLater(call: TSESTree.CallExpression): boolean {
      const { parent } = call;
      if (parent.type !== T.VariableDeclarator || parent.id.type !== T.Identifier) return false;
      const [variable] = sourceCode.getDeclaredVariables?.(parent) ?? [];
      const uses = (variable?.references ?? [])
        .filter((one) => one.isRead())
        .map(({ identifier }) => identifier.parent);
      return (
        uses.length > 0 &&
        uses.every(
          (use) =>
            use?.type === T.CallExpression &&
            ours.calledBy(use) === "fromPromise" &&
            functionAround(use) === functionAround(call),
        )
      );
    }

    /** What the root would run, as an op to be run here. */
    function opOf({ arguments: [body] }: TSESTree.CallExpression): string | undefined {
      if (!body) return undefined;
      if (body.type === T.Identifier) {
        const [definition] = variableOf(sourceCode, body)?.defs ?? [];
        const made = definition?.node;
        const fn = made?.type === T.VariableDeclarator ? made.init : made;
        return fn && isFunction(fn) && fn.params.length === 0 ? `${body.name}()` : undefined;
      }
      if (body.type !== T.ArrowFunctionExpression || body.params.length > 0) return undefined;
      return body.body.type === T.CallExpression && judge.isOp(body.body) ? sourceCode.getText(body.body) : undefined;
    }

    function labelOf({ arguments: [body] }: TSESTree.CallExpression): string {
      if (body?.type === T.ArrowFunctionExpression) return describe(sourceCode, body.body);
      return body ? `${describe(sourceCode, body)}()` : "…";
    }

    function runs(
      call: TSESTree.CallExpression,
      place: TSESTree.Node | undefined,
    ): TSESLint.ReportSuggestionArray<"yield" | "fork"> {
      const text = opOf(call);
      if (text === undefined || place === undefined || call.arguments.length > 1) return [];
      const fix = (fixer: TSESLint.RuleFixer) =>
        fixer.replaceText(
          place,
          place.type === T.YieldExpression ? `yield* ${text}` : inPlaceOf(sourceCode, place, `yield* ${text}`),
        );
      return [{ messageId: "yield", data: { op: labelOf(call) }, fix }];
    }

    function forks(
      call: TSESTree.CallExpression,
      place: TSESTree.Node | undefined,
    ): TSESLint.ReportSuggestionArray<"yield" | "fork"> {
      const text = opOf(call);
      const sw = switchInScope(context, call);
      if (text === undefined || place === undefined || sw === undefined) return [];
      const fix = (fixer: TSESLint.RuleFixer) => [
        ...(ours.import(fixer, "Fiber") ?? []),
        fixer.replaceText(place, `yield* Fiber.fork(${sw}, () => ${text})`),
      ];
      return [{ messageId: "fork", data: { op: labelOf(call), sw }, fix }];
    }
  },
});
