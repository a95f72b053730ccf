import { AST_NODE_TYPES as T, type TSESLint, type TSESTree } from "@typescript-eslint/utils";
import { judgeOf } from "../op.js";
import { programNames, propertyNameOf } from "../program-names.js";
import { rule } from "../rule.js";
import { describe, functionAround, isFunction } from "../syntax.js";

const COMBINATORS = new Set(["all", "allSettled", "race", "any"]);

export const noOpAsPromise = rule({
  docs: {
    description: "An op is no promise: promises take it for a plain value and never run it.",
    why:
      "`Promise.all([load()])`, `p.then(() => load())` and `return load()` in an async function all give the op back, not run. " +
      "`toPromise(() => load())` runs it; in a fiber, use `Fiber.all` instead of `Promise.all`.",
    preset: "recommended",
    bad: [
      {
        code: "const all = Promise.all([load(1), fetchPage(2)]);",
        suggested: ["const all = Promise.all([toPromise(() => load(1)), fetchPage(2)]);"],
      },
      "const all = Promise.all(ids.map((id) => load(id)));",
      {
        code: "fetchPage(1).then(() => load());",
        suggested: ["fetchPage(1).then(() => toPromise(() => load()));"],
      },
      {
        code: "async function f() {\n  return load();\n}",
        suggested: ["async function f() {\n  return toPromise(() => load());\n}"],
      },
      { code: "const f = async () => load();", suggested: ["const f = async () => toPromise(() => load());"] },
      {
        code: "const p = Promise.resolve(load());",
        suggested: ["const p = Promise.resolve(toPromise(() => load()));"],
      },
    ],
    good: [
      "const all = Promise.all([toPromise(() => load(1)), fetchPage(2)]);",
      "async function f() {\n  return toPromise(() => load());\n}",
      "function* f() {\n  return yield* Fiber.all([() => load(1), () => load(2)]);\n}",
    ],
  },
  suggests: true,
  messages: {
    value: "{{op}} gives an op, and a promise takes it for a plain value. Write `toPromise(() => {{op}})`.",
    list: "{{op}} gives ops, and promises take them for plain values. In a fiber, use `Fiber.map`; elsewhere `toPromise`.",
    callback:
      "This function gives an op to a promise, which takes it for a plain value. Write `toPromise(…)` around it.",
    promise: "Run it: `toPromise(() => {{op}})`.",
  },
  create(context) {
    const judge = judgeOf(context);
    const { sourceCode } = context;

    const value = (node: TSESTree.Node): void => {
      if (judge.opness(node) === "no") return;
      const data = { op: describe(sourceCode, node) };
      const text = `toPromise(() => ${sourceCode.getText(node)})`;
      const fix = (fixer: TSESLint.RuleFixer) => fixer.replaceText(node, text);
      const suggest = node.type === T.CallExpression ? [{ messageId: "promise" as const, data, fix }] : [];
      context.report({ node, messageId: "value", data, suggest });
    };

    return {
      CallExpression(node) {
        const { callee } = node;
        if (callee.type !== T.MemberExpression || programNames(context).calledBy(node) !== undefined) return;
        const method = propertyNameOf(callee);
        if (callee.object.type === T.Identifier && callee.object.name === "Promise") {
          const [argument] = node.arguments;
          if (argument === undefined) return;
          if (method === "resolve") value(argument);
          if (method === undefined || !COMBINATORS.has(method)) return;
          if (argument.type === T.ArrayExpression) {
            for (const one of argument.elements) if (one) value(one);
          } else if (judge.isOps(argument)) {
            context.report({ node: argument, messageId: "list", data: { op: describe(sourceCode, argument) } });
          }
        } else if (method === "then" || method === "catch" || method === "finally") {
          for (const handler of node.arguments) {
            if (isFunction(handler) && !handler.async && !handler.generator && handler.body.type !== T.BlockStatement) {
              value(handler.body);
            } else if (
              (isFunction(handler) && handler.generator) ||
              handler.type === T.Identifier ||
              handler.type === T.MemberExpression
            ) {
              if (judge.givesOp(handler)) context.report({ node: handler, messageId: "callback" });
            }
          }
        }
      },
      ReturnStatement({ argument }) {
        const around = argument && functionAround(argument);
        if (argument && around && around.async && !around.generator) value(argument);
      },
      "ArrowFunctionExpression[async=true]"(node: TSESTree.ArrowFunctionExpression) {
        if (node.body.type !== T.BlockStatement) value(node.body);
      },
    };
  },
});
