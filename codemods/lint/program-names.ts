// Which function of Trestle a call calls, and what a file imports of it, by scopes alone: no types are asked.

import { AST_NODE_TYPES as T, type TSESLint, type TSESTree } from "@typescript-eslint/utils";
import { isName, isOurs, subpaths, type Name } from "./names.js";

type SourceCode = Readonly<TSESLint.SourceCode>;

/** The names of our modules as one file knows them. */
export class ProgramNames {
  /** Whether the file loads any module of ours. */
  readonly any: boolean;

  constructor(private readonly sourceCode: SourceCode) {
    this.any = importsOf(sourceCode.ast).length > 0 || /\brequire\(\s*["'](trestle|@trestle\/)/.test(sourceCode.text);
  }

  /** The function that is called, if it is one of the table's. */
  calledBy(node: TSESTree.Node): Name | undefined {
    return node.type === T.CallExpression ? this.of(node.callee) : undefined;
  }

  /** What an identifier or `Fiber.fork` means, if it is one of the table's names. */
  of(node: TSESTree.Node): Name | undefined {
    if (!this.any) return undefined;
    const path = this.pathOf(node);
    return path !== undefined && isName(path) ? path : undefined;
  }

  /** As {@link of}, for names that are not in the table: `Cancelled`. */
  pathOf(node: TSESTree.Node): string | undefined {
    if (node.type === T.Identifier) return this.imported(node);
    if (node.type !== T.MemberExpression) return undefined;
    const property = propertyNameOf(node);
    const object = property === undefined ? undefined : this.pathOf(node.object);
    if (object === undefined) return undefined;
    return object === "" ? property : `${object}.${property}`;
  }

  /** The name that an identifier was imported by; "" for a whole module. */
  private imported(node: TSESTree.Identifier): string | undefined {
    const variable = variableOf(this.sourceCode, node);
    const definition = variable?.defs[0];
    if (definition === undefined) return undefined;
    const { node: at, parent } = definition;
    if (parent?.type === T.ImportDeclaration && isOurs(parent.source.value)) {
      if (at.type === T.ImportSpecifier) return nameOfSpecifier(at.imported);
      if (at.type === T.ImportNamespaceSpecifier) return subpaths[parent.source.value] ?? "";
    }
    if (at.type !== T.VariableDeclarator || at.init === null) return undefined;
    const module = requiredBy(at.init);
    if (module === undefined || !isOurs(module)) return undefined;
    if (at.id.type === T.Identifier) return subpaths[module] ?? "";
    if (at.id.type !== T.ObjectPattern) return undefined;
    for (const property of at.id.properties) {
      if (property.type !== T.Property || property.value !== definition.name) continue;
      if (property.key.type === T.Identifier && !property.computed) return property.key.name;
    }
    return undefined;
  }

  /** Edits that have the file import a name from the package, if it does not yet; undefined where that cannot be done. */
  import(fixer: TSESLint.RuleFixer, name: string, module = "trestle"): TSESLint.RuleFix[] | undefined {
    const { ast } = this.sourceCode;
    const values = importsOf(ast).filter((one) => one.importKind !== "type" && one.source.value === module);
    for (const one of values) {
      const specifiers = one.specifiers.filter((specifier) => specifier.type === T.ImportSpecifier);
      if (specifiers.some((specifier) => specifier.local.name === name && nameOfSpecifier(specifier.imported) === name))
        return [];
    }
    // Another thing of that name: nothing to be done without renaming.
    if (
      this.sourceCode.scopeManager?.scopes.some((scope) => scope.set.has(name) && scope.set.get(name)!.defs.length > 0)
    )
      return undefined;
    for (const one of values) {
      const last = one.specifiers.filter((specifier) => specifier.type === T.ImportSpecifier).at(-1);
      if (last !== undefined) return [fixer.insertTextAfter(last, `, ${name}`)];
    }
    if (ast.sourceType !== "module") return undefined;
    const first = ast.body.find((statement) => statement.type === T.ImportDeclaration);
    const text = `import { ${name} } from "${module}";\n`;
    if (first !== undefined) return [fixer.insertTextBefore(first, text)];
    return ast.body[0] === undefined ? undefined : [fixer.insertTextBefore(ast.body[0], text)];
  }
}

const cache = new WeakMap<object, ProgramNames>();

export function programNames(context: { readonly sourceCode: SourceCode }): ProgramNames {
  const { ast } = context.sourceCode;
  let found = cache.get(ast);
  if (found === undefined) cache.set(ast, (found = new ProgramNames(context.sourceCode)));
  return found;
}

function importsOf(ast: TSESTree.Program): TSESTree.ImportDeclaration[] {
  return ast.body.filter((one) => one.type === T.ImportDeclaration).filter((one) => isOurs(one.source.value));
}

function nameOfSpecifier(name: TSESTree.Identifier | TSESTree.StringLiteral): string {
  return name.type === T.Identifier ? name.name : name.value;
}

/** The module that a call of `require` loads. */
export function requiredBy(node: TSESTree.Expression): string | undefined {
  if (node.type === T.MemberExpression) return undefined;
  if (node.type !== T.CallExpression || node.callee.type !== T.Identifier || node.callee.name !== "require") return;
  const [module] = node.arguments;
  return module?.type === T.Literal && typeof module.value === "string" ? module.value : undefined;
}

/** The name of the property that a member expression reads, when it is written down. */
export function propertyNameOf(node: TSESTree.MemberExpression): string | undefined {
  if (!node.computed) return node.property.type === T.Identifier ? node.property.name : undefined;
  return node.property.type === T.Literal && typeof node.property.value === "string" ? node.property.value : undefined;
}

/** The variable that an identifier refers to. */
export function variableOf(sourceCode: SourceCode, node: TSESTree.Identifier): TSESLint.Scope.Variable | undefined {
  let scope: TSESLint.Scope.Scope | null = sourceCode.getScope(node);
  while (scope !== null) {
    const variable = scope.set.get(node.name);
    if (variable !== undefined) return variable;
    scope = scope.upper;
  }
  return undefined;
}

/** Whether an identifier is the platform's: nothing in the file declares it. */
export function isGlobal(sourceCode: SourceCode, node: TSESTree.Identifier): boolean {
  return (variableOf(sourceCode, node)?.defs.length ?? 0) === 0;
}
