/**
 * What tests and sources say about names. A mocked or spied function must keep being called by its old name, and a member that
 * tests reach for must keep existing; tests are read as text and syntax, whether or not the tsconfig includes them.
 */
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { ts, type TS } from "../compiler.js";
import { isTestPath } from "../scope.js";
import { snapshotsOfFunctions } from "../snapshots.js";

export interface Observed {
  /** Names that some test replaces, stubs or spies on. */
  readonly mocked: ReadonlySet<string>;
  /** Modules that some test replaces as a whole, without extension. */
  readonly mockedModules: ReadonlySet<string>;
  /** Every identifier and short string in the tests. */
  readonly words: ReadonlySet<string>;
  /** Names of methods that are taken off their object: `o.m.call(other)`, `C.prototype.m`. */
  readonly detached: ReadonlySet<string>;
  /** Names that the sources assign to on some object: `o.m = ...`. */
  readonly assigned: ReadonlySet<string>;
  /** Classes whose methods some source lists: what is added to them would be seen. */
  readonly listed: ReadonlySet<string>;
  /** Whether the sources ask of functions whether they are async, and the words around such questions in the tests. */
  readonly reflects: { readonly inSources: boolean; readonly inTests: ReadonlySet<string> };
  /** Snapshots, as `path:line`, that may hold the text of an async function. */
  readonly snapshots: readonly string[];
  /** Whether the tests replace modules or functions by stand-ins, which may give anything. */
  readonly usesStandIns: boolean;
}

const mockCalls =
  /(^|\.)(spyOn|spy|stub|mock|doMock|unstable_mockModule|mockModule|replace|replaceProperty|method|fake|when|createMock|mocked)$/;
const moduleMocks =
  /(^|\.)(mock|doMock|unstable_mockModule|mockModule|module|replace|replaceEsm|proxyquire|rewire|esmock)$/;
const listings =
  /\b(?:getOwnPropertyNames|getOwnPropertyDescriptors|ownKeys)\s*\(\s*([A-Za-z_$][\w$]*)\s*\.\s*prototype\b/g;
/** Not the name of a type, which many programs call so. */
const reflection = /\bisAsyncFunction\b|["'`](\[object )?AsyncFunction\]?["'`]|\binstanceof AsyncFunction\b/;
const mockingText = /\b(spyOn|stub|mock\w*|proxyquire|rewire|esmock|sinon|testdouble|td\.replace)\b/;

/** The words of the lines that ask whether something is async, and of the lines before them. */
function wordsOfReflection(text: string): string[] {
  if (!reflection.test(text)) return [];
  const lines = text.split("\n");
  return lines.flatMap((line, index) =>
    reflection.test(line) ? (`${lines[index - 1] ?? ""} ${line}`.match(/[A-Za-z_$][\w$]*/g) ?? []) : [],
  );
}

export function observe(root: string, tests: readonly TS.SourceFile[], sources: readonly TS.SourceFile[]): Observed {
  const mocked = new Set<string>();
  const mockedModules = new Set<string>();
  const words = new Set<string>();
  const detached = new Set<string>();
  const assigned = new Set<string>();
  const listed = new Set<string>();
  let usesStandIns = false;
  for (const { text } of sources) {
    noteDetached(text);
    // Binding a method to its own object changes nothing about what is called.
    for (const match of text.matchAll(/\.(\w+)\s*=(?![=>])(?![^;\n]*\.bind\()/g)) assigned.add(match[1] ?? "");
    for (const match of text.matchAll(listings)) listed.add(match[1] ?? "");
    for (const match of text.matchAll(/\bdelete\s+[\w.]+\.(\w+)/g)) assigned.add(match[1] ?? "");
  }
  const seen = new Set(tests.map((file) => file.fileName));
  const texts = [
    ...tests.map((file) => ({ name: file.fileName, text: file.text })),
    ...testFilesUnder(root, root).filter(({ name }) => !seen.has(name)),
  ];
  for (const { name, text } of texts) {
    for (const match of text.matchAll(/[A-Za-z_$][\w$]*/g)) words.add(match[0]);
    noteDetached(text);
    if (!mockingText.test(text) && !/\.\w+\s*=[^=]/.test(text)) continue;
    inspect(ts.createSourceFile(name, text, ts.ScriptTarget.Latest, false));
  }
  const reflects = {
    inSources: sources.some(({ text }) => reflection.test(text)),
    inTests: new Set(texts.flatMap(({ text }) => wordsOfReflection(text))),
  };
  const snapshots = snapshotsOfFunctions(root, texts);
  return { mocked, mockedModules, words, detached, assigned, listed, reflects, snapshots, usesStandIns };

  function noteDetached(text: string): void {
    for (const match of text.matchAll(/\.(\w+)\s*\.\s*(?:call|apply)\s*\(|\.prototype\s*\.\s*(\w+)/g)) {
      detached.add(match[1] ?? match[2] ?? "");
    }
  }

  function inspect(file: TS.SourceFile): void {
    const visit = (node: TS.Node): void => {
      if (ts.isCallExpression(node)) {
        const callee = calleeText(node.expression);
        if (mockCalls.test(callee)) {
          usesStandIns = true;
          for (const argument of node.arguments) if (ts.isStringLiteralLike(argument)) mocked.add(argument.text);
        }
        if (moduleMocks.test(callee) && node.arguments[0] !== undefined && ts.isStringLiteralLike(node.arguments[0])) {
          usesStandIns = true;
          const specifier = node.arguments[0].text;
          if (specifier.startsWith(".")) mockedModules.add(moduleName(join(dirname(file.fileName), specifier)));
          for (const argument of node.arguments.slice(1)) collectKeys(argument);
        }
      }
      if (
        ts.isBinaryExpression(node) &&
        node.operatorToken.kind === ts.SyntaxKind.EqualsToken &&
        ts.isPropertyAccessExpression(node.left)
      ) {
        mocked.add(node.left.name.text);
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
  }

  function collectKeys(node: TS.Node): void {
    const visit = (inner: TS.Node): void => {
      if (ts.isObjectLiteralElementLike(inner) && inner.name !== undefined && ts.isIdentifier(inner.name)) {
        mocked.add(inner.name.text);
      }
      ts.forEachChild(inner, visit);
    };
    visit(node);
  }
}

/** The path of a module, however its file is called. */
export function moduleName(path: string): string {
  return path.replace(/\.[cm]?[jt]sx?$/, "").replace(/\/index$/, "");
}

function calleeText(callee: TS.Expression): string {
  if (ts.isIdentifier(callee)) return callee.text;
  if (ts.isPropertyAccessExpression(callee)) return `${calleeText(callee.expression)}.${callee.name.text}`;
  return "";
}

function testFilesUnder(directory: string, root: string): { name: string; text: string }[] {
  const found: { name: string; text: string }[] = [];
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (
      entry.name === "node_modules" ||
      entry.name === "dist" ||
      entry.name === "coverage" ||
      entry.name.startsWith(".")
    ) {
      continue;
    }
    const path = join(directory, entry.name);
    if (entry.isDirectory()) found.push(...testFilesUnder(path, root));
    else if (entry.isFile() && /\.[cm]?[jt]sx?$/.test(entry.name)) {
      if (isTestPath(relative(root, path), "")) found.push({ name: path, text: readFileSync(path, "utf8") });
    }
  }
  return found;
}
