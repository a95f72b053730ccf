import { AST_NODE_TYPES as T, type TSESTree } from "@typescript-eslint/utils";
import { judgeOf } from "../op.js";
import { secondTimes } from "../paths.js";
import { programNames, propertyNameOf } from "../program-names.js";
import { rule } from "../rule.js";
import { childrenOf, describe, isFunction, unwrapped } from "../syntax.js";
import { names } from "../names.js";

export const noReusedOp = rule({
  docs: {
    description: "What a fiber function returned is run once.",
    why:
      "A generator that has ended does nothing when it is run again, and gives `undefined`. So an op of a `function*` is made where it " +
      "is run. Keep a function that makes it, `() => fetchAll()`; or fork it with `Fiber.forkPromise` and wait for its result as often " +
      "as you like; `Lazy` does so at the first use. Ops of the library itself can be run again: `const tick = clock.sleep(1)` is right.",
    preset: "recommended",
    bad: [
      "function* work(): Op<void> {\n  yield* save(1);\n}\nfunction* f() {\n  const op = work();\n  yield* op;\n  yield* op;\n}",
      "function* work(): Op<void> {\n  yield* save(1);\n}\nfunction* f() {\n  const op = work();\n  while (yield* isReady()) yield* op;\n}",
      "function* work(): Op<void> {\n  yield* save(1);\n}\nfunction* f() {\n  const op = work();\n  yield* Fiber.forEach(ids, () => op);\n}",
      "function* connect(): Op<string> {\n  return yield* load();\n}\nexport class Client {\n  private readonly connected = connect();\n  *send(): Op<void> {\n    use(yield* this.connected);\n  }\n}",
    ],
    good: [
      "function* work(): Op<void> {\n  yield* save(1);\n}\nfunction* f() {\n  const op = work();\n  if (ready) yield* op;\n  else yield* Fiber.both(() => op, () => save(2));\n}",
      "function* f() {\n  const tick = Fiber.yield();\n  yield* tick;\n  yield* tick;\n}",
      "function* work(): Op<void> {\n  yield* save(1);\n}\nfunction* f() {\n  for (const id of ids) {\n    const op = work();\n    use(id);\n    yield* op;\n  }\n}",
    ],
  },
  messages: {
    twice:
      "{{op}} was run before on a way that comes here. What a generator function returned runs once: make it anew.",
    loop: "{{op}} is made once, outside of this loop, and runs once: the next rounds get nothing. Make it in the loop.",
    perItem: "{{op}} is made once and runs once, and {{callee}} runs it for each item. Make it in the function.",
    field:
      "This field keeps an op that runs once, whoever runs it. Keep a function that makes it, a promise of a fork, or a `Lazy`.",
  },
  create(context) {
    const judge = judgeOf(context);
    const { sourceCode } = context;
    const ours = programNames(context);

    return {
      VariableDeclarator(node) {
        if (node.id.type !== T.Identifier || node.init?.type !== T.CallExpression) return;
        const [variable] = sourceCode.getDeclaredVariables?.(node) ?? [];
        if (variable?.defs.length !== 1) return;
        const { references } = variable;
        // Assigned again, it is another op.
        if (references.some((one) => one.isWrite() && !one.init)) return;
        const uses = references.filter((one) => one.isRead()).map(({ identifier }) => identifier as TSESTree.Node);
        if (!uses.some((use) => runOf(use) || thunkOf(use)) || !judge.isOneShot(node.init)) return;
        checkRuns(node, uses);
        for (const use of uses) checkThunk(node, use);
      },
      PropertyDefinition(node) {
        if (!node.value || node.static || !judge.isOneShot(node.value) || !keepsOp(node.key)) return;
        if (!isDriven(node.parent, keyOf(node))) context.report({ node: node.value, messageId: "field" });
      },
      AssignmentExpression(node) {
        checkField(node);
      },
    };

    /** The `yield*` that runs a variable. */
    function runOf(use: TSESTree.Node): TSESTree.YieldExpression | undefined {
      let at = use;
      while (at.parent && at.parent.type !== T.YieldExpression) {
        if (unwrapped(at.parent as TSESTree.Expression) !== use) return undefined;
        at = at.parent;
      }
      return at.parent?.type === T.YieldExpression && at.parent.delegate ? at.parent : undefined;
    }

    /** The function `() => op` around a variable. */
    function thunkOf(use: TSESTree.Node): TSESTree.ArrowFunctionExpression | undefined {
      return use.parent?.type === T.ArrowFunctionExpression && use.parent.body === use ? use.parent : undefined;
    }

    /** The thunk that a fiber is started with, or that something of ours runs here. */
    function bodyOf(use: TSESTree.Node): TSESTree.Node | undefined {
      const thunk = thunkOf(use);
      const list = thunk?.parent.type === T.ArrayExpression ? thunk.parent : undefined;
      const call = list?.parent ?? thunk?.parent;
      const name = call && ours.calledBy(call);
      if (!thunk || call?.type !== T.CallExpression || name === undefined) return undefined;
      const index = call.arguments.indexOf(list ?? thunk);
      return (list ? names[name].bodyList === index : names[name].bodies?.includes(index)) ? thunk : undefined;
    }

    function checkRuns(declarator: TSESTree.VariableDeclarator, uses: readonly TSESTree.Node[]): void {
      const home = bodyAround(declarator);
      if (!home) return;
      const runs = new Set<TSESTree.Node>();
      for (const use of uses) {
        const run = runOf(use) ?? bodyOf(use);
        if (run !== undefined && bodyAround(run) === home) runs.add(run);
      }
      if (runs.size === 0) return;
      const inLoop = new Set<TSESTree.Node>();
      const repeats = (loop: TSESTree.Node): boolean => {
        const outside = declarator.range[0] < loop.range[0] || declarator.range[1] > loop.range[1];
        if (outside) inLoop.add(loop);
        return outside;
      };
      const is = (node: TSESTree.Node): boolean => runs.has(node);
      for (const node of secondTimes(sourceCode, home, { is, throws: true, repeats })) {
        const loops = [...inLoop].some((loop) => [...runs].every((run) => within(run, loop)));
        const op = describe(sourceCode, declarator.id);
        context.report({ node, messageId: loops ? "loop" : "twice", data: { op } });
      }
    }

    function checkThunk(declarator: TSESTree.VariableDeclarator, use: TSESTree.Node): void {
      const thunk = thunkOf(use);
      const call = thunk?.parent;
      if (call?.type !== T.CallExpression) return;
      const name = ours.calledBy(call);
      if (name === undefined || names[name].perItem === undefined || call.arguments[names[name].perItem] !== thunk)
        return;
      const data = { op: describe(sourceCode, declarator.id), callee: name };
      context.report({ node: use, messageId: "perItem", data });
    }

    /** An op that a method or a constructor puts into a field of its object. */
    function checkField(node: TSESTree.AssignmentExpression): void {
      const { left, right } = node;
      if (left.type !== T.MemberExpression || left.object.type !== T.ThisExpression) return;
      if (right.type !== T.CallExpression || !judge.isOneShot(right) || !keepsOp(left)) return;
      const name = left.property.type === T.PrivateIdentifier ? `#${left.property.name}` : propertyNameOf(left);
      let owner: TSESTree.Node | undefined = left;
      let method: TSESTree.Node | undefined;
      while (owner && owner.type !== T.ClassBody) {
        if (owner.type === T.MethodDefinition) method = owner;
        owner = owner.parent;
      }
      if (!owner || !method || name === undefined || isDriven(owner, name)) return;
      // Kept until the next call; or made once and run at each one.
      const kept = node.operator !== "=" || (method as TSESTree.MethodDefinition).kind === "constructor";
      const elsewhere = readsOf(owner, name).some((read) => runOf(read) && !within(read, method));
      if (kept || elsewhere) context.report({ node: right, messageId: "field" });
    }

    /** Whether a field is for an op: an iterator is gone through by hand. */
    function keepsOp(field: TSESTree.Node): boolean {
      return judge.types === undefined || judge.types.opness(judge.types.of(field)) !== "no";
    }

    /** Whether a class goes through the steps of a field by itself: `this.steps.next()`. */
    function isDriven(owner: TSESTree.Node, name: string | undefined): boolean {
      return readsOf(owner, name).some(({ parent }) => parent?.type === T.MemberExpression);
    }

    function readsOf(owner: TSESTree.Node, name: string | undefined): TSESTree.MemberExpression[] {
      const found: TSESTree.MemberExpression[] = [];
      const walk = (node: TSESTree.Node): void => {
        if (node.type === T.MemberExpression && node.object.type === T.ThisExpression) {
          const read = node.property.type === T.PrivateIdentifier ? `#${node.property.name}` : propertyNameOf(node);
          if (read === name) found.push(node);
        }
        childrenOf(sourceCode, node).forEach(walk);
      };
      walk(owner);
      return found;
    }
  },
});

function keyOf({ key, computed }: TSESTree.PropertyDefinition): string | undefined {
  if (computed) return undefined;
  if (key.type === T.PrivateIdentifier) return `#${key.name}`;
  return key.type === T.Identifier ? key.name : undefined;
}

function bodyAround(node: TSESTree.Node): TSESTree.BlockStatement | undefined {
  for (let at = node.parent; at; at = at.parent) {
    if (isFunction(at)) return at.body.type === T.BlockStatement ? at.body : undefined;
    if (at.type === T.PropertyDefinition || at.type === T.StaticBlock) return undefined;
  }
  return undefined;
}

function within(node: TSESTree.Node, outer: TSESTree.Node): boolean {
  return node.range[0] >= outer.range[0] && node.range[1] <= outer.range[1];
}
