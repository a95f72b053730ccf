import { AST_NODE_TYPES as T, type TSESLint, type TSESTree } from "@typescript-eslint/utils";
import { judgeOf } from "../op.js";
import { programNames } from "../program-names.js";
import { rule } from "../rule.js";
import { nodesWithin, suspends } from "../syntax.js";

export const noSwallowedCancel = rule({
  docs: {
    description: "A `catch` around a wait lets `Cancelled` pass.",
    why:
      "A cancelled wait throws `Cancelled`. A `catch` that keeps it goes on in a fiber that is to end: it logs an error that is none, " +
      "or tries again for ever.",
    preset: "recommended",
    bad: [
      {
        code: "function* f() {\n  try {\n    yield* save(1);\n  } catch (error) {\n    use(error);\n  }\n}",
        fixed:
          "function* f() {\n  try {\n    yield* save(1);\n  } catch (error) {\n    if (error instanceof Cancelled) throw error;\n    use(error);\n  }\n}",
      },
      {
        code: "function* f() {\n  try {\n    yield* save(1);\n  } catch {}\n}",
        fixed:
          "function* f() {\n  try {\n    yield* save(1);\n  } catch (error) { if (error instanceof Cancelled) throw error; }\n}",
      },
    ],
    good: [
      "function* f() {\n  try {\n    yield* save(1);\n  } catch (error) {\n    if (error instanceof Cancelled) throw error;\n    use(error);\n  }\n}",
      "function* f() {\n  try {\n    yield* save(1);\n  } catch (error) {\n    use(error);\n    throw error;\n  }\n}",
      "function* f() {\n  const text = yield* load();\n  try {\n    return JSON.parse(text) as unknown;\n  } catch {\n    return undefined;\n  }\n}",
    ],
  },
  fixable: true,
  messages: {
    swallowed:
      "This `catch` keeps a cancellation from ending the fiber. Begin it with `if (error instanceof Cancelled) throw error;`.",
  },
  create(context) {
    const judge = judgeOf(context);
    const { sourceCode } = context;
    return {
      TryStatement(node) {
        const { handler } = node;
        if (!handler || judge.fiberAround(node) === undefined || !suspends(sourceCode, node.block)) return;
        // Whoever throws in it, or asks what it is, has thought of it.
        for (const one of nodesWithin(sourceCode, handler.body)) {
          if (one.type === T.ThrowStatement) return;
          if (one.type === T.Identifier && /^(Cancelled|isCancelled|Cancel)$/.test(one.name)) return;
        }
        context.report({ loc: handler.loc.start, messageId: "swallowed", fix: (fixer) => fixOf(fixer, handler) });
      },
    };

    function fixOf(fixer: TSESLint.RuleFixer, handler: TSESTree.CatchClause) {
      const imports = programNames(context).import(fixer, "Cancelled");
      if (imports === undefined || (handler.param && handler.param.type !== T.Identifier)) return null;
      const name = handler.param?.name ?? "error";
      const check = `if (${name} instanceof Cancelled) throw ${name};`;
      const open = sourceCode.getFirstToken(handler.body)!;
      const [first] = handler.body.body;
      const edits = [...imports];
      if (!handler.param) edits.push(fixer.insertTextAfter(sourceCode.getFirstToken(handler)!, ` (${name})`));
      if (first === undefined) edits.push(fixer.insertTextAfter(open, ` ${check} `));
      else {
        const ownLine = first.loc.start.line > open.loc.end.line;
        const indent = ownLine ? `\n${" ".repeat(first.loc.start.column)}` : " ";
        edits.push(fixer.insertTextAfter(open, `${indent}${check}`));
      }
      return edits;
    }
  },
});
