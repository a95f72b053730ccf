import { AST_NODE_TYPES as T, type TSESTree } from "@typescript-eslint/utils";
import { secondTimes } from "../paths.js";
import { programNames, variableOf } from "../program-names.js";
import { rule } from "../rule.js";
import { isFunction } from "../syntax.js";

export const noCallbackResumeTwice = rule({
  docs: {
    description: "A function for `fromCallback` answers once.",
    why:
      "The first answer counts, and the next ones are dropped. So `if (error) fail(error); ok(value);` looks as if it worked, and what " +
      "stands behind the first answer runs with values that are not there. Return, or write `else`. Only answers are reported that " +
      "come for sure behind another one.",
    preset: "migration",
    bad: [
      "yield* fromCallback<string>((ok, fail) => {\n  readText((error, text) => {\n    if (error) fail(error);\n    ok(text);\n  });\n});",
      "yield* fromCallback<number>((ok, fail) => {\n  for (const id of ids) {\n    if (id > 9) ok(id);\n  }\n  fail(new Error('none'));\n});",
    ],
    good: [
      "yield* fromCallback<string>((ok, fail) => {\n  readText((error, text) => {\n    if (error) return fail(error);\n    ok(text);\n  });\n});",
      "yield* fromCallback<string>((ok, fail) => {\n  readText((error, text) => {\n    if (error) fail(error);\n    else ok(text);\n  });\n});",
      "yield* fromCallback<void>((ok, fail) => {\n  emitter.on('end', () => ok());\n  emitter.on('error', fail);\n});",
    ],
  },
  messages: {
    twice: "The fiber has its answer already on a way that comes here; this one is dropped. Return after the first.",
  },
  create(context) {
    const { sourceCode } = context;
    const ours = programNames(context);

    return {
      CallExpression(node) {
        const [register] = node.arguments;
        if (!register || !isFunction(register) || ours.calledBy(node) !== "fromCallback") return;
        const answers = register.params
          .slice(0, 2)
          .flatMap((parameter) => (parameter.type === T.Identifier ? [variableIn(parameter, register)] : []));
        const references = answers
          .flatMap((variable) => variable?.references ?? [])
          .map(({ identifier }) => identifier);
        const calls = new Set<TSESTree.Node>();
        const functions = new Set<TSESTree.Node>();
        for (const { parent } of references) {
          if (parent?.type !== T.CallExpression || !references.includes(parent.callee as TSESTree.Identifier)) continue;
          calls.add(parent);
          let around: TSESTree.Node | undefined = parent.parent;
          while (around && !isFunction(around)) around = around.parent;
          if (around) functions.add(around);
        }
        if (calls.size < 2) return;
        for (const fn of functions) {
          if (!isFunction(fn) || fn.body.type !== T.BlockStatement) continue;
          for (const call of secondTimes(sourceCode, fn.body, { is: (one) => calls.has(one) })) {
            context.report({ node: call, messageId: "twice" });
          }
        }
      },
    };

    function variableIn(parameter: TSESTree.Identifier, register: TSESTree.Node) {
      return (
        sourceCode.getDeclaredVariables?.(register).find(({ name }) => name === parameter.name) ??
        variableOf(sourceCode, parameter)
      );
    }
  },
});
