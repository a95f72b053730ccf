import type { TSESLint } from "@typescript-eslint/utils";
import { bridgedBy, startedBy } from "../bridged.js";
import { judgeOf } from "../op.js";
import { programNames } from "../program-names.js";
import { rule } from "../rule.js";

export const noRedundantBridge = rule({
  docs: {
    description: "A fiber that is started and waited for as a promise by another one is called.",
    why:
      "`yield* fromPromise(toPromise(() => load()))` starts a fiber that belongs to nobody, and waits for its promise: cancelling the " +
      "wait leaves it running. `yield* load()` is the same without both bridges. It takes no turn of its own; that is why this is a " +
      "suggestion. Where the turn matters, `adopt(load())` is the same with one.",
    preset: "migration",
    bad: [
      { code: "yield* fromPromise(toPromise(() => load(1)));", suggested: ["yield* load(1);"] },
      { code: "yield* fromAsync(() => toPromise(loadAll));", suggested: ["yield* loadAll();"] },
    ],
    good: [
      "yield* fromPromise(fetchPage(1));",
      // It keeps the turn that an async function takes.
      "yield* adopt(load(1));",
      "yield* fromAsync((signal) => toPromise(() => load(1), { signal }));",
    ],
  },
  suggests: true,
  messages: {
    bridge: "Two bridges for nothing: {{op}} runs here by itself. Write `yield* {{op}}`.",
    direct: "Run {{op}} directly.",
  },
  create(context) {
    const judge = judgeOf(context);
    const ours = programNames(context);
    const { sourceCode } = context;
    const textOf = sourceCode.getText.bind(sourceCode);
    return {
      CallExpression(node) {
        const bridged = bridgedBy(ours, node);
        if (bridged === undefined || judge.fiberAround(node) === undefined) return;
        const op = startedBy(ours, bridged, textOf);
        if (op === undefined) return;
        const suggest = [
          {
            messageId: "direct" as const,
            data: { op },
            fix: (fixer: TSESLint.RuleFixer) => fixer.replaceText(node, op),
          },
        ];
        context.report({ node, messageId: "bridge", data: { op }, suggest });
      },
    };
  },
});
