/** Settles which functions with a callback become fiber functions: of those that could, the ones that can be written. */
import { describeFunction } from "../analyse/functions.js";
import { commentRanges } from "../rewrite/comments.js";
import { fresh, type Piece } from "../chains/pieces.js";
import { ts, type TS } from "../compiler.js";
import type { Controls } from "../controls.js";
import type { Reason } from "../plan.js";
import type { LoadedProject } from "../project.js";
import { styleOf, type Style } from "../rewrite/style.js";
import { runtimeNames, type RuntimeName } from "../runtime-names.js";
import { findCallbackFunctions, type CallbackFunction, type CallbackFunctions } from "./find.js";
import { NotSequential, type CallbackNode } from "./flow.js";
import { lostComment, writeFunction } from "./function.js";

export interface CallbackPlan extends CallbackFunctions {
  /** The name of the fiber function that stands beside one. */
  fiberNameOf(fn: CallbackFunction): string;
  /** What people call it. */
  nameOf(node: CallbackNode): string;
  /** Whether a file has a library name already. */
  imports(file: TS.SourceFile, name: RuntimeName): boolean;
}

export function planCallbackFunctions(
  project: LoadedProject,
  controls: Controls,
  isKept: (node: CallbackNode, file: TS.SourceFile) => boolean,
): CallbackPlan {
  const checker = project.program.getTypeChecker();
  const names = new Names();
  const refused = new Map<TS.Node, Reason>();
  const styles = new Map<TS.SourceFile, Style>();
  const fiberNameOf = (fn: CallbackFunction): string => names.fiberNameOf(fn);
  const imports = (file: TS.SourceFile, name: RuntimeName): boolean => names.imports(file, name);
  const nameOf = (node: CallbackNode): string => describeFunction(node, node.getSourceFile(), 0, project.root).label;
  for (;;) {
    const functions = findCallbackFunctions(project, controls, isKept, refused);
    const before = refused.size;
    for (const fn of functions.converted.values()) {
      const reason = unwritable(fn, functions);
      if (reason !== undefined) refused.set(fn.node, reason);
    }
    if (refused.size === before) return { ...functions, fiberNameOf, nameOf, imports };
  }

  function unwritable(fn: CallbackFunction, functions: CallbackFunctions): Reason | undefined {
    const { file } = fn;
    let style = styles.get(file);
    if (style === undefined) styles.set(file, (style = styleOf(file)));
    let taken: string | undefined;
    const use = (name: RuntimeName): string => {
      if (names.isTaken(file, name)) taken ??= name;
      return name;
    };
    let written: Piece[];
    try {
      const copy = (start: number, end: number): Piece[] => [{ text: file.text.slice(start, end), origin: start }];
      const rename = (): void => undefined;
      written = writeFunction(fn, { file, checker, style, functions, copy, rename, use, fiberNameOf });
    } catch (error) {
      if (error instanceof NotSequential) return error.reason;
      throw error;
    }
    if (taken !== undefined) return { code: "TR1810", message: `its file has another \`${taken}\`` };
    const comments = commentRanges(file, fn.node.body.getStart(file), fn.node.body.end);
    const texts = comments.map(({ start, end }) => file.text.slice(start, end));
    const lost = lostComment([...written, fresh("")], texts);
    return lost === undefined ? undefined : { code: "TR1810", message: "a comment in it would have no place" };
  }
}

/** Which names files have. */
class Names {
  readonly #identifiers = new Map<TS.SourceFile, Set<string>>();
  readonly #imported = new Map<TS.SourceFile, Set<string>>();
  readonly #fiberNames = new Map<TS.Node, string>();

  fiberNameOf({ node, file, twin }: CallbackFunction): string {
    const known = this.#fiberNames.get(node);
    if (known !== undefined) return known;
    const taken = this.#of(file);
    const base = `${twin?.name ?? "body"}Op`;
    let name = base;
    for (let n = 2; taken.has(name); n++) name = `${base}${n}`;
    taken.add(name);
    this.#fiberNames.set(node, name);
    return name;
  }

  isTaken(file: TS.SourceFile, name: RuntimeName): boolean {
    return this.#of(file).has(name) && !this.imports(file, name);
  }

  imports(file: TS.SourceFile, name: RuntimeName): boolean {
    let imported = this.#imported.get(file);
    if (imported === undefined) this.#imported.set(file, (imported = importedNames(file)));
    return imported.has(name);
  }

  #of(file: TS.SourceFile): Set<string> {
    let known = this.#identifiers.get(file);
    if (known === undefined) {
      known = new Set(file.text.match(/[A-Za-z_$][\w$]*/g));
      this.#identifiers.set(file, known);
    }
    return known;
  }
}

/** The library names that a file imports as they are. */
function importedNames(file: TS.SourceFile): Set<string> {
  const modules = new Set<string>(Object.values(runtimeNames).map((entry) => entry.module));
  const found = new Set<string>();
  for (const statement of file.statements) {
    if (ts.isImportDeclaration(statement)) {
      const bindings = statement.importClause?.namedBindings;
      if (!ts.isStringLiteral(statement.moduleSpecifier) || !modules.has(statement.moduleSpecifier.text)) continue;
      if (bindings === undefined || !ts.isNamedImports(bindings)) continue;
      for (const element of bindings.elements) if (element.propertyName === undefined) found.add(element.name.text);
    } else if (ts.isVariableStatement(statement)) {
      for (const { name, initializer } of statement.declarationList.declarations) {
        if (!ts.isObjectBindingPattern(name) || initializer === undefined || !ts.isCallExpression(initializer))
          continue;
        const [module] = initializer.arguments;
        if (initializer.expression.getText(file) !== "require") continue;
        if (module === undefined || !ts.isStringLiteral(module) || !modules.has(module.text)) continue;
        for (const element of name.elements) {
          if (element.propertyName === undefined && ts.isIdentifier(element.name)) found.add(element.name.text);
        }
      }
    }
  }
  return found;
}
