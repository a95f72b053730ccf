import { AST_NODE_TYPES as T, type TSESLint, type TSESTree } from "@typescript-eslint/utils";
import { judgeOf } from "../op.js";
import { programNames } from "../program-names.js";
import { rule } from "../rule.js";
import { describe, nodesWithin } from "../syntax.js";

export const protectCleanup = rule({
  docs: {
    description: "A wait in `finally` is protected from cancellation.",
    why:
      "In a cancelled fiber every wait throws at once, so `finally { yield* close(); }` does not close just when it matters. " +
      "`Cancel.protect` lets it finish.",
    preset: "recommended",
    bad: [
      {
        code: "function* f() {\n  try {\n    yield* save(1);\n  } finally {\n    yield* close();\n  }\n}",
        suggested: [
          "function* f() {\n  try {\n    yield* save(1);\n  } finally {\n    yield* Cancel.protect(() => close());\n  }\n}",
        ],
      },
    ],
    good: [
      "function* f() {\n  try {\n    yield* save(1);\n  } finally {\n    yield* Cancel.protect(() => close());\n  }\n}",
      "function* f() {\n  try {\n    yield* save(1);\n  } finally {\n    use(1);\n  }\n}",
      "function* f() {\n  const items = fromAsyncIterable([1, 2]);\n  try {\n    while (yield* items.next()) use(items.value);\n  } finally {\n    yield* items.close();\n  }\n}",
    ],
  },
  suggests: true,
  messages: {
    protect: "In a cancelled fiber {{op}} does not run here. Write `yield* Cancel.protect(() => {{op}})`.",
    wrap: "Protect it: `yield* Cancel.protect(() => {{op}})`.",
  },
  create(context) {
    const judge = judgeOf(context);
    const { sourceCode } = context;
    const ours = programNames(context);
    return {
      TryStatement(node) {
        if (!node.finalizer || judge.fiberAround(node) === undefined) return;
        for (const one of nodesWithin(sourceCode, node.finalizer)) {
          if (one.type === T.YieldExpression && one.delegate && one.argument) check(one.argument);
        }
      },
    };

    /** A pull protects its own end. */
    function closesPull(argument: TSESTree.Expression): boolean {
      if (argument.type !== T.CallExpression || argument.callee.type !== T.MemberExpression) return false;
      const { object, property } = argument.callee;
      if (object.type !== T.Identifier || property.type !== T.Identifier || property.name !== "close") return false;
      for (let scope: TSESLint.Scope.Scope | null = sourceCode.getScope(argument); scope; scope = scope.upper) {
        const made = scope.set.get(object.name)?.defs[0]?.node;
        if (made)
          return made.type === T.VariableDeclarator && !!made.init && ours.calledBy(made.init) === "fromAsyncIterable";
      }
      return false;
    }

    function check(argument: TSESTree.Expression): void {
      const name = ours.calledBy(argument);
      if (name === "Cancel.protect" || name === "Switch.runProtected" || !judge.isOp(argument)) return;
      if (closesPull(argument)) return;
      const data = { op: describe(sourceCode, argument) };
      const waits = [...nodesWithin(sourceCode, argument)].some((one) => one.type === T.YieldExpression);
      const fix = (fixer: TSESLint.RuleFixer) => [
        ...(ours.import(fixer, "Cancel") ?? []),
        fixer.replaceText(argument, `Cancel.protect(() => ${sourceCode.getText(argument)})`),
      ];
      const suggest = argument.type === T.CallExpression && !waits ? [{ messageId: "wrap" as const, data, fix }] : [];
      context.report({ node: argument, messageId: "protect", data, suggest });
    }
  },
});
