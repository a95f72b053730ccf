import type { TSESLint, TSESTree } from "@typescript-eslint/utils";
import { judgeOf } from "../op.js";
import { rule } from "../rule.js";
import { describe } from "../syntax.js";

export const noYieldOp = rule({
  docs: {
    description: "An op is run with `yield*`, not with `yield`.",
    why:
      "`yield op` hands the op itself to the scheduler, which has no use for it and throws into the fiber. " +
      "A promise is waited for with `yield* fromPromise(p)`.",
    preset: "recommended",
    bad: [
      {
        code: "function* f() {\n  const v = yield load();\n}",
        fixed: "function* f() {\n  const v = yield* load();\n}",
      },
      {
        code: "yield* Switch.run(function* () {\n  const response = yield fetch(url);\n});",
        suggested: ["yield* Switch.run(function* () {\n  const response = yield* fromPromise(fetch(url));\n});"],
      },
    ],
    good: [
      "function* f() {\n  const v = yield* load();\n}",
      "function* numbers() {\n  yield 1;\n}",
      "function* promises() {\n  yield fetch(url);\n}",
    ],
  },
  fixable: true,
  suggests: true,
  messages: {
    op: "`yield` without its star does not run {{op}}. Write `yield* {{op}}`.",
    promise: "A fiber cannot `yield` a promise. Write `yield* fromPromise({{op}})`.",
    wait: "Wait for it: `yield* fromPromise({{op}})`.",
  },
  create(context) {
    const judge = judgeOf(context);
    const { sourceCode } = context;
    return {
      "YieldExpression[delegate=false]"(node: TSESTree.YieldExpression) {
        const { argument } = node;
        if (!argument) return;
        const data = { op: describe(sourceCode, argument) };
        if (judge.isOp(argument)) {
          const token = sourceCode.getFirstToken(node)!;
          context.report({ node, messageId: "op", data, fix: (fixer) => fixer.insertTextAfter(token, "*") });
        } else if (judge.types?.isPromise(judge.types.of(argument)) && judge.fiberAround(node) !== undefined) {
          const text = `yield* fromPromise(${sourceCode.getText(argument)})`;
          const fix = {
            messageId: "wait" as const,
            data,
            fix: (fixer: TSESLint.RuleFixer) => fixer.replaceText(node, text),
          };
          context.report({ node, messageId: "promise", data, suggest: [fix] });
        }
      },
    };
  },
});
