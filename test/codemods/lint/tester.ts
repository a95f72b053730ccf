/** Runs rules over pieces of code, with the types of one program that holds every piece that the tests know of. */
import type { Linter } from "eslint";
import { join } from "node:path";
import ts from "typescript";
import { parser } from "typescript-eslint";
import { isName, names } from "../../../codemods/lint/names.js";
import plugin from "../../../codemods/lint/index.js";
import type { Example } from "../../../codemods/lint/rule.js";

const top = join(import.meta.dirname, "..", "..", "..");
const globals = join(import.meta.dirname, "globals.d.ts");

const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts", "lib.dom.d.ts"],
  types: ["node"],
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  allowJs: true,
  checkJs: true,
  jsx: ts.JsxEmit.Preserve,
  paths: {
    trestle: [join(top, "core/index.ts")],
    "trestle/node": [join(top, "core/node/index.ts")],
    "@trestle/bridges": [join(top, "bridges/index.ts")],
  },
};

/** Pieces of code as the files of one program. */
export class Pieces {
  private readonly files = new Map<string, string>();
  private program: ts.Program | undefined;
  private readonly host = ts.createCompilerHost(options);
  private readonly known = new Map<string, ts.SourceFile | undefined>();

  constructor() {
    const { host } = this;
    const disk = ts.createCompilerHost(options);
    host.fileExists = (path) => this.files.has(path) || disk.fileExists(path);
    host.readFile = (path) => this.files.get(path) ?? disk.readFile(path);
    host.getSourceFile = (path, languageVersion) => {
      const text = this.files.get(path);
      let file = this.known.get(path);
      if (file === undefined || (text !== undefined && file.text !== text)) {
        file =
          text === undefined
            ? disk.getSourceFile(path, languageVersion)
            : ts.createSourceFile(path, text, languageVersion, true);
        this.known.set(path, file);
      }
      return file;
    };
  }

  /** The path of a piece of code; the same for the same text. */
  add(code: string, extension = ".ts"): string {
    for (const [path, text] of this.files) if (text === code && path.endsWith(extension)) return path;
    const path = join(import.meta.dirname, `piece${this.files.size}${extension}`);
    this.files.set(path, code);
    this.program = undefined;
    return path;
  }

  programWith(code: string, extension: string): { readonly program: ts.Program; readonly path: string } {
    const path = this.add(code, extension);
    this.program ??= ts.createProgram({ rootNames: [globals, ...this.files.keys()], options, host: this.host });
    return { program: this.program, path };
  }

  /** The errors of the compiler in what was added, file by file. */
  errorsIn(path: string): string[] {
    const { program } = this.programWith(this.files.get(path)!, extensionOf(path));
    const file = program.getSourceFile(path)!;
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map((diagnostic) =>
      ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n"),
    );
  }
}

export const pieces = new Pieces();

const extensionOf = (path: string): string => /\.\w+$/.exec(path)![0];

const { parseForESLint } = parser as { parseForESLint: (code: string, options: object) => unknown };

interface Parsing {
  readonly filePath: string;
}

/** The parser of typescript-eslint, which finds the types of a text in the program of all. */
export const typedParser = {
  parseForESLint: (code: string, given: Parsing): unknown => {
    const { program, path } = pieces.programWith(code, extensionOf(given.filePath));
    return parseForESLint(code, { ...given, filePath: path, programs: [program], projectService: false });
  },
};

export const untypedParser = {
  parseForESLint: (code: string, given: Parsing): unknown => parseForESLint(code, { ...given }),
};

const valuesOf = (module: string): string[] => [
  ...new Set(
    Object.keys(names)
      .filter((name) => isName(name) && names[name].module === module)
      .map((name) => name.split(".")[0]!),
  ),
];
const header =
  `import { ${[...valuesOf("trestle"), "Cancelled", "Deferred", "Mutex", "Lazy"].join(", ")} } from "trestle"; ` +
  `import { ${valuesOf("trestle/node").join(", ")} } from "trestle/node"; ` +
  `import { ${valuesOf("@trestle/bridges").join(", ")} } from "@trestle/bridges";\n`;

/** A piece of code with what it imports, unless it says so itself, and in a fiber function when it needs one. */
export function complete(code: string): string {
  const body = /^yield/m.test(code) ? `function* main(): Op<unknown> {\n${code}\nreturn;\n}\n` : `${code}\n`;
  return /^import |require\(/m.test(code) ? body : header + body;
}

/** An example in full: it may be a text only. */
export const exampleOf = (example: string | Example): Example =>
  typeof example === "string" ? { code: example } : example;

/** A version of ESLint. */
export type Eslint = Pick<typeof import("eslint"), "Linter">;

/** What a rule, or several, say of a whole text. */
export function lint(
  eslint: Eslint,
  name: string | readonly string[],
  code: string,
  extension: string,
  typed = true,
): Linter.LintMessage[] {
  const config = {
    files: ["**/*.ts", "**/*.js"],
    languageOptions: { parser: typed ? typedParser : untypedParser },
    linterOptions: { reportUnusedDisableDirectives: "off" },
    plugins: { "@trestle": plugin },
    settings: { trestle: { typed } },
    rules: Object.fromEntries([name].flat().map((one) => [`@trestle/${one}`, "error"])),
  };
  return new eslint.Linter().verify(code, [config as unknown as Linter.Config], `example${extension}`);
}

/** A text after the edits of fixes, of which those that overlap others are left out, as ESLint does. */
export function edited(
  code: string,
  fixes: readonly { readonly range: readonly [number, number]; readonly text: string }[],
) {
  let text = "";
  let at = 0;
  for (const { range, text: put } of [...fixes].sort((a, b) => a.range[0] - b.range[0])) {
    if (range[0] < at) continue;
    text += code.slice(at, range[0]) + put;
    at = range[1];
  }
  return text + code.slice(at);
}
