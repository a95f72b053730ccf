import { AST_NODE_TYPES as T, type TSESLint, type TSESTree } from "@typescript-eslint/utils";
import { judgeOf } from "../op.js";
import { programNames } from "../program-names.js";
import { rule } from "../rule.js";
import { canYield, describe, functionAround, unwrapped } from "../syntax.js";
import { switchInScope } from "../switch-in-scope.js";

export const noFloatingOp = rule({
  docs: {
    description: "An op that is made and dropped never runs.",
    why:
      "An op is a description: `save(x);` does nothing at all, and nothing at run time tells. Run it with `yield*`, or fork it. " +
      "`void` is no way out, as it is with promises: a voided op does not run either. Lists of ops are found, too: `xs.map(save);`.",
    preset: "recommended",
    bad: [
      {
        code: "function* f() {\n  save(1);\n}",
        suggested: ["function* f() {\n  yield* save(1);\n}"],
      },
      {
        code: "yield* Switch.run(function* (sw) {\n  Fiber.fork(sw, () => save(1));\n  save(2);\n});",
        found: 2,
      },
      {
        code: "async function f() {\n  save(1);\n}",
        suggested: [`async function f() {\n  await toPromise(() => save(1));\n}`],
      },
      { code: "function* f() {\n  void save(1);\n}", suggested: ["function* f() {\n  yield* save(1);\n}"] },
      {
        code: "function* f() {\n  ready && save(1);\n}",
        suggested: ["function* f() {\n  ready && (yield* save(1));\n}"],
      },
      "function* f() {\n  ids.map((id) => save(id));\n}",
    ],
    good: [
      "function* f() {\n  yield* save(1);\n}",
      "yield* Switch.run(function* (sw) {\n  yield* Fiber.fork(sw, () => save(1));\n});",
      "function* f() {\n  yield* Fiber.forEach(ids, save);\n}",
      "const body = () => save(1);",
    ],
  },
  suggests: true,
  messages: {
    floating: "{{op}} gives an op, and nobody runs it: it does nothing. Run it with `yield*`, or fork it.",
    floatingAsync:
      "{{op}} gives an op, and nobody runs it: it does nothing. Outside of a fiber, `toPromise(() => …)` runs one.",
    floatingList: "{{op}} gives a list of ops, and nobody runs them. Use `yield* Fiber.forEach(…)`, or `Fiber.map`.",
    run: "Run it: `yield* {{op}}`.",
    fork: "Fork it: `yield* Fiber.fork({{sw}}, () => {{op}})`.",
    promise: "Run it and wait for its promise: `await toPromise(() => {{op}})`.",
  },
  create(context) {
    const { sourceCode } = context;
    const judge = judgeOf(context);

    const check = (expression: TSESTree.Expression, whole: TSESTree.Expression): void => {
      const node = unwrapped(expression);
      if (node.type === T.UnaryExpression && node.operator === "void") return check(node.argument, node);
      if (node.type === T.LogicalExpression) return check(node.right, node.right);
      if (node.type === T.SequenceExpression) return node.expressions.forEach((one) => check(one, one));
      if (node.type === T.ConditionalExpression) {
        check(node.consequent, node.consequent);
        return check(node.alternate, node.alternate);
      }
      if (node.type === T.AssignmentExpression) return;
      if (judge.opness(node) !== "no") report(node, whole);
      else if (node.type === T.CallExpression && judge.isOps(node)) {
        context.report({ node, messageId: "floatingList", data: { op: describe(sourceCode, node) } });
      }
    };

    const report = (node: TSESTree.Expression, whole: TSESTree.Expression): void => {
      const op = describe(sourceCode, node);
      const text = sourceCode.getText(node);
      const put = (prefix: string, suffix = "") => {
        return (fixer: TSESLint.RuleFixer) => {
          const inner = whole.parent.type === T.LogicalExpression || whole.parent.type === T.ConditionalExpression;
          const made = `${prefix}${text}${suffix}`;
          return fixer.replaceText(whole, inner ? `(${made})` : made);
        };
      };
      const suggest: TSESLint.ReportSuggestionArray<"run" | "fork" | "promise"> = [];
      if (canYield(node)) {
        suggest.push({ messageId: "run", data: { op }, fix: put("yield* ") });
        const sw = switchInScope(context, node);
        const forks = /^Fiber\.(fork|yield|awaitCancel)/.test(programNames(context).calledBy(node) ?? "");
        if (sw !== undefined && !forks) {
          const fix = put(`yield* Fiber.fork(${sw}, () => `, ")");
          suggest.push({ messageId: "fork", data: { op, sw }, fix });
        }
      } else if (functionAround(node)?.async) {
        suggest.push({ messageId: "promise", data: { op }, fix: put("await toPromise(() => ", ")") });
      }
      const messageId = canYield(node) ? "floating" : "floatingAsync";
      context.report({ node, messageId, data: { op }, suggest });
    };

    return {
      ExpressionStatement({ expression }) {
        if (expression.type !== T.YieldExpression && expression.type !== T.AwaitExpression)
          check(expression, expression);
      },
    };
  },
});
