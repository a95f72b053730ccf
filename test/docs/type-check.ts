/** Type-checks pieces of documentation, all at once, against the sources. */
import { join } from "node:path";
import ts from "typescript";

/** A piece of documentation. */
export interface Piece {
  /** Shown in messages. */
  readonly file: string;
  /** The number in the file of the first line of the text. */
  readonly firstLine: number;
  /** A module. */
  readonly text: string;
  /** How many lines stand before the documentation's own. */
  readonly added?: number;
}

const tests = join(import.meta.dirname, "..");

const config = ts.getParsedCommandLineOfConfigFile(join(tests, "tsconfig.json"), undefined, {
  ...ts.sys,
  onUnRecoverableConfigFileDiagnostic(diagnostic) {
    throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n"));
  },
})!;
// Documentation shows a value without using it, and leaves out what does not matter.
const options: ts.CompilerOptions = {
  ...config.options,
  noUnusedLocals: false,
  noUnusedParameters: false,
  noImplicitReturns: false,
  isolatedModules: false,
  verbatimModuleSyntax: false,
};
const files = ts.createCompilerHost(options);
const parsed = new Map<string, ts.SourceFile | undefined>();

function programWith(extra: ReadonlyMap<string, string>): ts.Program {
  const host: ts.CompilerHost = {
    ...files,
    fileExists: (path) => extra.has(path) || files.fileExists(path),
    readFile: (path) => extra.get(path) ?? files.readFile(path),
    getSourceFile(path, language) {
      const text = extra.get(path);
      if (text !== undefined) return ts.createSourceFile(path, text, language);
      if (!parsed.has(path)) parsed.set(path, files.getSourceFile(path, language));
      return parsed.get(path);
    },
  };
  return ts.createProgram([...extra.keys()], options, host);
}

const pathOf = (name: string): string => join(tests, "docs", `${name}.ts`);

/** What the compiler says, a line each. */
export function typeErrors(pieces: readonly Piece[]): string[] {
  const byPath = new Map(pieces.map((piece, index) => [pathOf(`piece-${index}`), piece]));
  const program = programWith(new Map([...byPath].map(([path, { text }]) => [path, text])));
  return [...byPath].flatMap(([path, piece]) => {
    const source = program.getSourceFile(path)!;
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map((diagnostic) => {
      const { line } = source.getLineAndCharacterOfPosition(diagnostic.start!);
      const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n");
      return `${piece.file}:${line - (piece.added ?? 0) + piece.firstLine}: ${message}`;
    });
  });
}

/** The names that modules export, types included, in the order of the modules. */
export function exportsOf(modules: readonly string[]): Map<string, Set<string>> {
  const path = pathOf("modules");
  const lines = modules.map((name, index) => `export * as m${index} from ${JSON.stringify(name)};`);
  const program = programWith(new Map([[path, lines.join("\n")]]));
  const checker = program.getTypeChecker();
  const namespaces = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(path)!)!);
  return new Map(
    namespaces.map((namespace, index) => [
      modules[index]!,
      new Set(checker.getExportsOfModule(checker.getAliasedSymbol(namespace)).map((symbol) => symbol.name)),
    ]),
  );
}
