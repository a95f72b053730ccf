/** The names a rewritten file takes from the run-time libraries and from the modules it already imports. */
import { dirname, relative } from "node:path";
import { ts, type TS } from "../compiler.js";
import { isCommonJsFile } from "../analyse/syntax.js";
import { runtimeNames, type RuntimeName } from "../runtime-names.js";
import { commentsIn, joinComments } from "./comments.js";
import type { Edits } from "./edits.js";
import type { Style } from "./style.js";

interface ImportedName {
  readonly exported: string;
  readonly local: string;
  readonly typeOnly: boolean;
}

export class Imports {
  readonly #file: TS.SourceFile;
  readonly #style: Style;
  readonly #identifiers: Set<string>;
  readonly #byModule = new Map<string, Map<string, ImportedName>>();
  readonly #dropped = new Set<TS.ImportSpecifier | TS.ImportClause>();
  readonly #unneeded = new Set<TS.ImportDeclaration>();
  /** The first line of the file, which new imports would have followed, is gone. */
  #lostAnchor = false;

  constructor(file: TS.SourceFile, style: Style) {
    this.#file = file;
    this.#style = style;
    this.#identifiers = identifiersOf(file);
  }

  /** The local name of a library name; the file imports it from now on. */
  use(name: RuntimeName): string {
    const entry = runtimeNames[name];
    return this.#useFrom(entry.module, name, entry.typeOnly);
  }

  /** Imports a library name that the text has already. */
  useAsWritten(name: RuntimeName): void {
    this.#identifiers.delete(name);
    this.use(name);
  }

  /** The local name of a fiber function that `declaring` exports. */
  useTwin(exported: string, original: TS.Identifier, declaring: TS.SourceFile): string {
    return this.#useFrom(specifierFor(this.#file, original, declaring), exported, false);
  }

  /** Takes a name out of the import it stands in: every use of it has been replaced. */
  drop(specifier: TS.ImportSpecifier | TS.ImportClause): void {
    this.#dropped.add(specifier);
  }

  /**
   * Takes out what brings a name of a library in, together with the whole import if it brings nothing else: unlike the
   * modules of the program itself, a library that nobody names is not loaded.
   */
  dropDeclaration(declaration: TS.Declaration, edits: Edits): void {
    if (ts.isImportSpecifier(declaration) || ts.isImportClause(declaration)) {
      this.#dropped.add(declaration);
      const statement = ts.isImportClause(declaration) ? declaration.parent : declaration.parent.parent.parent;
      if (ts.isImportDeclaration(statement)) this.#unneeded.add(statement);
    } else if (ts.isNamespaceImport(declaration)) {
      const clause = declaration.parent;
      if (clause.name === undefined && ts.isImportDeclaration(clause.parent))
        this.#removeStatement(clause.parent, edits);
    } else if (ts.isBindingElement(declaration)) {
      const { elements } = declaration.parent;
      const index = elements.indexOf(declaration);
      const statement = declaration.parent.parent.parent.parent;
      const next = elements[index + 1];
      const previous = elements[index - 1];
      if (elements.length === 1 && ts.isVariableStatement(statement)) this.#removeStatement(statement, edits);
      else if (next !== undefined)
        this.#removePlain(declaration.getStart(this.#file), next.getStart(this.#file), edits);
      else if (previous !== undefined) this.#removePlain(previous.end, declaration.end, edits);
    } else if (ts.isVariableDeclaration(declaration)) {
      const list = declaration.parent;
      if (ts.isVariableDeclarationList(list) && list.declarations.length === 1 && ts.isVariableStatement(list.parent)) {
        this.#removeStatement(list.parent, edits);
      }
    }
  }

  /** Takes text out unless there is a comment in it: then a name is brought in that nobody needs. */
  #removePlain(start: number, end: number, edits: Edits): void {
    if (!/\/[/*]/.test(this.#file.text.slice(start, end))) edits.remove(start, end);
  }

  /** Takes a statement out with its line, unless there is a comment in it. */
  #removeStatement(statement: TS.Statement, edits: Edits): void {
    const { text } = this.#file;
    const start = statement.getStart(this.#file);
    if (/\/[/*]/.test(text.slice(start, statement.end))) return;
    const before = /\r?\n[ \t]*$/.exec(text.slice(0, start));
    if (before !== null) edits.remove(before.index, statement.end);
    else if (this.#byModule.size > 0 && this.#insertionPoint().position === statement.end) {
      edits.remove(start, statement.end);
      this.#lostAnchor = true;
    } else edits.remove(start, statement.end + (/^[ \t]*(\r?\n)+/.exec(text.slice(statement.end))?.[0].length ?? 0));
  }

  /** The library modules this file imports because of its edits. */
  get libraries(): string[] {
    return [...this.#byModule.keys()].filter((module) => Object.values(runtimeNames).some((e) => e.module === module));
  }

  write(edits: Edits): void {
    const added = new Map<TS.ImportDeclaration, ImportedName[]>();
    const lines: string[] = [];
    for (const [module, names] of [...this.#byModule].sort(([a], [b]) => order(a) - order(b) || (a < b ? -1 : 1))) {
      const types = [...names.values()].filter((name) => name.typeOnly);
      const values = [...names.values()].filter((name) => !name.typeOnly);
      const existing = this.#existingImport(module);
      if (values.length > 0 && existing !== undefined) added.set(existing, values);
      else if (values.length > 0) lines.push(this.#statement(module, values, ""));
      if (types.length > 0) lines.push(this.#statement(module, types, "type "));
    }
    for (const statement of this.#file.statements) {
      if (ts.isImportDeclaration(statement)) this.#rewriteImport(statement, added.get(statement) ?? [], edits);
    }
    if (lines.length === 0) return;
    const { eol } = this.#style;
    const { position, after } = this.#insertionPoint();
    if (after) edits.insertAfter(position, (this.#lostAnchor ? "" : eol) + lines.join(eol));
    else edits.insertFirst(position, lines.join(eol) + eol + (this.#file.statements.length > 0 ? eol : ""));
  }

  /** Adds names to an import that is there and takes the dropped ones out; an import left empty still loads its module. */
  #rewriteImport(statement: TS.ImportDeclaration, added: readonly ImportedName[], edits: Edits): void {
    const clause = statement.importClause;
    if (clause === undefined) return;
    const bindings = clause.namedBindings;
    if (bindings !== undefined && !ts.isNamedImports(bindings)) return;
    const elements = bindings?.elements ?? [];
    const kept = elements.filter((element) => !this.#dropped.has(element));
    const list = added.map(specifierText);
    const last = elements[elements.length - 1];
    if (kept.length === elements.length && !this.#dropped.has(clause)) {
      if (list.length === 0) return;
      if (last !== undefined) edits.insertAfter(last.end, `, ${list.join(", ")}`);
      else if (clause.name !== undefined) edits.insertAfter(clause.name.end, `, { ${list.join(", ")} }`);
      return;
    }
    const first = elements[0];
    const named = [...kept.map((element) => element.getText(this.#file)), ...list].join(", ");
    if (!this.#dropped.has(clause) && named !== "" && first !== undefined && last !== undefined) {
      edits.replace(first.getStart(this.#file), last.end, `${named}${this.#lostFrom(first, last, kept)}`);
      return;
    }
    const parts = [
      ...(clause.name !== undefined && !this.#dropped.has(clause) ? [clause.name.text] : []),
      ...(named === "" ? [] : [`{ ${named} }`]),
    ];
    const lost = this.#lostFrom(clause, parts.length > 0 ? clause : statement.moduleSpecifier, kept);
    if (parts.length > 0) edits.replace(clause.getStart(this.#file), clause.end, `${parts.join(", ")}${lost}`);
    else if (this.#unneeded.has(statement)) this.#removeStatement(statement, edits);
    else edits.replace(clause.getStart(this.#file), statement.moduleSpecifier.getStart(this.#file), lost.trimStart());
  }

  /** The comments in front of the end of `last`, from `first` on, that are in none of the specifiers that are kept. */
  #lostFrom(first: TS.Node, last: TS.Node, kept: readonly TS.Node[]): string {
    const { text } = this.#file;
    const inKept = kept.flatMap((node) => commentsIn(this.#file, node.getStart(this.#file), node.end));
    const end = ts.isStringLiteral(last) ? last.getStart(this.#file) : last.end;
    const lost = commentsIn(this.#file, first.getStart(this.#file), end).filter((comment) => !inKept.includes(comment));
    if (lost.length === 0) return "";
    return ` ${joinComments(lost, this.#style.eol)}${text[end - 1] === " " ? " " : ""}`;
  }

  #useFrom(module: string, exported: string, typeOnly: boolean): string {
    let names = this.#byModule.get(module);
    if (names === undefined) {
      names = new Map<string, ImportedName>();
      this.#byModule.set(module, names);
    }
    const known = names.get(exported) ?? this.#alreadyImported(module, exported);
    if (known !== undefined) {
      if (names.size === 0) this.#byModule.delete(module);
      return known.local;
    }
    let local = exported;
    if (this.#identifiers.has(local)) {
      local = `trestle${exported[0]?.toUpperCase() ?? ""}${exported.slice(1)}`;
      for (let n = 2; this.#identifiers.has(local); n++) local = `${local}${n}`;
    }
    this.#identifiers.add(local);
    names.set(exported, { exported, local, typeOnly });
    return local;
  }

  #alreadyImported(module: string, exported: string): ImportedName | undefined {
    for (const statement of this.#file.statements) {
      if (!ts.isImportDeclaration(statement) || moduleOf(statement) !== module) continue;
      const bindings = statement.importClause?.namedBindings;
      if (bindings === undefined || !ts.isNamedImports(bindings)) continue;
      for (const element of bindings.elements) {
        if ((element.propertyName ?? element.name).text === exported) {
          return { exported, local: element.name.text, typeOnly: false };
        }
      }
    }
    return undefined;
  }

  /** An import of the same module to which names can be added. */
  #existingImport(module: string): TS.ImportDeclaration | undefined {
    for (const statement of this.#file.statements) {
      if (!ts.isImportDeclaration(statement) || moduleOf(statement) !== module) continue;
      const clause = statement.importClause;
      if (clause === undefined || clause.isTypeOnly) continue;
      const bindings = clause.namedBindings;
      if (
        bindings === undefined ? clause.name !== undefined : ts.isNamedImports(bindings) && bindings.elements.length > 0
      ) {
        return statement;
      }
    }
    return undefined;
  }

  #statement(module: string, names: readonly ImportedName[], keyword: string): string {
    const { quote, semicolon } = this.#style;
    if (isCommonJsFile(this.#file)) {
      const list = names.map((n) => (n.local === n.exported ? n.local : `${n.exported}: ${n.local}`)).join(", ");
      return `const { ${list} } = require(${quote}${module}${quote})${semicolon}`;
    }
    const list = names.map(specifierText).join(", ");
    return `import ${keyword}{ ${list} } from ${quote}${module}${quote}${semicolon}`;
  }

  /** Behind the last import at the top, else in front of the first statement that is no directive. */
  #insertionPoint(): { position: number; after: boolean } {
    const file = this.#file;
    let lastImport: TS.Statement | undefined;
    let directive: TS.Statement | undefined;
    for (const statement of file.statements) {
      if (ts.isImportDeclaration(statement) || ts.isImportEqualsDeclaration(statement)) lastImport = statement;
      else if (ts.isExpressionStatement(statement) && ts.isStringLiteral(statement.expression)) directive ??= statement;
      else if (lastImport === undefined) break;
    }
    const anchor = lastImport ?? directive;
    if (anchor !== undefined) return { position: anchor.end, after: true };
    const first = file.statements[0];
    if (first === undefined) return { position: file.text.length, after: false };
    return { position: behindHeader(file, first), after: false };
  }
}

/** Past a hashbang and a licence header, but in front of a comment that belongs to the first statement. */
function behindHeader(file: TS.SourceFile, first: TS.Statement): number {
  const text = file.text;
  const shebang = /^#!.*\r?\n/.exec(text)?.[0].length ?? 0;
  const comments = ts.getLeadingCommentRanges(text, shebang) ?? [];
  let position = shebang;
  for (const comment of comments) {
    if (comment.end > first.getStart(file)) break;
    const gap = /^\r?\n[ \t]*\r?\n/.exec(text.slice(comment.end));
    if (gap !== null) position = comment.end + gap[0].length;
  }
  return position > shebang
    ? position
    : shebang > 0 || comments.length > 0
      ? Math.max(shebang, 0)
      : first.getStart(file);
}

function order(module: string): number {
  return module === "trestle" ? 0 : module.startsWith("@trestle/") ? 1 : 2;
}

function specifierText(name: ImportedName): string {
  return name.local === name.exported ? name.local : `${name.exported} as ${name.local}`;
}

function moduleOf(statement: TS.ImportDeclaration): string | undefined {
  return ts.isStringLiteral(statement.moduleSpecifier) ? statement.moduleSpecifier.text : undefined;
}

/** The specifier by which `file` reaches `declaring`: the one it uses already, else one spelt like its neighbours. */
function specifierFor(file: TS.SourceFile, original: TS.Identifier, declaring: TS.SourceFile): string {
  const direct = importOf(file, original.text);
  if (direct !== undefined && pointsAt(file, direct, declaring)) return direct;
  const styles = file.statements.filter(ts.isImportDeclaration).map(moduleOf);
  const withExtension = styles.find((style) => style !== undefined && /^\.{1,2}\/.*\.[cm]?[jt]sx?$/.test(style));
  let path = relative(dirname(file.fileName), declaring.fileName).replaceAll("\\", "/");
  if (!path.startsWith(".")) path = `./${path}`;
  if (withExtension === undefined) return path.replace(/(\/index)?\.[cm]?[jt]sx?$/, "");
  return /\.[cm]?tsx?$/.test(withExtension) ? path : path.replace(/\.([cm]?)tsx?$/, (_, kind: string) => `.${kind}js`);
}

function importOf(file: TS.SourceFile, local: string): string | undefined {
  for (const statement of file.statements) {
    if (!ts.isImportDeclaration(statement)) continue;
    const clause = statement.importClause;
    const bindings = clause?.namedBindings;
    const names =
      bindings !== undefined && ts.isNamedImports(bindings)
        ? bindings.elements.map((element) => element.name.text)
        : [];
    if (clause?.name?.text === local || names.includes(local)) return moduleOf(statement);
  }
  return undefined;
}

/** A specifier names the declaring file itself if its last segment does; otherwise it may be a barrel. */
function pointsAt(file: TS.SourceFile, specifier: string, declaring: TS.SourceFile): boolean {
  if (!specifier.startsWith(".")) return false;
  const strip = (path: string): string => path.replace(/\.[cm]?[jt]sx?$/, "").replace(/\/index$/, "");
  let path = relative(dirname(file.fileName), declaring.fileName).replaceAll("\\", "/");
  if (!path.startsWith(".")) path = `./${path}`;
  return strip(specifier) === strip(path) || (specifier === "." && strip(path) === "./index");
}

function identifiersOf(file: TS.SourceFile): Set<string> {
  const names = new Set<string>();
  const visit = (node: TS.Node): void => {
    if (ts.isIdentifier(node)) names.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return names;
}
