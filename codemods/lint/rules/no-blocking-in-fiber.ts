import { AST_NODE_TYPES as T, type TSESTree } from "@typescript-eslint/utils";
import { judgeOf } from "../op.js";
import { propertyNameOf, requiredBy, variableOf } from "../program-names.js";
import { rule } from "../rule.js";
import { describe, functionAround } from "../syntax.js";

interface Blocking {
  readonly is: (name: string) => boolean;
  readonly messageId: "files" | "processes" | "work";
}

/** The modules of Node with functions that keep the thread. */
const MODULES: Readonly<Record<string, Blocking>> = {
  fs: { is: (name) => name.endsWith("Sync"), messageId: "files" },
  child_process: { is: (name) => name.endsWith("Sync"), messageId: "processes" },
  // The others, such as `randomFillSync`, take no time to speak of.
  crypto: {
    is: (name) => /^(pbkdf2|scrypt|argon2|generateKeyPair|generatePrime|checkPrime)Sync$/.test(name),
    messageId: "work",
  },
};

/** Methods of arrays that call a function at once. */
const METHODS = new Set(
  "map forEach filter some every find findIndex flatMap reduce reduceRight sort toSorted".split(" "),
);

export const noBlockingInFiber = rule({
  docs: {
    description: "A fiber does not keep the thread.",
    why:
      "While `readFileSync` or `execSync` runs, no other fiber does, no timer fires and no connection is served. Use the file system " +
      "and the processes of `env`, or the form with a callback: `yield* fromNode(fs.readFile)(path)`. What only computes can be given " +
      "to `runInThread` of `trestle/node`. Functions of Node are known by their imports.",
    preset: "migration",
    bad: [
      'import { readFileSync } from "node:fs";\nimport { Switch } from "trestle";\nexport const main = () =>\n  Switch.run(function* () {\n    return readFileSync("a.txt", "utf8");\n  });',
      'import * as child from "node:child_process";\nimport type { Op } from "trestle";\nexport function* build(): Op<void> {\n  yield* save(1);\n  child.execSync("make");\n}',
      "function* f(cell: Int32Array) {\n  yield* save(1);\n  Atomics.wait(cell, 0, 0);\n}",
    ],
    good: [
      'import { readFile } from "node:fs";\nimport { fromNode } from "@trestle/bridges";\nimport type { Op } from "trestle";\nexport function* main(): Op<unknown> {\n  return yield* fromNode(readFile)("a.txt");\n}',
      'import { readFileSync } from "node:fs";\nexport const text = readFileSync("a.txt", "utf8");',
    ],
  },
  messages: {
    files:
      "{{callee}} keeps the thread: no other fiber runs meanwhile. Use the file system of `env`, or `yield* fromNode(…)` of the form with a callback.",
    processes:
      "{{callee}} keeps the thread until the process ends: no other fiber runs meanwhile. Use `env.processMgr`, or `yield* fromNode(…)` of the form with a callback.",
    work: "{{callee}} keeps the thread: no other fiber runs meanwhile. Use `yield* fromNode(…)` of the form with a callback, or `runInThread`.",
    atomics:
      "`Atomics.wait` keeps the thread: no other fiber runs meanwhile. Wait for the promise of `Atomics.waitAsync` with `fromPromise`.",
  },
  create(context) {
    const judge = judgeOf(context);
    const { sourceCode } = context;

    return {
      CallExpression(node) {
        const messageId = isAtomicsWait(node) ? "atomics" : ofNode(node.callee);
        if (messageId === undefined || !isInFiber(node)) return;
        context.report({ node, messageId, data: { callee: describe(sourceCode, node.callee) } });
      },
    };

    /** Whether a fiber function calls it, by itself or in what it hands to a method of an array. */
    function isInFiber(node: TSESTree.Node): boolean {
      if (judge.fiberAround(node) !== undefined) return true;
      const fn = functionAround(node);
      const call = fn?.parent;
      if (!fn || fn.generator || fn.async || call?.type !== T.CallExpression || call.arguments[0] !== fn) return false;
      const { callee } = call;
      return callee.type === T.MemberExpression && METHODS.has(propertyNameOf(callee) ?? "") && isInFiber(call);
    }

    function isAtomicsWait({ callee, arguments: [, , , timeout] }: TSESTree.CallExpression): boolean {
      if (callee.type !== T.MemberExpression || callee.object.type !== T.Identifier) return false;
      if (callee.object.name !== "Atomics" || propertyNameOf(callee) !== "wait") return false;
      // With a time limit of nothing it is a question only.
      if (timeout?.type === T.Literal && timeout.value === 0) return false;
      return !variableOf(sourceCode, callee.object)?.defs.length;
    }

    function ofNode(callee: TSESTree.Expression): Blocking["messageId"] | undefined {
      const read = callee.type === T.MemberExpression ? propertyNameOf(callee) : undefined;
      const root = callee.type === T.MemberExpression ? callee.object : callee;
      if (callee.type === T.MemberExpression && read === undefined) return undefined;
      const from = sourceOf(root);
      if (from === undefined) return undefined;
      const name = read === undefined ? from.name : from.name === undefined ? read : undefined;
      const module = from.module.replace(/^node:/, "");
      const known = Object.hasOwn(MODULES, module) ? MODULES[module]! : undefined;
      return name !== undefined && known?.is(name) ? known.messageId : undefined;
    }

    /** The module that an expression is, or the module and the name that it was imported by. */
    function sourceOf(node: TSESTree.Expression): { module: string; name: string | undefined } | undefined {
      const required = requiredBy(node);
      if (required !== undefined) return { module: required, name: undefined };
      if (node.type !== T.Identifier) return undefined;
      const definition = variableOf(sourceCode, node)?.defs[0];
      if (definition === undefined) return undefined;
      const { node: at, parent } = definition;
      if (parent?.type === T.ImportDeclaration) {
        const module = parent.source.value;
        if (at.type !== T.ImportSpecifier) return { module, name: undefined };
        const name = at.imported.type === T.Identifier ? at.imported.name : at.imported.value;
        return { module, name: name === "default" ? undefined : name };
      }
      if (at.type === T.TSImportEqualsDeclaration) {
        if (at.moduleReference.type !== T.TSExternalModuleReference) return undefined;
        const { expression } = at.moduleReference;
        const module =
          expression.type === T.Literal && typeof expression.value === "string" ? expression.value : undefined;
        return module === undefined ? undefined : { module, name: undefined };
      }
      if (at.type !== T.VariableDeclarator || !at.init) return undefined;
      const module = requiredBy(at.init);
      if (module === undefined) return undefined;
      if (at.id.type === T.Identifier) return { module, name: undefined };
      if (at.id.type !== T.ObjectPattern) return undefined;
      for (const property of at.id.properties) {
        if (property.type !== T.Property || property.value !== definition.name || property.computed) continue;
        if (property.key.type === T.Identifier) return { module, name: property.key.name };
      }
      return undefined;
    }
  },
});
