// The fiber function behind a façade: `loadOp` behind `load`.

import { AST_NODE_TYPES as T, type TSESLint, type TSESTree } from "@typescript-eslint/utils";
import ts from "typescript";
import { judgeOf, settingsOf, type Types } from "./op.js";
import { propertyNameOf, variableOf } from "./program-names.js";
import type { Context } from "./rule.js";
import { isFunction } from "./syntax.js";

export interface Twin {
  /** The call of the fiber function in the place of that of the façade. */
  readonly call: string;
  /** What its file has to import for that. */
  imports(fixer: TSESLint.RuleFixer): TSESLint.RuleFix[];
}

/** The fiber function to call in the place of a façade, when there is one for sure. */
export function twinOf<Message extends string>(
  context: Context<Message>,
  call: TSESTree.CallExpression,
): Twin | undefined {
  const { sourceCode } = context;
  const { callee } = call;
  if (isMoreThanItsTwin(context, callee)) return undefined;
  const suffix = settingsOf(context).twinSuffix ?? "Op";
  const behind = sourceCode.getText().slice(callee.range[1], call.range[1]);
  if (callee.type === T.Identifier) {
    const name = callee.name + suffix;
    const importing = twinOfVariable(context, callee, name);
    return importing && { call: name + behind, imports: importing };
  }
  if (callee.type !== T.MemberExpression || callee.optional || callee.computed) return undefined;
  // `super.load()` is a call of that very method.
  if (callee.object.type === T.Super) return undefined;
  const method = propertyNameOf(callee);
  if (method === undefined || !hasTwinMethod(context, callee, method + suffix)) return undefined;
  return { call: `${sourceCode.getText(callee.object)}.${method}${suffix}${behind}`, imports: () => [] };
}

/** What a decorator makes of a method is called by its name only; signatures that are written down may be those of promises. */
function isMoreThanItsTwin<Message extends string>(context: Context<Message>, callee: TSESTree.Expression): boolean {
  const declarations = judgeOf(context).types?.symbolOf(callee)?.declarations ?? [];
  return (
    declarations.length > 1 ||
    declarations.some((each) => ts.canHaveDecorators(each) && ts.getDecorators(each) !== undefined)
  );
}

function twinOfVariable<Message extends string>(
  context: Context<Message>,
  facade: TSESTree.Identifier,
  name: string,
): Twin["imports"] | undefined {
  const { sourceCode } = context;
  const judge = judgeOf(context);
  const [definition] = variableOf(sourceCode, facade)?.defs ?? [];
  const known = variableOf(sourceCode, { ...facade, name });
  if (known !== undefined) {
    const [twin] = known.defs;
    // The two stand side by side, or come from one module.
    if (twin === undefined || twin.parent?.parent !== definition?.parent?.parent) return undefined;
    if (twin.parent?.type === T.ImportDeclaration && twin.parent !== definition?.parent) return undefined;
    const at = twin.node;
    const isFiber = at.type === T.ImportSpecifier ? judge.types !== undefined : judge.isFiberFunction(functionOf(at));
    return isFiber && (judge.types === undefined || givesOp(judge.types, at)) ? () => [] : undefined;
  }
  if (definition?.node.type !== T.ImportSpecifier || judge.types === undefined) return undefined;
  const specifier = definition.node;
  const { imported } = specifier;
  if (imported.type !== T.Identifier || imported.name !== specifier.local.name) return undefined;
  const symbol = judge.types.symbolOf(specifier.local);
  const module = symbol?.declarations?.[0]?.getSourceFile();
  const scope = module && judge.types.checker.getSymbolAtLocation(module);
  const twin = scope && judge.types.checker.getExportsOfModule(scope).find((each) => each.name === name);
  if (twin === undefined || !symbolGivesOp(judge.types, twin)) return undefined;
  return (fixer) => [fixer.insertTextAfter(specifier, `, ${name}`)];
}

/** The function that a definition in this file stands for. */
function functionOf(at: TSESTree.Node): TSESTree.Node {
  return at.type === T.VariableDeclarator && at.init && isFunction(at.init) ? at.init : at;
}

function givesOp(types: Types, at: TSESTree.Node): boolean {
  const name = at.type === T.ImportSpecifier ? at.local : "id" in at && at.id ? at.id : at;
  return types.givesOp(types.of(name));
}

function symbolGivesOp(types: Types, symbol: ts.Symbol): boolean {
  const [declaration] = symbol.declarations ?? [];
  return declaration !== undefined && types.givesOp(types.checker.getTypeOfSymbolAtLocation(symbol, declaration));
}

function hasTwinMethod<Message extends string>(
  context: Context<Message>,
  callee: TSESTree.MemberExpression,
  name: string,
): boolean {
  const judge = judgeOf(context);
  if (judge.types !== undefined) {
    const twin = judge.types.of(callee.object).getProperty(name);
    return twin !== undefined && symbolGivesOp(judge.types, twin);
  }
  if (callee.object.type !== T.ThisExpression) return false;
  for (let at: TSESTree.Node | undefined = callee.parent; at; at = at.parent) {
    if (at.type !== T.ClassBody) continue;
    return at.body.some(
      (member) =>
        member.type === T.MethodDefinition &&
        member.key.type === T.Identifier &&
        member.key.name === name &&
        judge.isFiberFunction(member.value),
    );
  }
  return false;
}
