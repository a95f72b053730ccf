import { AST_NODE_TYPES as T, type TSESLint, type TSESTree } from "@typescript-eslint/utils";
import ts from "typescript";
import { judgeOf } from "../op.js";
import { programNames, propertyNameOf } from "../program-names.js";
import { rule } from "../rule.js";
import { canYield, describe, inPlaceOf, isFunction } from "../syntax.js";

/** Methods of arrays that call a function to know whether. */
const PREDICATES = new Set(["filter", "some", "every", "find", "findIndex", "findLast", "findLastIndex"]);
/** Functions that call back and do nothing with what they are given; for code whose types do not say so. */
const CALLBACKS = new Set(
  "forEach on once addListener prependListener addEventListener subscribe nextTick setTimeout setInterval setImmediate queueMicrotask requestAnimationFrame".split(
    " ",
  ),
);
/** Functions of test runners: a test that gives an op passes without having run. */
const TESTS = new Set("it test beforeEach afterEach beforeAll afterAll before after describe".split(" "));

export const noMisusedOp = rule({
  docs: {
    description: "An op is no condition, no list, no text, and no callback.",
    why:
      "An op is always truthy, iterating it gives the steps meant for the scheduler, and a `function*` that is called back by " +
      "somebody else only makes an op. Run the op with `yield*` first; hand `toAsync(fn)` to whoever expects a callback; write a " +
      "loop, or `Fiber.forEach`, instead of `xs.forEach(function* …)`.",
    preset: "recommended",
    bad: [
      {
        code: "function* f() {\n  if (isReady()) use(1);\n}",
        suggested: ["function* f() {\n  if (yield* isReady()) use(1);\n}"],
      },
      {
        code: "function* f() {\n  return !isReady();\n}",
        suggested: ["function* f() {\n  return !(yield* isReady());\n}"],
      },
      {
        code: "function* f() {\n  return isReady() ? 1 : 2;\n}",
        suggested: ["function* f() {\n  return (yield* isReady()) ? 1 : 2;\n}"],
      },
      {
        code: "function* f() {\n  const v = isReady() && ready;\n}",
        suggested: ["function* f() {\n  const v = (yield* isReady()) && ready;\n}"],
      },
      { code: "const found = ids.filter((id) => isReady());" },
      {
        code: "ids.forEach(function* (id) {\n  yield* save(id);\n});",
        suggested: ["ids.forEach(toAsync(function* (id) {\n  yield* save(id);\n}));"],
      },
      {
        code: "setTimeout(function* () {\n  yield* save(1);\n}, 100);",
        suggested: ["setTimeout(toAsync(function* () {\n  yield* save(1);\n}), 100);"],
      },
      { code: "emitter.on('x', () => save(1));", suggested: ["emitter.on('x', toAsync(() => save(1)));"] },
      {
        code: "it('saves', function* () {\n  yield* save(1);\n});",
        suggested: ["it('saves', toAsync(function* () {\n  yield* save(1);\n}));"],
      },
      {
        code: "const handlers: { done: () => void } = { done: () => save(1) };",
        suggested: ["const handlers: { done: () => void } = { done: toAsync(() => save(1)) };"],
      },
      { code: "function* f() {\n  use([...load()]);\n}" },
      {
        code: "function* f() {\n  for (const part of load()) use(part);\n}",
        suggested: ["function* f() {\n  for (const part of yield* load()) use(part);\n}"],
      },
      {
        code: "function* f() {\n  use(`got ${load()}`);\n}",
        suggested: ["function* f() {\n  use(`got ${yield* load()}`);\n}"],
      },
      {
        code: "function* f() {\n  return 'got ' + load();\n}",
        suggested: ["function* f() {\n  return 'got ' + (yield* load());\n}"],
      },
      {
        code: "function* f() {\n  return load() === undefined;\n}",
        suggested: ["function* f() {\n  return (yield* load()) === undefined;\n}"],
      },
      {
        code: "function* f() {\n  return JSON.stringify(load());\n}",
        suggested: ["function* f() {\n  return JSON.stringify(yield* load());\n}"],
      },
    ],
    good: [
      "function* f() {\n  if (yield* isReady()) use(1);\n}",
      "function* f(op: Op<void> | undefined) {\n  if (op) yield* op;\n}",
      "setTimeout(toAsync(() => save(1)), 100);",
      "function* f() {\n  yield* Fiber.forEach(ids, save);\n}",
      "const bodies = ids.map((id) => () => save(id));",
      "function* f() {\n  for (const part of yield* loadAll()) use(part);\n}",
    ],
  },
  suggests: true,
  messages: {
    condition: "{{op}} gives an op, which is always truthy. Write `yield* {{op}}`.",
    predicate:
      "The function given to {{callee}} gives an op, which is always truthy. Use `yield* Fiber.filter(…)`, or a loop.",
    callback:
      "{{callee}} calls this function and drops the op that it gives: nothing runs. Hand it over as `toAsync(…)`, or use a loop, `Fiber.forEach` or a fork.",
    test: "{{callee}} gets an op from this function and does not run it: the test passes without having run. Wrap it: `toAsync(…)`.",
    assigned:
      "A function that returns nothing is expected here; this one gives an op, which nobody will run. Wrap it: `toAsync(…)`.",
    iterated: "Iterating {{op}}, an op, gives the steps meant for the scheduler. Run it first: `yield* {{op}}`.",
    text: "{{op}} gives an op, which is no text. Run it first: `yield* {{op}}`.",
    compared: "{{op}} gives an op, which equals nothing else. Run it first: `yield* {{op}}`.",
    run: "Run it: `yield* {{op}}`.",
    wrap: "Make an async function of it: `toAsync(…)`.",
  },
  create(context) {
    const judge = judgeOf(context);
    const { sourceCode } = context;
    const names = programNames(context);

    const misused = (
      node: TSESTree.Node,
      messageId: "condition" | "iterated" | "text" | "compared",
      fixable = true,
    ): void => {
      if (!judge.isOp(node)) return;
      const data = { op: describe(sourceCode, node) };
      const fix = (fixer: TSESLint.RuleFixer) =>
        fixer.replaceText(node, inPlaceOf(sourceCode, node, `yield* ${sourceCode.getText(node)}`));
      const suggest = fixable && canYield(node) ? [{ messageId: "run" as const, data, fix }] : [];
      context.report({ node, messageId, data, suggest });
    };

    const condition = (node: TSESTree.Node | null | undefined): void => {
      if (node) misused(node, "condition");
    };

    const wrap = (node: TSESTree.Node) => [
      {
        messageId: "wrap" as const,
        fix: (fixer: TSESLint.RuleFixer) => fixer.replaceText(node, `toAsync(${sourceCode.getText(node)})`),
      },
    ];

    /** Whether a function that is expected returns nothing, as far as types tell. */
    const expectsNothing = (node: TSESTree.Expression): boolean => {
      if (!judge.types) return false;
      const { checker } = judge.types;
      const expected = checker.getContextualType(judge.types.nodeOf(node) as ts.Expression);
      if (expected === undefined) return false;
      const signatures = (expected.isUnion() ? expected.types : [expected]).flatMap((part) => [
        ...part.getCallSignatures(),
      ]);
      return (
        signatures.length > 0 &&
        signatures.every((signature) => {
          const returned = signature.getReturnType();
          const parts = returned.isUnion() ? returned.types : [returned];
          return (
            parts.some((part) => part.flags & ts.TypeFlags.Void) &&
            parts.every(
              (part) => part.flags & (ts.TypeFlags.Void | ts.TypeFlags.Undefined) || judge.types!.isPromise(part),
            )
          );
        })
      );
    };

    /** Only what can be a function that gives an op is worth a question. */
    const givesOp = (node: TSESTree.Node): node is TSESTree.Expression => {
      if (isFunction(node))
        return node.type === T.ArrowFunctionExpression
          ? !node.async && judge.givesOp(node)
          : node.generator && judge.givesOp(node);
      return (node.type === T.Identifier || node.type === T.MemberExpression) && judge.givesOp(node);
    };

    const call = (node: TSESTree.CallExpression | TSESTree.NewExpression): void => {
      if (node.arguments.length === 0) return;
      if (node.type === T.CallExpression && names.calledBy(node) !== undefined) return;
      const name = calleeNameOf(node.callee);
      const data = { callee: describe(sourceCode, node.callee) };
      for (const argument of node.arguments) {
        if (name === "stringify" && argument === node.arguments[0]) misused(argument, "text");
        const mayTakeFunction =
          isFunction(argument) || argument.type === T.Identifier || argument.type === T.MemberExpression;
        if (!mayTakeFunction || !givesOp(argument)) continue;
        if (name !== undefined && PREDICATES.has(name) && node.callee.type === T.MemberExpression) {
          context.report({ node: argument, messageId: "predicate", data });
        } else if (name !== undefined && TESTS.has(name) && node.callee.type === T.Identifier) {
          context.report({ node: argument, messageId: "test", data, suggest: wrap(argument) });
        } else if (name !== undefined && CALLBACKS.has(name) ? !takesOps(argument) : expectsNothing(argument)) {
          context.report({ node: argument, messageId: "callback", data, suggest: wrap(argument) });
        }
      }
    };

    /** Whether a function is expected that gives an op: our own `listen` and `Fiber.forEach` have such names, too. */
    const takesOps = (node: TSESTree.Expression): boolean => {
      if (!judge.types) return false;
      const expected = judge.types.checker.getContextualType(judge.types.nodeOf(node) as ts.Expression);
      const parts = expected === undefined ? [] : expected.isUnion() ? expected.types : [expected];
      return parts.some((part) =>
        part.getCallSignatures().some((signature) => judge.types!.opness(signature.getReturnType()) !== "no"),
      );
    };

    const assigned = (value: TSESTree.Node | null | undefined): void => {
      if (!value || !judge.types || !givesOp(value) || !expectsNothing(value)) return;
      context.report({ node: value, messageId: "assigned", suggest: wrap(value) });
    };

    return {
      "IfStatement, WhileStatement, DoWhileStatement, ForStatement, ConditionalExpression"(
        node: TSESTree.IfStatement | TSESTree.WhileStatement | TSESTree.ForStatement | TSESTree.ConditionalExpression,
      ) {
        condition(node.test);
      },
      "UnaryExpression[operator='!']"(node: TSESTree.UnaryExpression) {
        condition(node.argument);
      },
      LogicalExpression(node) {
        condition(node.left);
      },
      CallExpression: call,
      NewExpression: call,
      SpreadElement(node) {
        if (node.parent.type !== T.ObjectExpression) misused(node.argument, "iterated", false);
      },
      "ForOfStatement[await=false]"(node: TSESTree.ForOfStatement) {
        misused(node.right, "iterated");
      },
      "VariableDeclarator > ArrayPattern"(node: TSESTree.ArrayPattern) {
        const { init } = node.parent as TSESTree.VariableDeclarator;
        if (init) misused(init, "iterated");
      },
      TemplateLiteral(node) {
        if (node.parent.type !== T.TaggedTemplateExpression) for (const one of node.expressions) misused(one, "text");
      },
      BinaryExpression(node) {
        const messageId = node.operator === "+" ? "text" : "compared";
        if (!["+", "==", "===", "!=", "!==", "<", ">", "<=", ">="].includes(node.operator)) return;
        if (isNothing(node.left) || isNothing(node.right)) {
          // An op that may be missing is compared with nothing; a call that gives one is not missing.
          for (const one of [node.left, node.right]) if (one.type === T.CallExpression) misused(one, messageId);
        } else {
          for (const one of [node.left, node.right]) {
            // Whether two variables hold the same op is a question one can ask.
            if (one.type === T.CallExpression || messageId === "text") misused(one, messageId);
          }
        }
      },
      VariableDeclarator: (node) => assigned(node.init && node.id.typeAnnotation ? node.init : undefined),
      AssignmentExpression: (node) => assigned(node.right),
      Property(node) {
        if (node.parent.type === T.ObjectExpression && !node.method) assigned(node.value);
      },
      PropertyDefinition: (node) => assigned(node.typeAnnotation ? node.value : undefined),
      ReturnStatement: (node) => assigned(node.argument),
      JSXExpressionContainer(node) {
        if (node.parent.type === T.JSXAttribute) assigned(node.expression);
      },
      "ClassBody > MethodDefinition[value.generator=true]"(node: TSESTree.MethodDefinition) {
        inherited(node);
      },
    };

    /** A fiber function in the place of a method that returns nothing, which somebody else calls. */
    function inherited(node: TSESTree.MethodDefinition): void {
      if (!judge.types || node.key.type !== T.Identifier || node.computed || !judge.isFiberFunction(node.value)) return;
      const { checker } = judge.types;
      const owner = (judge.types.nodeOf(node) as ts.MethodDeclaration).parent;
      const name = node.key.name;
      if (!ts.isClassLike(owner)) return;
      for (const type of owner.heritageClauses?.flatMap((clause) => [...clause.types]) ?? []) {
        const method = checker.getTypeAtLocation(type).getProperty(name);
        const signatures = method && checker.getTypeOfSymbolAtLocation(method, owner).getCallSignatures();
        if (!signatures?.length) continue;
        if (!signatures.every((signature) => signature.getReturnType().flags & ts.TypeFlags.Void)) continue;
        context.report({ node: node.key, messageId: "assigned" });
      }
    }
  },
});

function isNothing(node: TSESTree.Node): boolean {
  return (node.type === T.Identifier && node.name === "undefined") || (node.type === T.Literal && node.value === null);
}

function calleeNameOf(callee: TSESTree.Expression): string | undefined {
  if (callee.type === T.Identifier) return callee.name;
  return callee.type === T.MemberExpression ? propertyNameOf(callee) : undefined;
}
