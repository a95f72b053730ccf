import { AST_NODE_TYPES as T, type TSESLint, type TSESTree } from "@typescript-eslint/utils";
import ts from "typescript";
import { bridgedBy } from "../bridged.js";
import { judgeOf, type Types } from "../op.js";
import { isGlobal, programNames } from "../program-names.js";
import { rule } from "../rule.js";
import { describe } from "../syntax.js";

export const preferSignalBridge = rule({
  docs: {
    description: "A call that takes a signal is given that of the fiber.",
    why:
      "`yield* fromPromise(fetch(url))` stops waiting when the fiber is cancelled, and the request goes on. " +
      "`fromAsync((signal) => fetch(url, { signal }))` aborts it, and waits until it has ended.",
    preset: "strict",
    bad: [
      {
        code: "yield* fromPromise(fetch(url));",
        suggested: ["yield* fromAsync((signal) => fetch(url, { signal }));"],
      },
      {
        code: 'yield* fromAsync(() => fetch(url, { method: "POST" }));',
        suggested: ['yield* fromAsync((signal) => fetch(url, { method: "POST", signal }));'],
      },
    ],
    good: [
      "yield* fromAsync((signal) => fetch(url, { signal }));",
      "yield* fromPromise(fetchPage(1));",
      "yield* fromPromise(fetch(url, { signal: AbortSignal.timeout(1) }));",
    ],
  },
  suggests: true,
  type: "suggestion",
  messages: {
    signal: "{{call}} goes on when the fiber is cancelled: it takes a signal. Write `fromAsync((signal) => …)`.",
    abort: "Hand the signal of the fiber to {{call}}.",
  },
  create(context) {
    const judge = judgeOf(context);
    const ours = programNames(context);
    const { sourceCode } = context;

    /** Where the options of a call stand that may hold a signal. */
    const optionsAt = (call: TSESTree.CallExpression): number | undefined => {
      if (judge.types !== undefined) return optionsByType(judge.types, call);
      const { callee } = call;
      const isFetch = callee.type === T.Identifier && callee.name === "fetch" && isGlobal(sourceCode, callee);
      return isFetch ? 1 : undefined;
    };

    const withSignal = (call: TSESTree.CallExpression, index: number): string | undefined => {
      const given = call.arguments[index];
      const text = sourceCode.getText(call);
      const start = call.range[0];
      if (given === undefined) {
        const last = call.arguments.at(-1);
        if (call.arguments.length !== index || last === undefined) return undefined;
        const at = last.range[1] - start;
        return `${text.slice(0, at)}, { signal }${text.slice(at)}`;
      }
      if (given.type !== T.ObjectExpression) return undefined;
      const last = given.properties.at(-1);
      const at = (last === undefined ? given.range[0] + 1 : last.range[1]) - start;
      return `${text.slice(0, at)}${last === undefined ? " signal " : ", signal"}${text.slice(at)}`;
    };

    return {
      CallExpression(node) {
        const call = bridgedBy(ours, node);
        if (call?.type !== T.CallExpression || ours.calledBy(node) === "adopt" || ours.calledBy(call)) return;
        if (judge.fiberAround(node) === undefined) return;
        const index = optionsAt(call);
        if (index === undefined || mentionsSignal(call.arguments[index])) return;
        const text = withSignal(call, index);
        const data = { call: describe(sourceCode, call) };
        const suggest: TSESLint.ReportSuggestionArray<"signal" | "abort"> = [];
        if (text !== undefined) {
          suggest.push({
            messageId: "abort",
            data,
            fix(fixer) {
              const imports = ours.import(fixer, "fromAsync", "@trestle/bridges");
              return imports ? [...imports, fixer.replaceText(node, `fromAsync((signal) => ${text})`)] : null;
            },
          });
        }
        context.report({ node, messageId: "signal", data, suggest });
      },
    };
  },
});

/** Options of which nothing is known, or in which a signal is, are left. */
function mentionsSignal(given: TSESTree.CallExpressionArgument | undefined): boolean {
  if (given === undefined) return false;
  if (given.type !== T.ObjectExpression) return true;
  return given.properties.some(
    (property) =>
      property.type === T.SpreadElement || (property.key.type === T.Identifier && property.key.name === "signal"),
  );
}

/** The last parameter of what is called, when it is an object that may hold an `AbortSignal`. */
function optionsByType(types: Types, call: TSESTree.CallExpression): number | undefined {
  const signature = types.checker.getResolvedSignature(types.nodeOf(call) as ts.CallLikeExpression);
  const index = (signature?.parameters.length ?? 0) - 1;
  const parameter = signature?.parameters[index];
  const declaration = parameter?.valueDeclaration;
  if (parameter === undefined || declaration === undefined || !ts.isParameter(declaration)) return undefined;
  if (declaration.dotDotDotToken !== undefined) return undefined;
  const type = types.checker.getNonNullableType(types.checker.getTypeOfSymbolAtLocation(parameter, declaration));
  const signal = type.getProperty("signal");
  if (signal === undefined) return undefined;
  const [at] = signal.declarations ?? [];
  const held = at && types.checker.getNonNullableType(types.checker.getTypeOfSymbolAtLocation(signal, at));
  const isSignal = held?.getProperty("aborted") !== undefined && held.getProperty("addEventListener") !== undefined;
  return isSignal ? index : undefined;
}
