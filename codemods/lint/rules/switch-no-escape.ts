import { AST_NODE_TYPES as T, type TSESTree } from "@typescript-eslint/utils";
import { programNames, propertyNameOf, variableOf } from "../program-names.js";
import { rule } from "../rule.js";
import { childrenOf, functionAround, isFunction, unwrapped, type FunctionNode } from "../syntax.js";

export const switchNoEscape = rule({
  docs: {
    description: "A switch is not used after its `Switch.run`.",
    why:
      "When `Switch.run` returns, its switch is finished: a fork on it throws a `SwitchFinishedError`. Pass a switch down, to functions " +
      "that are called while it runs. A switch is reported that is returned, by itself or within what is returned, and one that is put " +
      "into a variable or a field from outside and never taken out again.",
    preset: "recommended",
    bad: [
      "yield* Switch.run(function* (sw) {\n  yield* save(1);\n  return sw;\n});",
      "yield* Switch.run(function* (sw) {\n  yield* save(1);\n  return { save: (id: number) => Fiber.fork(sw, () => save(id)) };\n});",
      "let current: Switch;\nexport function* f(): Op<void> {\n  yield* Switch.run(function* (sw) {\n    current = sw;\n    yield* save(1);\n  });\n}",
    ],
    good: [
      "yield* Switch.run(function* (sw) {\n  yield* Fiber.fork(sw, () => save(1));\n});",
      "class Pool {\n  constructor(readonly sw: Switch) {}\n}\nexport const f = () =>\n  Switch.run(function* (sw) {\n    const pool = new Pool(sw);\n    yield* save(1);\n    return yield* Fiber.forkPromise(pool.sw, () => load());\n  });",
      "let current: Switch | undefined;\nexport function* f(): Op<void> {\n  yield* Switch.run(function* (sw) {\n    current = sw;\n    try {\n      yield* save(1);\n    } finally {\n      current = undefined;\n    }\n  });\n}",
    ],
  },
  messages: {
    returned: "`{{sw}}` is finished when `{{run}}` returns: nobody can use it behind that. Pass it down instead.",
    captured:
      "`{{sw}}` is finished when `{{run}}` returns: this function cannot use it behind that. Pass it down instead.",
    stored:
      "`{{sw}}` is finished when `{{run}}` returns, and {{place}} keeps it beyond that. Pass it down, or take it out again at the end.",
  },
  create(context) {
    const { sourceCode } = context;
    const ours = programNames(context);

    return {
      CallExpression(node) {
        const run = ours.calledBy(node);
        if (run !== "Switch.run" && run !== "Switch.runProtected") return;
        const [body] = node.arguments;
        if (!body || !isFunction(body)) return;
        const [parameter] = body.params;
        if (parameter?.type !== T.Identifier) return;
        const variable = sourceCode.getDeclaredVariables?.(body).find(({ name }) => name === parameter.name);
        for (const { identifier } of variable?.references ?? []) check(identifier as TSESTree.Identifier, body, run);
      },
    };

    function check(use: TSESTree.Identifier, body: FunctionNode, run: string): void {
      const data = { sw: use.name, run };
      const { value, captured } = whole(use, body);
      const { parent } = value;
      if (parent?.type === T.ReturnStatement && functionAround(parent) === body) {
        context.report({ node: use, messageId: captured ? "captured" : "returned", data });
      } else if (parent?.type === T.AssignmentExpression && parent.right === value && !captured) {
        const place = unwrapped(parent.left);
        if (!keeps(place, body) || isTakenOut(place, parent)) return;
        context.report({ node: use, messageId: "stored", data: { ...data, place: sourceCode.getText(place) } });
      }
    }

    /** The value that a switch is part of: an object, a list, a function that uses it. */
    function whole(use: TSESTree.Identifier, body: FunctionNode): { value: TSESTree.Node; captured: boolean } {
      let at: TSESTree.Node = use;
      let captured = false;
      for (;;) {
        const { parent } = at as { parent: TSESTree.Node };
        const part =
          (parent.type === T.Property && parent.value === at) ||
          parent.type === T.ObjectExpression ||
          parent.type === T.ArrayExpression ||
          parent.type === T.TSAsExpression ||
          parent.type === T.TSSatisfiesExpression ||
          parent.type === T.TSNonNullExpression;
        if (part) {
          at = parent;
          continue;
        }
        const fn: TSESTree.Node | undefined = around(at);
        if (fn === undefined || fn === body || captured || !forks(use)) return { value: at, captured };
        // A function that forks on it, somewhere in what it does.
        at = fn;
        captured = true;
      }
    }

    /** The function expression around a node, whatever else stands between them. */
    function around(node: TSESTree.Node): TSESTree.Node | undefined {
      let at = node.parent;
      while (at && !isFunction(at)) at = at.parent;
      return at?.type === T.FunctionDeclaration ? undefined : at;
    }

    /** Whether a use of a switch needs it to be running. */
    function forks({ parent }: TSESTree.Identifier): boolean {
      if (parent.type === T.CallExpression) return /^Fiber\.fork/.test(ours.calledBy(parent) ?? "");
      return (
        parent.type === T.MemberExpression &&
        /^(onRelease|onReleaseCancellable|own)$/.test(propertyNameOf(parent) ?? "")
      );
    }

    /** A field of the object around, a variable of the module, or one that is read behind the run. */
    function keeps(place: TSESTree.Node, body: FunctionNode): boolean {
      let root = place;
      while (root.type === T.MemberExpression) root = root.object;
      if (root.type === T.ThisExpression) {
        // `this` of a class within the body, or of the body, is another one.
        const fn = thisFunction(root);
        return fn !== undefined && fn.range[0] < body.range[0];
      }
      if (root.type !== T.Identifier) return false;
      const variable = variableOf(sourceCode, root);
      if (variable?.defs[0]?.node.type !== T.VariableDeclarator) return false;
      if (variable.scope.block.type === T.Program) return true;
      const home = functionAround(variable.defs[0].name);
      if (place !== root || home === undefined || home.range[0] > body.range[0]) return false;
      const outer = functionAround(body.parent) === home;
      return (
        outer &&
        variable.references.some(
          ({ identifier }) => identifier.range[0] > body.parent.range[1] && functionAround(identifier) === home,
        )
      );
    }

    function thisFunction(node: TSESTree.Node): TSESTree.Node | undefined {
      for (let at = node.parent; at; at = at.parent) {
        if (at.type === T.ArrowFunctionExpression) continue;
        if (isFunction(at) || at.type === T.PropertyDefinition || at.type === T.StaticBlock) return at;
      }
      return undefined;
    }

    /** Whether a place is given something else, or is deleted, anywhere in the file. */
    function isTakenOut(place: TSESTree.Node, stored: TSESTree.AssignmentExpression): boolean {
      const text = lastNameOf(place);
      if (text === undefined) return true;
      return sourceCode.ast.body.some((statement) => has(statement));

      function has(node: TSESTree.Node): boolean {
        if (
          node.type === T.AssignmentExpression &&
          node !== stored &&
          !(node.right.type === T.Identifier && node.right.name === (stored.right as TSESTree.Identifier).name) &&
          lastNameOf(node.left) === text
        )
          return true;
        if (node.type === T.UnaryExpression && node.operator === "delete" && lastNameOf(node.argument) === text)
          return true;
        return childrenOf(sourceCode, node).some(has);
      }
    }
  },
});

function lastNameOf(place: TSESTree.Node): string | undefined {
  if (place.type === T.Identifier) return place.name;
  if (place.type !== T.MemberExpression) return undefined;
  return place.property.type === T.PrivateIdentifier ? `#${place.property.name}` : propertyNameOf(place);
}
