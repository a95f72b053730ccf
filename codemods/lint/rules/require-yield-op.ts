import { AST_NODE_TYPES as T } from "@typescript-eslint/utils";
import { judgeOf } from "../op.js";
import { rule } from "../rule.js";
import { suspends, type FunctionNode } from "../syntax.js";

export const requireYieldOp = rule({
  docs: {
    description: "A fiber function waits for something.",
    why:
      "A function that never suspends can be a plain one, which is called without `yield*`. It may be a fiber function all the same, " +
      "as when others of its kind are: so the rule is in no preset.",
    preset: "off",
    bad: ["function* size(): Op<number> {\n  return ids.length;\n}"],
    good: [
      "function* first(): Op<string> {\n  return yield* load(1);\n}",
      "function size(): number {\n  return ids.length;\n}",
      "function* nothing(): Op<void> {}",
    ],
  },
  type: "suggestion",
  messages: { plain: "This fiber function never waits: a plain function does." },
  create(context) {
    const judge = judgeOf(context);
    return {
      ":function[generator=true]"(node: FunctionNode) {
        const { body } = node;
        if (body.type !== T.BlockStatement || body.body.length === 0 || !judge.isFiberFunction(node)) return;
        if (suspends(context.sourceCode, body)) return;
        context.report({ node, messageId: "plain" });
      },
    };
  },
});
