import { AST_NODE_TYPES as T, type TSESTree } from "@typescript-eslint/utils";
import { bridgedBy, startedBy } from "../bridged.js";
import { judgeOf } from "../op.js";
import { isGlobal, programNames, propertyNameOf } from "../program-names.js";
import { rule, type Context } from "../rule.js";
import { twinOf } from "../twins.js";

const ways: Readonly<Record<string, string>> = {
  all: "Fiber.all",
  race: "Fiber.first",
  any: "Fiber.any",
};

export const noPromiseCombinatorInFiber = rule({
  docs: {
    description: "Fibers run at the same time by `Fiber.all` and its like, not by `Promise.all`.",
    why:
      "The fibers of `Promise.all([toPromise(f), toPromise(g)])` belong to nobody: when one fails the others go on, and a " +
      "cancellation does not reach them. `Fiber.all([() => f(), () => g()])` cancels the rest and waits for it.",
    preset: "migration",
    bad: [
      {
        code: "yield* fromPromise(Promise.all([toPromise(() => load(1)), toPromise(loadAll), fetchPage(3)]));",
        suggested: ["yield* Fiber.all([() => load(1), () => loadAll(), () => fromAsync(() => fetchPage(3))]);"],
      },
      "yield* fromAsync(() => Promise.race([toPromise(() => load(1)), fetchPage(2)]));",
    ],
    good: [
      "yield* Fiber.all([() => load(1), () => load(2)]);",
      "yield* fromPromise(Promise.all([fetchPage(1), fetchPage(2)]));",
    ],
  },
  suggests: true,
  messages: {
    combinator: "Nobody owns the fibers in this `Promise.{{method}}`: use `{{way}}`, which cancels and waits for them.",
    fibers: "Run them by `Fiber.all`.",
  },
  create(context) {
    const judge = judgeOf(context);
    const ours = programNames(context);
    const { sourceCode } = context;
    const textOf = sourceCode.getText.bind(sourceCode);
    return {
      CallExpression(node) {
        const combined = bridgedBy(ours, node);
        if (combined?.type !== T.CallExpression || judge.fiberAround(node) === undefined) return;
        const method = combinatorOf(combined, context);
        const [list] = combined.arguments;
        if (method === undefined || list?.type !== T.ArrayExpression) return;
        const elements = list.elements.filter((element) => element !== null);
        const fiberOf = (element: TSESTree.Node): string | undefined =>
          startedBy(ours, element, textOf) ??
          (element.type === T.CallExpression ? twinOf(context, element)?.call : undefined);
        if (!elements.some((element) => fiberOf(element) !== undefined)) return;
        const bodies = elements.map((element) => {
          const fiber = fiberOf(element);
          if (fiber !== undefined) return `() => ${fiber}`;
          return element.type === T.CallExpression ? `() => fromAsync(() => ${textOf(element)})` : undefined;
        });
        const isWhole = method === "all" && bodies.every((body) => body !== undefined);
        context.report({
          node: combined,
          messageId: "combinator",
          data: { method, way: ways[method] ?? "" },
          suggest: isWhole
            ? [
                {
                  messageId: "fibers",
                  fix(fixer) {
                    const needed = [
                      "Fiber",
                      ...(bodies.some((body) => body.includes("fromAsync(")) ? ["fromAsync"] : []),
                    ];
                    const imports = needed.map((name) =>
                      ours.import(fixer, name, name === "Fiber" ? "trestle" : "@trestle/bridges"),
                    );
                    if (imports.includes(undefined)) return null;
                    return [
                      ...imports.flatMap((edits) => edits ?? []),
                      fixer.replaceText(node, `Fiber.all([${bodies.join(", ")}])`),
                    ];
                  },
                },
              ]
            : [],
        });
      },
    };
  },
});

/** `all` of `Promise.all`, where `Promise` is the platform's. */
function combinatorOf<Message extends string>(
  { callee }: TSESTree.CallExpression,
  { sourceCode }: Context<Message>,
): string | undefined {
  if (callee.type !== T.MemberExpression || callee.object.type !== T.Identifier) return undefined;
  if (callee.object.name !== "Promise" || !isGlobal(sourceCode, callee.object)) return undefined;
  const method = propertyNameOf(callee);
  return method !== undefined && Object.hasOwn(ways, method) ? method : undefined;
}
