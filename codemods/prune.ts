/**
 * Finds façades that nobody uses any more, and plans to remove them: `function load() { return toPromise(() => loadOp()); }`
 * and `const load = toAsync(loadOp)`. When asked, the fiber function gets its plain name back. Nothing is written here.
 */
import { isLibrary } from "./analyse/decide.js";
import { isJavaScriptFile } from "./analyse/syntax.js";
import { bisect } from "./bisect.js";
import { ts, type TS } from "./compiler.js";
import type { FileChange, Progress } from "./plan.js";
import { loadProject, textOnDisk, type LoadRequest, type LoadedProject } from "./project.js";
import { runtimeNames } from "./runtime-names.js";
import { editedProgram } from "./overlay.js";
import { newDiagnostics } from "./new-diagnostics.js";

export interface PruneRequest extends LoadRequest {
  /** Also façades that are exported, and methods that are not private: the program must be all there is. */
  readonly exported?: boolean | undefined;
  /** Give the fiber function the name of the façade. */
  readonly rename?: boolean | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

export interface PrunedFacade {
  readonly name: string;
  /** Of the fiber function that stays. */
  readonly fiberName: string;
  readonly renamed: boolean;
  /** Absolute path. */
  readonly file: string;
  /** One-based. */
  readonly line: number;
}

export interface KeptFacade extends Omit<PrunedFacade, "renamed"> {
  readonly why: string;
}

export interface FusedBridge {
  readonly name: string;
  /** Absolute path. */
  readonly file: string;
  /** One-based. */
  readonly line: number;
}

export interface PrunePlan {
  readonly root: string;
  readonly pruned: readonly PrunedFacade[];
  /** Where a fiber called a façade and now runs its fiber function. */
  readonly fused: readonly FusedBridge[];
  readonly kept: readonly KeptFacade[];
  readonly changes: readonly FileChange[];
  readonly remarks: readonly string[];
}

export async function planPrune(request: PruneRequest): Promise<PrunePlan> {
  // A façade without users may be an error by itself; only new ones count.
  const project = loadProject({ ...request, allowBaselineErrors: true }, request.onProgress);
  const facades = project.sources.flatMap((file) => facadesIn(file, project.program.getTypeChecker()));
  const uses = findUses(project, facades);
  const fusions = facades.flatMap((facade) => fusionsOf(project, facade, uses));
  const kept: KeptFacade[] = [];
  const unused: Facade[] = [];
  for (const facade of facades) {
    const why = reasonToKeep(project, facade, remaining(uses, fusions), request, fusions);
    if (why === undefined) unused.push(facade);
    else kept.push({ ...described(facade), why });
  }
  // A façade goes only after the calls that used it.
  const steps: readonly Step[] = [...fusions, ...unused];
  const isSound = (set: readonly Step[]): boolean => checks(project, editedTexts(project, set, uses, request));
  request.onProgress?.({ phase: "verify", done: 0, total: 1 });
  let taken = steps;
  if (steps.length > 0 && !isSound(steps)) {
    const bisection = await bisect(steps, (set) => Promise.resolve(isSound(set)));
    taken = bisection.sound;
    for (const step of bisection.guilty) {
      if (isFacade(step)) kept.push({ ...described(step), why: "without it the program does not type-check" });
    }
  }
  const sound = taken.filter(isFacade);
  const changes: FileChange[] = [];
  for (const [file, text] of editedTexts(project, taken, uses, request)) {
    const before = textOnDisk(file.fileName);
    changes.push({ path: file.fileName, before, after: before.startsWith("\uFEFF") ? `\uFEFF${text}` : text });
  }
  return {
    root: project.root,
    pruned: sound.map((facade) => ({
      ...described(facade),
      renamed: request.rename === true && canRename(project, facade, uses),
    })),
    fused: taken.flatMap((step) => (isFacade(step) ? [] : [describedFusion(step)])),
    kept: kept.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line)),
    changes: changes.sort((a, b) => (a.path < b.path ? -1 : 1)),
    remarks: project.remarks,
  };
}

interface Facade {
  readonly file: TS.SourceFile;
  readonly name: TS.Identifier | TS.PrivateIdentifier;
  readonly symbol: TS.Symbol;
  readonly twinName: TS.Identifier | TS.PrivateIdentifier;
  readonly twin: TS.Symbol;
  /** The function, the method, or the statement of the constant. */
  readonly node: TS.FunctionDeclaration | TS.MethodDeclaration | TS.VariableStatement;
  /** The bridge's local name. */
  readonly bridge: TS.Identifier;
}

/** A wait for a façade's promise that can run the fiber function: `yield* fromPromise(load())`. */
interface Fusion {
  readonly facade: Facade;
  readonly use: TS.Identifier;
  /** The name `fromPromise` there. */
  readonly bridge: TS.Identifier;
}

type Step = Fusion | Facade;

function isFacade(step: Step): step is Facade {
  return "twin" in step;
}

function describedFusion({ facade, use }: Fusion): FusedBridge {
  const file = use.getSourceFile();
  const { line } = file.getLineAndCharacterOfPosition(use.getStart(file));
  return { name: facade.name.text, file: file.fileName, line: line + 1 };
}

function described(facade: Facade): Omit<PrunedFacade, "renamed"> {
  const { line } = facade.file.getLineAndCharacterOfPosition(facade.name.getStart(facade.file));
  return {
    name: facade.name.text,
    fiberName: facade.twinName.text,
    file: facade.file.fileName,
    line: line + 1,
  };
}

function facadesIn(file: TS.SourceFile, checker: TS.TypeChecker): Facade[] {
  if (!file.text.includes(runtimeNames.toPromise.module)) return [];
  const found: Facade[] = [];
  const add = (
    name: TS.Node | undefined,
    twinName: TS.Node | undefined,
    node: Facade["node"],
    bridge: TS.Expression | undefined,
  ): void => {
    if (name === undefined || twinName === undefined || bridge === undefined || !ts.isIdentifier(bridge)) return;
    if (!isName(name) || !isName(twinName)) return;
    const [symbol, twin] = [checker.getSymbolAtLocation(name), checker.getSymbolAtLocation(twinName)];
    if (symbol === undefined || twin === undefined || symbol === twin) return;
    if (twin.declarations?.every((declaration) => declaration.getSourceFile() === file) !== true) return;
    found.push({ file, name, symbol, twinName, twin, node, bridge });
  };
  const visit = (node: TS.Node): void => {
    if (ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node)) {
      const call = soleCall(node.body);
      const body = call?.arguments[0];
      if (
        call?.arguments.length === 1 &&
        isBridge(call.expression, "toPromise") &&
        body !== undefined &&
        ts.isArrowFunction(body)
      ) {
        if (ts.isCallExpression(body.body)) add(node.name, calleeName(body.body.expression), node, call.expression);
      }
    } else if (ts.isVariableStatement(node) && node.declarationList.declarations.length === 1) {
      const [declaration] = node.declarationList.declarations;
      const call = declaration?.initializer;
      if (call !== undefined && ts.isCallExpression(call) && isBridge(call.expression, "toAsync")) {
        add(declaration?.name, call.arguments[0], node, call.expression);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;

  function isBridge(callee: TS.Expression, name: BridgeName): boolean {
    return ts.isIdentifier(callee) && meansBridge(checker.getSymbolAtLocation(callee), name);
  }
}

type BridgeName = "toPromise" | "toAsync" | "fromPromise" | "adopt";

/** Whether a symbol is what a file imports under the name of a bridge. */
function meansBridge(symbol: TS.Symbol | undefined, name: BridgeName): boolean {
  const declaration = symbol?.declarations?.[0];
  if (declaration === undefined || !ts.isImportSpecifier(declaration)) return false;
  const { moduleSpecifier } = declaration.parent.parent.parent;
  const module = ts.isStringLiteral(moduleSpecifier) ? moduleSpecifier.text : "";
  return (declaration.propertyName ?? declaration.name).text === name && module === runtimeNames[name].module;
}

/**
 * `yield* fromPromise(load())` becomes `yield* adopt(loadOp())`: the same work, cancelled with whoever waits for it, and
 * with the same turn for others at its end.
 */
function fusionsOf(project: LoadedProject, facade: Facade, uses: Uses): Fusion[] {
  const { node, file, name, symbol, twin, twinName } = facade;
  if (ts.isMethodDeclaration(node) || !ts.isIdentifier(twinName) || isJavaScriptFile(file)) return [];
  if ((symbol.declarations?.length ?? 0) > 1 || (twin.declarations?.length ?? 0) !== 1) return [];
  if (!ts.isSourceFile(node.parent)) return [];
  const mentioned = new RegExp(`\\b${escaped(name.text)}\\b`);
  // What a test replaces goes on being called by its own name.
  if (project.tests.some(({ text }) => mentioned.test(text))) return [];
  const checker = project.program.getTypeChecker();
  const editable = new Set(project.sources);
  return (uses.get(symbol) ?? []).flatMap((use): Fusion[] => {
    const call = use.parent;
    if (!ts.isIdentifier(use) || !ts.isCallExpression(call) || call.expression !== use) return [];
    const bridge = call.parent;
    if (!ts.isCallExpression(bridge) || bridge.arguments.length !== 1 || bridge.arguments[0] !== call) return [];
    if (!ts.isIdentifier(bridge.expression) || !ts.isYieldExpression(bridge.parent)) return [];
    if (bridge.parent.asteriskToken === undefined || !editable.has(use.getSourceFile())) return [];
    if (!meansBridge(checker.getSymbolAtLocation(bridge.expression), "fromPromise")) return [];
    for (const each of checker.getSymbolsInScope(use, ts.SymbolFlags.Value | ts.SymbolFlags.Alias)) {
      if (each.name === twinName.text && !isSame(each, twin, checker)) return [];
      if (each.name === "adopt" && !meansBridge(each, "adopt")) return [];
    }
    if (use.getSourceFile() !== file && importOf(use, checker) === undefined) return [];
    return [{ facade, use, bridge: bridge.expression }];
  });
}

/** The specifier that imports a name under itself. */
function importOf(use: TS.Identifier, checker: TS.TypeChecker): TS.ImportSpecifier | undefined {
  const declaration = checker.getSymbolAtLocation(use)?.declarations?.[0];
  return declaration !== undefined && ts.isImportSpecifier(declaration) && declaration.propertyName === undefined
    ? declaration
    : undefined;
}

/** The uses that fusing leaves; an import that only served what is fused is none. */
function remaining(uses: Uses, fusions: readonly Fusion[]): Uses {
  const fused = new Set<TS.Node>(fusions.map(({ use }) => use));
  return new Map(
    [...uses].map(([symbol, names]) => {
      const left = names.filter((name) => !fused.has(name));
      const files = new Set(
        left.filter((name) => !ts.isImportSpecifier(name.parent)).map((name) => name.getSourceFile()),
      );
      const wasFused = new Set(names.filter((name) => fused.has(name)).map((name) => name.getSourceFile()));
      const isNeeded = (name: TS.Node): boolean =>
        !ts.isImportSpecifier(name.parent) || files.has(name.getSourceFile()) || !wasFused.has(name.getSourceFile());
      return [symbol, left.filter(isNeeded)];
    }),
  );
}

function escaped(name: string): string {
  return name.replace(/[$#]/g, "\\$&");
}

function isName(node: TS.Node): node is TS.Identifier | TS.PrivateIdentifier {
  return ts.isIdentifier(node) || ts.isPrivateIdentifier(node);
}

function soleCall(body: TS.Block | undefined): TS.CallExpression | undefined {
  const [statement] = body?.statements ?? [];
  if (body?.statements.length !== 1 || statement === undefined || !ts.isReturnStatement(statement)) return undefined;
  return statement.expression !== undefined && ts.isCallExpression(statement.expression)
    ? statement.expression
    : undefined;
}

/** The name in `loadOp(...)`, `this.loadOp(...)` and `loadOp.call(this, ...)`. */
function calleeName(callee: TS.Expression): TS.Node | undefined {
  if (ts.isIdentifier(callee)) return callee;
  if (!ts.isPropertyAccessExpression(callee)) return undefined;
  return callee.name.text === "call" ? calleeName(callee.expression) : callee.name;
}

type Uses = ReadonlyMap<TS.Symbol, readonly (TS.Identifier | TS.PrivateIdentifier)[]>;

/** Every mention of a façade or its fiber function but where it is declared; an import is a mention. */
function findUses(project: LoadedProject, facades: readonly Facade[]): Uses {
  const checker = project.program.getTypeChecker();
  const uses = new Map<TS.Symbol, (TS.Identifier | TS.PrivateIdentifier)[]>();
  for (const { symbol, twin } of facades) for (const each of [symbol, twin]) uses.set(each, []);
  const names = new Set(facades.flatMap(({ name, twinName }) => [name.text, twinName.text]));
  if (names.size === 0) return uses;
  const visit = (node: TS.Node): void => {
    if (isName(node) && names.has(node.text)) {
      let symbol = ts.isShorthandPropertyAssignment(node.parent)
        ? checker.getShorthandAssignmentValueSymbol(node.parent)
        : ts.isExportSpecifier(node.parent)
          ? checker.getExportSpecifierLocalTargetSymbol(node.parent)
          : checker.getSymbolAtLocation(node);
      if (symbol !== undefined && (symbol.flags & ts.SymbolFlags.Alias) !== 0)
        symbol = checker.getAliasedSymbol(symbol);
      const isDeclaration = symbol?.declarations?.some((each) => (each as { name?: TS.Node }).name === node) === true;
      if (symbol !== undefined && !isDeclaration) uses.get(symbol)?.push(node);
    }
    ts.forEachChild(node, visit);
  };
  for (const file of programFiles(project)) visit(file);
  return uses;
}

function programFiles({ program }: LoadedProject): TS.SourceFile[] {
  return program
    .getSourceFiles()
    .filter((file) => !file.isDeclarationFile && !file.fileName.includes("/node_modules/"));
}

function reasonToKeep(
  project: LoadedProject,
  facade: Facade,
  uses: Uses,
  { exported }: PruneRequest,
  fusions: readonly Fusion[],
): string | undefined {
  const { node, name, symbol, twin } = facade;
  const users = uses.get(symbol) ?? [];
  const isOwn = (use: TS.Node): boolean =>
    use.getStart() >= node.getStart() && use.end <= node.end && use.getSourceFile() === facade.file;
  if (users.length > 0) return `it has ${users.length === 1 ? "a user" : `${users.length} users`}`;
  if ((symbol.declarations?.length ?? 0) > 1) return "it is overloaded";
  if (ts.canHaveDecorators(node) && (ts.getDecorators(node)?.length ?? 0) > 0) return "it is decorated";
  const word = new RegExp(`["'\`]${escaped(name.text)}["'\`]`);
  if (project.tests.some(({ text }) => new RegExp(`\\b${escaped(name.text)}\\b`).test(text))) return "tests mention it";
  if (programFiles(project).some(({ text }) => word.test(withoutNameOption(text, name.text))))
    return "a text mentions it";
  if (isVisible(node)) {
    if (exported !== true) return "it is visible outside; --exported removes it";
    if (isLibrary(project.root)) return "the package is one that others install";
  }
  const isRun = fusions.some((fusion) => fusion.facade === facade);
  if (!isRun && (uses.get(twin) ?? []).every((use) => isOwn(use))) return "nobody uses its fiber function either";
  return undefined;
}

/** `toAsync(loadOp, { name: "load" })` is the façade's own mention of itself. */
function withoutNameOption(text: string, name: string): string {
  return text.replaceAll(`name: "${name}"`, "").replaceAll(`name: '${name}'`, "");
}

function isVisible(node: Facade["node"]): boolean {
  const modifiers = ts.canHaveModifiers(node) ? (ts.getModifiers(node) ?? []) : [];
  if (!ts.isMethodDeclaration(node)) return modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
  return !ts.isPrivateIdentifier(node.name) && !modifiers.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword);
}

/** Whether the fiber function can have the façade's name wherever it is mentioned. */
function canRename(project: LoadedProject, facade: Facade, uses: Uses): boolean {
  const checker = project.program.getTypeChecker();
  const { name, twinName, twin, symbol, node } = facade;
  if (ts.isPrivateIdentifier(name) !== ts.isPrivateIdentifier(twinName)) return false;
  if ((twin.declarations?.length ?? 0) !== 1) return false;
  // What inherits from a visible method, or is inherited, is not looked for.
  if (ts.isMethodDeclaration(node) && isVisible(node)) return false;
  const editable = new Set(project.sources);
  return (uses.get(twin) ?? []).every((use) => {
    if (!editable.has(use.getSourceFile())) return false;
    if (ts.isExportSpecifier(use.parent) || ts.isBindingElement(use.parent)) return false;
    if (ts.isPropertyAccessExpression(use.parent) && use.parent.name === use) return true;
    return checker
      .getSymbolsInScope(use, ts.SymbolFlags.Value | ts.SymbolFlags.Alias)
      .every((each) => each.name !== name.text || isSame(each, symbol, checker));
  });
}

/** Whether a name in scope is the thing itself, what its module exports, or an import of it. */
function isSame(given: TS.Symbol, target: TS.Symbol, checker: TS.TypeChecker): boolean {
  if (checker.getExportSymbolOfSymbol(given) === checker.getExportSymbolOfSymbol(target)) return true;
  return (given.flags & ts.SymbolFlags.Alias) !== 0 && checker.getAliasedSymbol(given) === target;
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

function editedTexts(
  project: LoadedProject,
  steps: readonly Step[],
  uses: Uses,
  { rename }: PruneRequest,
): Map<TS.SourceFile, string> {
  const checker = project.program.getTypeChecker();
  const facades = steps.filter(isFacade);
  const fusions = steps.filter((step): step is Fusion => !isFacade(step));
  const edits = new Map<TS.SourceFile, Edit[]>();
  const removed = new Map<TS.SourceFile, { start: number; end: number }[]>();
  const add = (file: TS.SourceFile, edit: Edit): void => {
    edits.set(file, [...(edits.get(file) ?? []), edit]);
  };
  const remove = (file: TS.SourceFile, span: { start: number; end: number }): void => {
    removed.set(file, [...(removed.get(file) ?? []), span]);
  };
  for (const facade of facades) {
    const span = removal(facade);
    remove(facade.file, span);
    add(facade.file, { ...span, text: "" });
  }
  const isRemoved = (node: TS.Node): boolean =>
    (removed.get(node.getSourceFile()) ?? []).some(({ start, end }) => start <= node.getStart() && node.end <= end);
  const finalName = (facade: Facade): string =>
    rename === true && facades.includes(facade) && canRename(project, facade, uses)
      ? facade.name.text
      : facade.twinName.text;
  for (const facade of facades) {
    const name = finalName(facade);
    if (name === facade.twinName.text) continue;
    const declared = facade.twin.declarations?.[0] as { name?: TS.Node } | undefined;
    for (const use of [...(uses.get(facade.twin) ?? []), ...(declared?.name === undefined ? [] : [declared.name])]) {
      if (isRemoved(use)) continue;
      const text = ts.isShorthandPropertyAssignment(use.parent) ? `${facade.twinName.text}: ${name}` : name;
      add(use.getSourceFile(), { start: use.getStart(), end: use.end, text });
    }
  }
  const wanted = new Map<TS.SourceFile, Set<string>>();
  for (const { facade, use, bridge } of fusions) {
    if (isRemoved(use)) continue;
    const file = use.getSourceFile();
    for (const [node, text] of [
      [bridge, "adopt"],
      [use, finalName(facade)],
    ] as const) {
      add(file, { start: node.getStart(), end: node.end, text });
      remove(file, { start: node.getStart(), end: node.end });
    }
    const names = wanted.get(file) ?? new Set<string>();
    wanted.set(file, names.add("adopt"));
    if (file !== facade.file) {
      // The import of the façade may already be that of the fiber function, by its new name.
      if (finalName(facade) !== facade.name.text) names.add(`${facade.name.text} ${facade.twinName.text}`);
      exportTwin(facade);
    }
  }
  const concerned = new Set([...removed.keys(), ...wanted.keys()]);
  for (const file of concerned) {
    const idle = new Set(facades.filter((each) => each.file === file).map(({ bridge }) => bridge.text));
    for (const { bridge, use, facade } of fusions) {
      if (use.getSourceFile() !== file) continue;
      idle.add(bridge.text);
      if (file !== facade.file && finalName(facade) !== facade.name.text) idle.add(facade.name.text);
    }
    for (const edit of importEdits(file, idle, wanted.get(file) ?? new Set(), removed.get(file) ?? [])) add(file, edit);
  }
  return new Map(
    [...edits].map(([file, list]) => {
      let text = file.text;
      const unique = new Map(list.map((edit) => [`${edit.start} ${edit.end} ${edit.text}`, edit]));
      for (const { start, end, text: inserted } of [...unique.values()].sort((a, b) => b.start - a.start)) {
        text = text.slice(0, start) + inserted + text.slice(end);
      }
      return [file, text];
    }),
  );

  function exportTwin({ twin, file }: Facade): void {
    const statement = file.statements.find((each) =>
      (twin.declarations ?? []).some((own) => own.getStart() >= each.getStart() && own.end <= each.end),
    );
    const isExported =
      statement !== undefined &&
      ts.canHaveModifiers(statement) &&
      ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true;
    if (statement === undefined || isExported || checker.getSymbolAtLocation(file) === undefined) return;
    const start = statement.getStart(file);
    add(file, { start, end: start, text: "export " });
  }
}

/** The façade; its documentation passes to the fiber function behind it. */
function removal({ node, file, twin }: Facade): { start: number; end: number } {
  const siblings = ts.isClassLike(node.parent) ? node.parent.members : (node.parent as TS.Block).statements;
  const index = (siblings as readonly TS.Node[]).indexOf(node);
  const next = siblings[index + 1];
  const isTwin = (sibling: TS.Node | undefined): boolean =>
    sibling !== undefined &&
    (twin.declarations ?? []).some((each) => each.getStart() >= sibling.getStart() && each.end <= sibling.end);
  // JSDoc is in front of the start without it.
  const start = node.getStart(file, false);
  if (next !== undefined && isTwin(next)) return { start, end: next.getStart(file, !hasOwnComment(next, file)) };
  const before = siblings[index - 1];
  if (before !== undefined) return { start: before.end, end: node.end };
  return { start: node.getFullStart(), end: node.end };
}

function hasOwnComment(node: TS.Node, file: TS.SourceFile): boolean {
  return ts.getLeadingCommentRanges(file.text, node.getFullStart()) !== undefined;
}

/**
 * Brings the imports of a file up to date: `idle` names go if what is left of the file does not use them, and `wanted`
 * ones come: a bridge by its name, or, after the name of a façade, that of its fiber function.
 */
function importEdits(
  file: TS.SourceFile,
  idle: ReadonlySet<string>,
  wanted: ReadonlySet<string>,
  removed: readonly { start: number; end: number }[],
): Edit[] {
  const lists = new Set<TS.NamedImports>();
  const used = new Set<string>();
  const visit = (node: TS.Node): void => {
    if (ts.isNamedImports(node)) {
      lists.add(node);
      return;
    }
    if (ts.isIdentifier(node) && !removed.some(({ start, end }) => start <= node.getStart() && node.end <= end)) {
      used.add(node.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  const known = new Set([...lists].flatMap(({ elements }) => elements.map(({ name }) => name.text)));
  return [...lists].flatMap((list) => {
    const module = list.parent.parent.moduleSpecifier;
    const isBridges = ts.isStringLiteral(module) && module.text === runtimeNames.adopt.module;
    const names = list.elements.map(({ name }) => name.text);
    const coming = [...wanted].flatMap((each) => {
      const [first = "", second] = each.split(" ");
      if (second === undefined) return isBridges && names.includes("fromPromise") && !known.has(first) ? [first] : [];
      return names.includes(first) && !known.has(second) ? [second] : [];
    });
    const left = list.elements.filter(({ name }) => !idle.has(name.text) || used.has(name.text));
    if (coming.length === 0 && left.length === list.elements.length) return [];
    return namesEdits(file, list, [...left.map((element) => element.getText(file)), ...coming]);
  });
}

function namesEdits(file: TS.SourceFile, list: TS.NamedImports, names: readonly string[]): Edit[] {
  const clause = list.parent;
  const [first, last] = [list.elements[0], list.elements.at(-1)];
  if (first === undefined || last === undefined) return [];
  if (names.length === 0 && clause.name === undefined) {
    const { end } = clause.parent;
    const lineEnd = /^[ \t]*\r?\n/.exec(file.text.slice(end))?.[0].length ?? 0;
    return [{ start: clause.parent.getStart(file), end: end + lineEnd, text: "" }];
  }
  if (names.length === 0) return [{ start: clause.name?.end ?? list.pos, end: list.end, text: "" }];
  return [{ start: first.getStart(file), end: last.end, text: names.join(", ") }];
}

/** Whether the edited program has no diagnostic that the program does not have already. */
function checks(project: LoadedProject, texts: ReadonlyMap<TS.SourceFile, string>): boolean {
  const edited = new Map([...texts].map(([file, text]) => [file.fileName, { text }]));
  const program = editedProgram(project, edited);
  const files = [...project.sources, ...project.tests];
  return newDiagnostics(project, program, edited.keys(), files).length === 0;
}
