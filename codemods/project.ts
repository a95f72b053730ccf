/**
 * Loads one TypeScript or JavaScript project: finds its tsconfig, builds the program and refuses, with a message that
 * names the way out, what cannot be migrated safely.
 */
import { existsSync, readFileSync, readdirSync, realpathSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { isTooOld, ts, useCompilerOf, type Compiler, type TS } from "./compiler.js";
import { entryPoints, isWrittenByHand } from "./entry-points.js";
import { ExitCode, MigrationError } from "./failure.js";
import { ambientDeclarations, runtimeModules, type RuntimeName } from "./runtime-names.js";
import type { Progress } from "./plan.js";
import { isWithin, selectPaths } from "./paths.js";
import { markedGenerated } from "./git-attributes.js";
import { isForeignPath, isGeneratedText, isTestPath, skippedFolders } from "./scope.js";
import { countsText, findUnread, type UnreadFiles } from "./unread.js";

/** A loaded program and the files in it that a migration may edit. */
export interface LoadedProject {
  /** The directory of the tsconfig; reports are relative to it. */
  readonly root: string;
  readonly configPath: string | undefined;
  readonly compilerVersion: string;
  /** The version of the project's own compiler, where that is too old to read the declarations of the library. */
  readonly tooOld?: string;
  readonly options: TS.CompilerOptions;
  readonly program: TS.Program;
  readonly host: TS.CompilerHost;
  /** Sources in scope, sorted by path. */
  readonly sources: readonly TS.SourceFile[];
  /** Files of the program that are tests: never edited, but what they say about names counts. */
  readonly tests: readonly TS.SourceFile[];
  /**
   * Diagnostics of the unedited program, as {@link diagnosticKey}s with their number of occurrences. They are computed
   * when first asked for: a program without diagnostics after its migration need not have been checked before.
   * Throws {@link MigrationError} where there are some in the sources and the request does not allow them.
   */
  readonly baseline: () => ReadonlyMap<string, number>;
  /** Things the user should know that are no errors. */
  readonly remarks: readonly string[];
  /** Files with script in them that are not read. */
  readonly unread: UnreadFiles;
  /** JavaScript that the project's own check does not read. */
  readonly unchecked: ReadonlySet<string>;
  /** Library names that the texts have and do not import yet, by file name. */
  readonly uses?: ReadonlyMap<string, ReadonlySet<RuntimeName>>;
}

export interface LoadRequest {
  readonly cwd: string;
  /** Files, folders or globs to edit, and with `!` before them what to leave out; the whole project when empty. */
  readonly paths: readonly string[];
  /** Files, folders or globs to leave out. */
  readonly exclude?: readonly string[] | undefined;
  /** Of the files that `paths` mean, only these, by absolute path; there may be none. */
  readonly onlyFiles?: readonly string[] | undefined;
  /** A tsconfig, or a folder that holds one. */
  readonly project?: string | undefined;
  /** Accept a program that does not type-check; only new diagnostics count then. */
  readonly allowBaselineErrors?: boolean | undefined;
}

export function loadProject(request: LoadRequest, onProgress?: (progress: Progress) => void): LoadedProject {
  const cwd = realpathSync(request.cwd);
  const selection = selectPaths(cwd, request.paths, request.exclude);
  const selected = selection.anchors;
  const configPath = findConfig(cwd, selected, request.project);
  const root = configPath === undefined ? inferredRoot(cwd, selected) : dirname(configPath);
  const around = request.project === undefined ? projectAround(cwd) : root;
  for (const path of selected) {
    for (const project of [around, root]) {
      if (isWithin(path, project)) continue;
      throw usage(
        `${path} is outside the project ${project}. Name a path inside it, run trestle there, or give that project's tsconfig with -p.`,
      );
    }
  }
  const compiler = useCompilerOf(root);
  const remarks: string[] = [];
  const described = configPath === undefined ? undefined : openProgram(readConfig(configPath, compiler), root);
  // A tsconfig that is only there for type tests, beside plain JavaScript, describes no source.
  const isDescribed = described !== undefined && (described.sources.length > 0 || request.project !== undefined);
  const {
    program,
    host,
    options,
    own,
    tests,
    sources: all,
    shadowed,
  } = isDescribed || (described !== undefined && !isPlainJavaScript(root))
    ? described
    : openProgram(inferConfig(root, remarks), root);
  const meant = all.filter((file) => selection.includes(realPath(file.fileName)));
  const only = request.onlyFiles === undefined ? undefined : new Set(request.onlyFiles.map(realPath));
  const sources = only === undefined ? meant : meant.filter((file) => only.has(realPath(file.fileName)));
  if (meant.length === 0) {
    throw usage(
      request.paths.length > 0
        ? `No source file of ${configPath ?? root} lies under ${request.paths.join(", ")}. Name a folder that the project includes.`
        : `${configPath ?? root} has no source files to migrate. Check its "include" and "files".`,
    );
  }
  refuseUnparsable(program, own, root);
  const editable = writtenHere(sources, root, remarks);
  const unread = findUnread(root);
  if (unread.counts.size > 0) {
    remarks.push(
      `${countsText(unread.counts)} with script in them are not read. What they import keeps its name and its promise.`,
    );
  }
  let counted: ReadonlyMap<string, number> | undefined;
  const baseline = (): ReadonlyMap<string, number> => {
    if (counted !== undefined) return counted;
    const found = own.flatMap((file, index) => {
      onProgress?.({ phase: "check", done: index, total: own.length });
      return diagnosticsOf(program, [file]);
    });
    // Errors in tests are not ours to judge: no test is edited, and the same errors are expected afterwards.
    const judged = sources.filter((file) => !shadowed.has(file.fileName));
    const errors = request.allowBaselineErrors === true ? [] : diagnosticsOf(program, judged);
    if (errors.length > 0) {
      // Those that only another compiler than the project's finds are not its errors.
      if (compiler.replaces === undefined || errors.some(isMissingModule)) {
        refuseRedBaseline(errors, root, compiler.version);
      }
      remarks.push(
        `TypeScript ${compiler.replaces} of the project cannot be used here, and ${compiler.version} finds type errors in it (${errors.length}): only new ones count.`,
      );
    }
    return (counted = countDiagnostics(found, root));
  };
  return {
    root,
    configPath,
    compilerVersion: compiler.version,
    ...(compiler.replaces !== undefined && isTooOld(compiler.replaces) && { tooOld: compiler.replaces }),
    options,
    program,
    host,
    sources: editable,
    unread,
    tests,
    baseline,
    remarks,
    unchecked: shadowed,
  };
}

/** Without what a tool or somebody else has written: that is changed where it comes from. */
function writtenHere(sources: readonly TS.SourceFile[], root: string, remarks: string[]): TS.SourceFile[] {
  const marked = markedGenerated(
    root,
    sources.map(({ fileName }) => fileName),
  );
  const isWritten = ({ fileName, text }: TS.SourceFile): boolean =>
    !isGeneratedText(text) && !marked.has(fileName) && !isForeignPath(relative(root, fileName));
  const written = sources.filter(isWritten);
  const left = sources.filter((file) => !written.includes(file)).map(({ fileName }) => relative(root, fileName));
  if (left.length > 0) {
    const others = left.length === 1 ? "" : ` and ${left.length - 1} more`;
    remarks.push(`${left[0]}${others}: generated or copied here, and so left as they are (TR1801).`);
  }
  return written;
}

/**
 * A host that parses a file once, for the program and for the checks of its edited versions, and that knows one file
 * more than the disk: the declarations of the run-time libraries.
 */
function cachingHost(options: TS.CompilerOptions, ambient: string): TS.CompilerHost {
  const host = ts.createCompilerHost(options, true);
  const fileExists = host.fileExists.bind(host);
  const readFile = host.readFile.bind(host);
  host.fileExists = (name) => name === ambient || fileExists(name);
  host.readFile = (name) => (name === ambient ? ambientDeclarations : readFile(name));
  const original = host.getSourceFile.bind(host);
  const parse: typeof original = (name, versionOrOptions, ...rest) =>
    name === ambient
      ? ts.createSourceFile(name, ambientDeclarations, versionOrOptions, true)
      : original(name, versionOrOptions, ...rest);
  const parsed = new Map<string, TS.SourceFile | undefined>();
  host.getSourceFile = (name, versionOrOptions, ...rest) => {
    const format = typeof versionOrOptions === "object" ? String(versionOrOptions.impliedNodeFormat) : "";
    const key = `${format} ${name}`;
    if (!parsed.has(key)) parsed.set(key, parse(name, versionOrOptions, ...rest));
    return parsed.get(key);
  };
  return host;
}

interface OpenedProgram {
  readonly program: TS.Program;
  readonly host: TS.CompilerHost;
  readonly options: TS.CompilerOptions;
  /** The project's own files, sorted: tests and sources. */
  readonly own: readonly TS.SourceFile[];
  readonly tests: readonly TS.SourceFile[];
  readonly sources: readonly TS.SourceFile[];
  /** JavaScript that the compiler itself does not read, because its declarations lie beside it: nobody checks it. */
  readonly shadowed: ReadonlySet<string>;
}

interface Config {
  readonly fileNames: readonly string[];
  readonly options: TS.CompilerOptions;
}

function openProgram({ fileNames, options }: Config, root: string): OpenedProgram {
  const shadowed = new Set(options.allowJs === true || options.checkJs === true ? sourcesBeside(fileNames) : []);
  const host = cachingHost(options, join(root, "__trestle__.d.ts"));
  // A project that was migrated but not installed yet still type-checks.
  const isInstalled = runtimeModules.every(
    (module) => ts.resolveModuleName(module, join(root, "index.ts"), options, host).resolvedModule !== undefined,
  );
  const rootNames = [...fileNames, ...shadowed, ...(isInstalled ? [] : [join(root, "__trestle__.d.ts")])];
  const program = ts.createProgram({ rootNames, options, host });
  const own = program
    .getSourceFiles()
    .filter(
      (file) =>
        !file.isDeclarationFile &&
        !program.isSourceFileFromExternalLibrary(file) &&
        !file.fileName.endsWith(".json") &&
        !file.fileName.includes("/node_modules/") &&
        isWithin(realPath(file.fileName), root),
    )
    .sort((a, b) => (a.fileName < b.fileName ? -1 : 1));
  const tests = own.filter((file) => isTestPath(relative(root, file.fileName), file.text));
  return { program, host, options, own, tests, sources: own.filter((file) => !tests.includes(file)), shadowed };
}

/** The JavaScript next to declarations of the same name, `a.js` for `a.d.ts`, that is not among the files itself. */
function sourcesBeside(fileNames: readonly string[]): string[] {
  const known = new Set(fileNames);
  return fileNames.flatMap((name) => {
    const [, stem, kind = ""] = /^(.*)\.d\.([cm]?)ts$/.exec(name) ?? [];
    const source = `${stem}.${kind}js`;
    return stem !== undefined && !known.has(source) && existsSync(source) ? [source] : [];
  });
}

/** Semantic diagnostics of `files`; those of libraries and of the configuration are not ours to judge. */
export function diagnosticsOf(program: TS.Program, files: readonly TS.SourceFile[]): TS.Diagnostic[] {
  return files.flatMap((file) => {
    const current = program.getSourceFile(file.fileName);
    return current === undefined
      ? []
      : program.getSemanticDiagnostics(current).filter((d) => d.category === ts.DiagnosticCategory.Error);
  });
}

/** Errors that have another code when the compiler has a name to suggest, which it has for a few of them. */
const withoutSuggestion: Readonly<Record<number, number>> = { 2551: 2339, 2552: 2304, 2561: 2353, 2724: 2305 };

/**
 * What identifies a diagnostic across an edit: its file, its code and the words of its text, but neither its position, nor their order,
 * nor what is suggested. In which order a message lists the members of a union depends on what was checked before.
 */
export function diagnosticKey(diagnostic: TS.Diagnostic, root: string): string {
  const file = diagnostic.file === undefined ? "" : relative(root, diagnostic.file.fileName);
  const code = withoutSuggestion[diagnostic.code] ?? diagnostic.code;
  const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n").replace(/ Did you mean [^\n]*\?/g, "");
  const words = text.match(/[^\s|&'",;()<>[\]{}]+/g) ?? [];
  return `${file} TS${code} ${words.sort().join(" ")}`;
}

function countDiagnostics(diagnostics: readonly TS.Diagnostic[], root: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const diagnostic of diagnostics) {
    const key = diagnosticKey(diagnostic, root);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

function usage(message: string): MigrationError {
  return new MigrationError(ExitCode.usage, message);
}

/** The folder of the project that the working directory belongs to: paths outside of it are another project's. */
function projectAround(cwd: string): string {
  for (let directory = cwd; ; directory = dirname(directory)) {
    if (["tsconfig.json", "jsconfig.json", "package.json"].some((name) => existsSync(join(directory, name)))) {
      return directory;
    }
    if (dirname(directory) === directory) return cwd;
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function findConfig(cwd: string, selected: readonly string[], project: string | undefined): string | undefined {
  if (project !== undefined) {
    const given = resolve(cwd, project);
    const path = existsSync(given) && statSync(given).isDirectory() ? join(given, "tsconfig.json") : given;
    if (!existsSync(path)) throw usage(`There is no tsconfig at ${project}. Give the path of a tsconfig.json with -p.`);
    return realpathSync(path);
  }
  const first = selected[0];
  const start = first === undefined ? cwd : statSync(first).isDirectory() ? first : dirname(first);
  for (let directory = start; ; directory = dirname(directory)) {
    for (const name of ["tsconfig.json", "jsconfig.json"]) {
      if (existsSync(join(directory, name))) return realpathSync(join(directory, name));
    }
    // A package without a tsconfig is not described by a configuration further up.
    if (existsSync(join(directory, "package.json")) || dirname(directory) === directory) return undefined;
  }
}

/** Without a tsconfig only a JavaScript package says enough about itself. */
function inferredRoot(cwd: string, selected: readonly string[]): string {
  const first = selected[0];
  const start = first === undefined ? cwd : statSync(first).isDirectory() ? first : dirname(first);
  for (let directory = start; ; directory = dirname(directory)) {
    if (existsSync(join(directory, "package.json"))) {
      if (isPlainJavaScript(directory)) return directory;
      break;
    }
    if (dirname(directory) === directory) break;
  }
  throw usage(
    `No tsconfig.json was found in ${start} or above it. Create one there ` +
      `(for JavaScript: { "compilerOptions": { "allowJs": true, "noEmit": true }, "include": ["src"] }), or give one with -p.`,
  );
}

function readConfig(configPath: string, compiler: Compiler): Config {
  const read = ts.readConfigFile(configPath, (path) => ts.sys.readFile(path));
  if (read.error !== undefined) {
    const text = ts.flattenDiagnosticMessageText(read.error.messageText, "\n");
    throw usage(`${configPath} cannot be read: ${text}`);
  }
  const json = read.config as { files?: unknown[]; references?: { path?: string }[]; include?: unknown[] };
  const parsed = ts.parseJsonConfigFileContent(json, ts.sys, dirname(configPath), undefined, configPath);
  if (parsed.fileNames.length === 0) {
    const references = (parsed.projectReferences ?? []).map((reference) => relative(process.cwd(), reference.path));
    if (references.length > 0) {
      throw usage(
        `${configPath} only refers to other projects. Migrate them one at a time: ${references.map((r) => `-p ${r}`).join(", ")}.`,
      );
    }
    if (!isPlainJavaScript(dirname(configPath))) {
      throw usage(`${configPath} matches no source files. Check its "include" and "files".`);
    }
  }
  const broken = parsed.errors.find((error) => error.category === ts.DiagnosticCategory.Error && error.code !== 18003);
  // What a file that is not there would have said, no compiler knows.
  const missing = parsed.errors.find(({ code }) => [5083, 6053, 6096].includes(code));
  if (missing !== undefined) {
    throw usage(`${configPath} is not valid: ${ts.flattenDiagnosticMessageText(missing.messageText, "\n")}`);
  }
  if (broken !== undefined && compiler.own) {
    throw usage(`${configPath} is not valid: ${ts.flattenDiagnosticMessageText(broken.messageText, "\n")}`);
  }
  return { fileNames: parsed.fileNames, options: forAnalysis(parsed.options, compiler) };
}

/** The project's options, without output, and without the defaults a newer compiler than the project's would bring. */
function forAnalysis(options: TS.CompilerOptions, { own, replaces }: Compiler): TS.CompilerOptions {
  const adjusted: TS.CompilerOptions = {
    ...options,
    noEmit: true,
    skipLibCheck: true,
    incremental: false,
    composite: false,
  };
  delete adjusted["tsBuildInfoFile"];
  if (!own) {
    adjusted.ignoreDeprecations = "6.0";
    adjusted.types ??= ["*"];
    adjusted.strict ??= false;
    adjusted.noUncheckedSideEffectImports ??= false;
    // Part of "strict" since 4.4.
    if (/^(3|4\.[0-3])\./.test(replaces ?? "")) adjusted.useUnknownInCatchVariables ??= false;
  }
  return adjusted;
}

function inferConfig(root: string, remarks: string[]): Config {
  remarks.push(
    `No tsconfig.json in ${root}: reading its JavaScript with default settings. Types are inferred only, so more is bridged than with a tsconfig.`,
  );
  return {
    fileNames: sourceFilesUnder(root).filter(isJavaScript),
    options: {
      allowJs: true,
      checkJs: false,
      noEmit: true,
      skipLibCheck: true,
      strict: false,
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      jsx: ts.JsxEmit.Preserve,
      types: ["node"].filter((name) => existsSync(join(root, "node_modules/@types", name))),
      maxNodeModuleJsDepth: 0,
    },
  };
}

/** Whether a package is JavaScript: it has nothing else, or what it hands out is, whatever lies beside it. */
function isPlainJavaScript(directory: string): boolean {
  const files = sourceFilesUnder(directory).filter((file) => !isTestPath(relative(directory, file), ""));
  if (!files.some((file) => isTypeScript(file))) return files.some((file) => isJavaScript(file));
  return entryPoints(directory).some(
    (file) => files.includes(join(directory, file)) && isJavaScript(file) && isWrittenByHand(directory, file),
  );
}

const isJavaScript = (file: string): boolean => /\.[cm]?jsx?$/.test(file) && !/\.min\.[cm]?js$/.test(file);
const isTypeScript = (file: string): boolean =>
  /\.[cm]?tsx?$/.test(file) && !/(\.d\.[cm]?ts|\.test-d\.tsx?)$/.test(file);

function sourceFilesUnder(directory: string): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      if (!skippedFolders.has(entry.name) && !entry.name.startsWith(".")) found.push(...sourceFilesUnder(path));
    } else if (entry.isFile() && (isJavaScript(entry.name) || isTypeScript(entry.name))) {
      found.push(path);
    }
  }
  return found.sort();
}

function located(diagnostic: TS.Diagnostic, root: string): string {
  const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n").split("\n")[0] ?? "";
  if (diagnostic.file === undefined || diagnostic.start === undefined) return `TS${diagnostic.code}: ${text}`;
  const { line, character } = diagnostic.file.getLineAndCharacterOfPosition(diagnostic.start);
  return `${relative(root, diagnostic.file.fileName)}:${line + 1}:${character + 1} TS${diagnostic.code}: ${text}`;
}

function listed(diagnostics: readonly TS.Diagnostic[], root: string): string {
  const lines = diagnostics.slice(0, 5).map((diagnostic) => `  ${located(diagnostic, root)}`);
  if (diagnostics.length > 5) lines.push(`  and ${diagnostics.length - 5} more`);
  return lines.join("\n");
}

function refuseUnparsable(program: TS.Program, files: readonly TS.SourceFile[], root: string): void {
  const broken = files.flatMap((file) =>
    program.getSyntacticDiagnostics(file).filter((d) => d.category === ts.DiagnosticCategory.Error && d.code < 8000),
  );
  if (broken.length === 0) return;
  throw new MigrationError(
    ExitCode.badInput,
    `The project does not parse; nothing was changed. Mend this first, or exclude the file from the tsconfig:\n${listed(broken, root)}`,
  );
}

function isMissingModule({ code }: TS.Diagnostic): boolean {
  return code === 2307 || code === 7016;
}

function refuseRedBaseline(diagnostics: readonly TS.Diagnostic[], root: string, version: string): never {
  const missing = diagnostics.some(isMissingModule);
  throw new MigrationError(
    ExitCode.badInput,
    `The project does not type-check before any change (TypeScript ${version}); nothing was changed.\n${listed(diagnostics, root)}\n` +
      (missing ? "Modules are missing: install the project's dependencies first. " : "Mend these first. ") +
      "To go on and count only new errors, pass --allow-baseline-errors.",
  );
}

/** The text of a file as it is on disk: what the compiler strips, such as a byte-order mark, included. */
export function textOnDisk(path: string): string {
  return readFileSync(path, "utf8");
}
