import { AST_NODE_TYPES as T, type TSESLint, type TSESTree } from "@typescript-eslint/utils";
import { judgeOf } from "../op.js";
import { rule } from "../rule.js";
import { describe } from "../syntax.js";

export const noAwaitOp = rule({
  docs: {
    description: "`await` does not run an op: it gives the op back.",
    why:
      "An op is no promise, so `await load()` gives it as it is, not run, at once; `for await` goes through the steps of the " +
      "scheduler. From async code, `toPromise` runs a fiber function.",
    preset: "recommended",
    bad: [
      {
        code: "async function f() {\n  const v = await load();\n}",
        suggested: ["async function f() {\n  const v = await toPromise(() => load());\n}"],
      },
      "async function f() {\n  for await (const v of load()) use(v);\n}",
    ],
    good: [
      "async function f() {\n  const v = await toPromise(() => load());\n}",
      "async function f() {\n  await fetch(url);\n}",
    ],
  },
  suggests: true,
  messages: {
    await:
      "`await` does not run {{op}}, which gives an op: it comes back as it is. Write `await toPromise(() => {{op}})`.",
    forAwait:
      "`for await` does not run {{op}}, which gives an op. Run it with `toPromise`, or with `yield*` in a fiber.",
    promise: "Run it: `await toPromise(() => {{op}})`.",
  },
  create(context) {
    const judge = judgeOf(context);
    const { sourceCode } = context;
    return {
      AwaitExpression(node) {
        const { argument } = node;
        if (judge.opness(argument) === "no") return;
        const data = { op: describe(sourceCode, argument) };
        const text = `toPromise(() => ${sourceCode.getText(argument)})`;
        const suggest =
          argument.type === T.CallExpression
            ? [
                {
                  messageId: "promise" as const,
                  data,
                  fix: (fixer: TSESLint.RuleFixer) => fixer.replaceText(argument, text),
                },
              ]
            : [];
        context.report({ node, messageId: "await", data, suggest });
      },
      "ForOfStatement[await=true]"(node: TSESTree.ForOfStatement) {
        if (judge.opness(node.right) === "no") return;
        context.report({ node: node.right, messageId: "forAwait", data: { op: describe(sourceCode, node.right) } });
      },
    };
  },
});
