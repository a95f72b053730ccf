import { AST_NODE_TYPES as T } from "@typescript-eslint/utils";
import { bridgedBy } from "../bridged.js";
import { judgeOf } from "../op.js";
import { programNames } from "../program-names.js";
import { rule } from "../rule.js";
import { describe } from "../syntax.js";
import { twinOf } from "../twins.js";

export const noFacadeInFiber = rule({
  docs: {
    description: "A fiber runs the fiber function behind a façade, not its promise.",
    why:
      "`yield* fromPromise(read())` waits for the promise of a function that has a fiber function, `readOp`: a cancellation does not " +
      "reach it, and a promise is made for nothing. `yield* readOp()` is the same wait as a direct call. It takes no turn of its own; " +
      "that is why this is a suggestion. The suffix is the setting `twinSuffix`.",
    preset: "migration",
    bad: [
      {
        code:
          "function read(id: number): Promise<string> {\n  return toPromise(() => readOp(id));\n}\n" +
          "function* readOp(id: number): Op<string> {\n  return yield* load(id);\n}\n" +
          "function* f(): Op<string> {\n  return yield* fromPromise(read(1));\n}",
        suggested: [
          "function read(id: number): Promise<string> {\n  return toPromise(() => readOp(id));\n}\n" +
            "function* readOp(id: number): Op<string> {\n  return yield* load(id);\n}\n" +
            "function* f(): Op<string> {\n  return yield* readOp(1);\n}",
        ],
      },
      {
        code:
          "class Store {\n  read(): Promise<string> {\n    return toPromise(() => this.readOp());\n  }\n" +
          "  *readOp(): Op<string> {\n    return yield* load();\n  }\n" +
          "  *twice(): Op<string> {\n    return (yield* fromAsync(() => this.read())) + (yield* this.readOp());\n  }\n}",
        suggested: [
          "class Store {\n  read(): Promise<string> {\n    return toPromise(() => this.readOp());\n  }\n" +
            "  *readOp(): Op<string> {\n    return yield* load();\n  }\n" +
            "  *twice(): Op<string> {\n    return (yield* this.readOp()) + (yield* this.readOp());\n  }\n}",
        ],
      },
    ],
    good: ["yield* load(1);", "yield* fromPromise(fetchPage(1));"],
  },
  suggests: true,
  messages: {
    facade: "{{call}} is a façade: its promise is that of {{twin}}, which `yield*` runs directly.",
    direct: "Run {{twin}}.",
  },
  create(context) {
    const judge = judgeOf(context);
    const ours = programNames(context);
    const { sourceCode } = context;
    return {
      CallExpression(node) {
        const bridged = bridgedBy(ours, node);
        if (bridged?.type !== T.CallExpression || judge.fiberAround(node) === undefined) return;
        const twin = twinOf(context, bridged);
        if (twin === undefined) return;
        const data = { call: describe(sourceCode, bridged), twin: twin.call.replace(/\([\s\S]*$/, "(…)") };
        context.report({
          node,
          messageId: "facade",
          data,
          suggest: [
            {
              messageId: "direct",
              data,
              fix: (fixer) => [...twin.imports(fixer), fixer.replaceText(node, twin.call)],
            },
          ],
        });
      },
    };
  },
});
