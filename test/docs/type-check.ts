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

/** What the compiler says, a line each. */
export function typeErrors(pieces: readonly Piece[]): string[] {
  const config = ts.getParsedCommandLineOfConfigFile(join(tests, "tsconfig.json"), undefined, {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: (diagnostic) => {
      throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n"));
    },
  })!;
  // Documentation shows a value without using it, and leaves out what does not matter.
  const options = { ...config.options, noUnusedLocals: false, noUnusedParameters: false, isolatedModules: false };
  const files = ts.createCompilerHost(options);
  const byPath = new Map(pieces.map((piece, index) => [join(tests, "docs", `piece-${index}.ts`), piece]));
  const host: ts.CompilerHost = {
    ...files,
    fileExists: (path) => byPath.has(path) || files.fileExists(path),
    readFile: (path) => byPath.get(path)?.text ?? files.readFile(path),
    getSourceFile(path, language, ...rest) {
      const piece = byPath.get(path);
      return piece ? ts.createSourceFile(path, piece.text, language) : files.getSourceFile(path, language, ...rest);
    },
  };
  const program = ts.createProgram([...byPath.keys()], options, host);
  return [...byPath].flatMap(([path, piece]) => {
    const source = program.getSourceFile(path)!;
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map((diagnostic) => {
      const { line } = source.getLineAndCharacterOfPosition(diagnostic.start!);
      const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n");
      return `${piece.file}:${line - (piece.added ?? 0) + piece.firstLine}: ${message}`;
    });
  });
}
