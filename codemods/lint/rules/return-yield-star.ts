import type { TSESTree } from "@typescript-eslint/utils";
import { judgeOf } from "../op.js";
import { rule } from "../rule.js";
import { describe } from "../syntax.js";

export const returnYieldStar = rule({
  docs: {
    description: "A fiber function returns what an op gives, not the op.",
    why:
      "`return load();` ends the fiber function with an op that nobody has run, and its caller gets that op. Where a function is " +
      "meant to hand the op on, it needs no star of its own: `function f() { return load(); }`.",
    preset: "recommended",
    bad: [
      {
        code: "function* f() {\n  yield* save(1);\n  return load();\n}",
        fixed: "function* f() {\n  yield* save(1);\n  return yield* load();\n}",
      },
    ],
    good: [
      "function* f() {\n  yield* save(1);\n  return yield* load();\n}",
      "function f() {\n  return load();\n}",
      "function* pick(): Op<Op<string>> {\n  yield* save(1);\n  return load();\n}",
    ],
  },
  fixable: true,
  messages: { star: "This returns the op of {{op}}, not run. Write `return yield* {{op}}`." },
  create(context) {
    const judge = judgeOf(context);
    const { sourceCode } = context;
    return {
      ReturnStatement({ argument }: TSESTree.ReturnStatement) {
        if (!argument || !judge.isOp(argument)) return;
        const fiber = judge.fiberAround(argument);
        if (fiber === undefined) return;
        const declared = fiber.returnType?.typeAnnotation;
        if (declared !== undefined && /^Op<\s*(Op|Body)\b/.test(sourceCode.getText(declared))) return;
        context.report({
          node: argument,
          messageId: "star",
          data: { op: describe(sourceCode, argument) },
          fix: (fixer) => fixer.insertTextBefore(argument, "yield* "),
        });
      },
    };
  },
});
