/** Which names of other packages an expression stands for, however the file imports them. */
import { ts, type TS } from "../compiler.js";

export interface LibraryName {
  readonly module: string;
  /** What the module exports it as: `default`, or `*` for all of it. */
  readonly name: string;
  /** The identifier in the file that names it, or the module it is taken from. */
  readonly identifier: TS.Identifier;
  /** What declares that identifier. */
  readonly declaration: TS.Declaration;
}

export function libraryName(expression: TS.Node, checker: TS.TypeChecker): LibraryName | undefined {
  if (ts.isPropertyAccessExpression(expression)) {
    const owner = libraryName(expression.expression, checker);
    return owner?.name === "*" ? { ...owner, name: expression.name.text } : undefined;
  }
  if (!ts.isIdentifier(expression)) return undefined;
  const declaration = checker.getSymbolAtLocation(expression)?.declarations?.[0];
  if (declaration === undefined) return undefined;
  const imported = importedBy(declaration);
  return imported && { ...imported, identifier: expression, declaration };
}

function importedBy(declaration: TS.Declaration): { module: string; name: string } | undefined {
  const from = (module: TS.Expression | undefined, name: string): { module: string; name: string } | undefined =>
    module !== undefined && ts.isStringLiteralLike(module) ? { module: module.text, name } : undefined;
  if (ts.isImportSpecifier(declaration)) {
    return from(declaration.parent.parent.parent.moduleSpecifier, (declaration.propertyName ?? declaration.name).text);
  }
  if (ts.isImportClause(declaration)) return from(declaration.parent.moduleSpecifier, "default");
  if (ts.isNamespaceImport(declaration)) return from(declaration.parent.parent.moduleSpecifier, "*");
  if (ts.isImportEqualsDeclaration(declaration)) {
    const reference = declaration.moduleReference;
    return ts.isExternalModuleReference(reference) ? from(reference.expression, "*") : undefined;
  }
  if (ts.isVariableDeclaration(declaration)) {
    const { initializer } = declaration;
    if (initializer === undefined || !ts.isIdentifier(declaration.name)) return undefined;
    if (ts.isPropertyAccessExpression(initializer)) {
      return from(requiredIn(initializer.expression), initializer.name.text);
    }
    return from(requiredIn(initializer), "*");
  }
  if (ts.isBindingElement(declaration)) {
    const pattern = declaration.parent;
    if (!ts.isObjectBindingPattern(pattern) || !ts.isVariableDeclaration(pattern.parent)) return undefined;
    const name = declaration.propertyName ?? declaration.name;
    if (!ts.isIdentifier(name) || declaration.dotDotDotToken !== undefined) return undefined;
    return from(requiredIn(pattern.parent.initializer), name.text);
  }
  return undefined;
}

/** The module of `require("module")`. */
function requiredIn(expression: TS.Expression | undefined): TS.Expression | undefined {
  return expression !== undefined &&
    ts.isCallExpression(expression) &&
    ts.isIdentifier(expression.expression) &&
    expression.expression.text === "require" &&
    expression.arguments.length === 1
    ? expression.arguments[0]
    : undefined;
}
