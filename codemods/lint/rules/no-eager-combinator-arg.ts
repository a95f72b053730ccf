import { AST_NODE_TYPES as T, type TSESTree } from "@typescript-eslint/utils";
import { bodyListOf, judgeOf } from "../op.js";
import { names } from "../names.js";
import { programNames } from "../program-names.js";
import { rule } from "../rule.js";
import { describe, nodesWithin } from "../syntax.js";

export const noEagerCombinatorArg = rule({
  docs: {
    description: "What starts fibers takes functions that give ops, not ops.",
    why:
      "`Fiber.both(f(), g())` throws a `TypeError`, for an op that is there already cannot be started anew for a fiber of its own. " +
      "TypeScript says so, too; JavaScript does not until it runs.",
    preset: "recommended",
    bad: [
      {
        code: "yield* Fiber.both(load(1), () => load(2));",
        fixed: "yield* Fiber.both(() => load(1), () => load(2));",
      },
      {
        code: "yield* Fiber.all([load(1), load(2)]);",
        fixed: "yield* Fiber.all([() => load(1), () => load(2)]);",
        found: 2,
      },
    ],
    good: ["yield* Fiber.both(() => load(1), () => load(2));", "yield* Fiber.map(ids, load);"],
  },
  fixable: true,
  messages: { eager: "{{callee}} takes a function that gives an op, not the op of {{op}}. Write `() => {{op}}`." },
  create(context) {
    const judge = judgeOf(context);
    const { sourceCode } = context;
    const ours = programNames(context);

    const check = (node: TSESTree.Node | null | undefined, callee: string): void => {
      if (!node || node.type === T.SpreadElement || !judge.isOp(node)) return;
      // A thunk is no place for a `yield*` of the function around it.
      const waits = [...nodesWithin(sourceCode, node)].some((one) => one.type === T.YieldExpression);
      context.report({
        node,
        messageId: "eager",
        data: { callee, op: describe(sourceCode, node) },
        fix: node.type === T.CallExpression && !waits ? (fixer) => fixer.insertTextBefore(node, "() => ") : null,
      });
    };

    return {
      CallExpression(node) {
        const name = ours.calledBy(node);
        // `toPromise` and `run` take a fresh op, too.
        if (name === undefined || names[name].gives !== "op") return;
        for (const index of names[name].bodies ?? []) check(node.arguments[index], name);
        const list = bodyListOf(name);
        const bodies = list === undefined ? undefined : node.arguments[list];
        if (bodies?.type === T.ArrayExpression) for (const one of bodies.elements) check(one, name);
      },
    };
  },
});
