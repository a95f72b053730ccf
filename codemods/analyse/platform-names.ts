/** Which export of which module of the platform a name stands for, whether or not its types are there. */
import { ts, type TS } from "../compiler.js";
import { skipParentheses } from "./syntax.js";

export interface PlatformName {
  /** Without `node:`. */
  readonly module: string;
  readonly name: string;
}

/** What `once` or `events.once` means: an import, or a part of what `require` gives. */
export function platformName(expression: TS.Expression, checker: TS.TypeChecker): PlatformName | undefined {
  const node = skipParentheses(expression);
  if (ts.isPropertyAccessExpression(node)) {
    const module = ts.isIdentifier(node.expression) ? moduleOf(declarationOf(node.expression, checker)) : undefined;
    return module === undefined ? undefined : { module, name: node.name.text };
  }
  const declaration = ts.isIdentifier(node) ? declarationOf(node, checker) : undefined;
  if (declaration === undefined) return undefined;
  if (ts.isImportSpecifier(declaration)) {
    const module = specifierOf(declaration.parent.parent.parent.moduleSpecifier);
    return module === undefined ? undefined : { module, name: (declaration.propertyName ?? declaration.name).text };
  }
  if (!ts.isBindingElement(declaration) || !ts.isVariableDeclaration(declaration.parent.parent)) return undefined;
  const module = required(declaration.parent.parent);
  const name = declaration.propertyName ?? declaration.name;
  return module === undefined || !ts.isIdentifier(name) ? undefined : { module, name: name.text };
}

function declarationOf(name: TS.Identifier, checker: TS.TypeChecker): TS.Declaration | undefined {
  return checker.getSymbolAtLocation(name)?.declarations?.[0];
}

/** The module that a whole name stands for. */
function moduleOf(declaration: TS.Declaration | undefined): string | undefined {
  if (declaration === undefined) return undefined;
  if (ts.isNamespaceImport(declaration)) return specifierOf(declaration.parent.parent.moduleSpecifier);
  if (ts.isImportClause(declaration)) return specifierOf(declaration.parent.moduleSpecifier);
  return ts.isVariableDeclaration(declaration) ? required(declaration) : undefined;
}

function required({ initializer }: TS.VariableDeclaration): string | undefined {
  if (initializer === undefined || !ts.isCallExpression(initializer)) return undefined;
  const [specifier] = initializer.arguments;
  return initializer.expression.getText() === "require" && specifier !== undefined ? specifierOf(specifier) : undefined;
}

function specifierOf(node: TS.Expression): string | undefined {
  return ts.isStringLiteralLike(node) ? node.text.replace(/^node:/, "") : undefined;
}
