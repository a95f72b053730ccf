import { AST_NODE_TYPES as T, type TSESTree } from "@typescript-eslint/utils";
import { judgeOf } from "../op.js";
import { rule } from "../rule.js";
import { describe } from "../syntax.js";

export const yieldStarParens = rule({
  docs: {
    description: "`yield*` takes all that follows: `yield* a() || b` runs `a() || b`, not `a()`.",
    why:
      "`yield*` binds more loosely than every operator but the comma, other than `await`. An op is always truthy, so what stands " +
      "behind `||` or `??` is never used, and both branches of a condition are not what was meant. Put parentheses around the wait.",
    preset: "recommended",
    bad: [
      {
        code: "function* f() {\n  return yield* load() || 'none';\n}",
        fixed: "function* f() {\n  return (yield* load()) || 'none';\n}",
      },
      {
        code: "function* f() {\n  const n = yield* isReady() ? 1 : 2;\n}",
        fixed: "function* f() {\n  const n = (yield* isReady()) ? 1 : 2;\n}",
      },
      {
        code: "function* f() {\n  return yield* load() + '!';\n}",
        fixed: "function* f() {\n  return (yield* load()) + '!';\n}",
      },
    ],
    good: [
      "function* f() {\n  return (yield* load()) || 'none';\n}",
      "function* f() {\n  return yield* (ready ? load(1) : load(2));\n}",
      "function* f(op?: Op<string>) {\n  return yield* op ?? load();\n}",
    ],
  },
  fixable: true,
  messages: {
    parentheses: "`yield*` takes all of `{{whole}}`. To run {{op}} first, write `(yield* {{op}})` in parentheses.",
  },
  create(context) {
    const judge = judgeOf(context);
    const { sourceCode } = context;
    return {
      "YieldExpression[delegate=true]"(node: TSESTree.YieldExpression) {
        const { argument } = node;
        const first = argument && firstOperand(argument);
        if (!argument || !first || !judge.isOp(first)) return;
        // Parentheses around the whole say that the whole is meant.
        if (sourceCode.getTokenAfter(sourceCode.getFirstToken(node)!, 1)?.range[0] !== argument.range[0]) return;
        const whole = sourceCode.getText(argument).replace(/\s+/g, " ");
        context.report({
          node,
          messageId: "parentheses",
          data: { op: describe(sourceCode, first), whole: whole.length > 50 ? `${whole.slice(0, 49)}…` : whole },
          // The operators behind a wait in parentheses are those of the place: no others come to stand around it.
          fix: (fixer) => [fixer.insertTextBefore(node, "("), fixer.insertTextAfter(first, ")")],
        });
      },
    };

    /** What an expression with an operator begins with; undefined for any other. */
    function firstOperand(node: TSESTree.Expression): TSESTree.Expression | undefined {
      switch (node.type) {
        case T.LogicalExpression:
        case T.BinaryExpression:
          return node.left.type === T.PrivateIdentifier ? undefined : (firstOperand(node.left) ?? node.left);
        case T.ConditionalExpression:
          return firstOperand(node.test) ?? node.test;
        case T.TSAsExpression:
        case T.TSSatisfiesExpression:
          // A cast of an op to an op is meant.
          return judge.isOp(node) ? undefined : node.expression;
        default:
          return undefined;
      }
    }
  },
});
