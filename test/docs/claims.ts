/**
 * Code with claims in its comments, as a program that checks them. Claims follow a statement, on the same line or on the next ones:
 *
 * - `value; // => expected`: an expression that gives an equal value, or else the value as a text; so for the values of
 *   declarations and of `return`;
 * - `console.log(value); // => expected`: the text that is printed;
 * - `call(); // throws Name: message`, or without the message: the error; the code goes on behind the statement.
 *
 * A text may leave things out with `...`, and go on in further comment lines.
 */
import { transform } from "esbuild";
import ts from "typescript";

/** A program made of a piece of documentation. */
export interface Program {
  /** A JavaScript expression: a function whose first parameter is the {@link Checks}. */
  readonly code: string;
  /** Those with a claim, counted from 1. */
  readonly lines: readonly number[];
}

interface Edit {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}

const CLAIM = /\/\/ (?:(=>) ?(.*)|throws ([A-Z]\w*(?:: .*)?))$/;

/** What a program is made as. */
export interface Making {
  /** By default an async function; or else one that a fiber runs. */
  readonly kind?: "async" | "fiber";
  /** Stands before the text, in one line. */
  readonly head?: string;
  /** Those behind the checks. */
  readonly parameters?: readonly string[];
  /** The number of the first line of the text, for messages. */
  readonly firstLine?: number;
}

/** @throws Error when a comment looks like a claim and cannot be checked */
export async function programOf(text: string, making: Making = {}): Promise<Program> {
  const { kind = "async", head = "", parameters = [], firstLine = 1 } = making;
  const source = ts.createSourceFile("block.ts", text, ts.ScriptTarget.Latest, true);
  const edits: Edit[] = [];
  const lines: number[] = [];
  const lineAt = (position: number): number => source.getLineAndCharacterOfPosition(position).line + firstLine;

  const visit = (node: ts.Node): void => {
    ts.forEachChild(node, visit);
    if (ts.isImportDeclaration(node)) edits.push(importEdit(source, node));
    else if (ts.isCallExpression(node) && isModuleCall(node)) {
      edits.push(replaceNode(source, node.expression, "(await docs.load"));
      edits.push({ at: node.getEnd(), remove: 0, insert: ")" });
    } else if (ts.isModuleDeclaration(node)) {
      edits.push(replaceNode(source, node, ""));
    } else if (node.kind === ts.SyntaxKind.ExportKeyword) edits.push(replaceNode(source, node, ""));
    else if (ts.isStatement(node)) {
      const claim = claimBehind(text, node.getEnd());
      const line = claim && lineAt(claim.at);
      if (!line || lines.includes(line)) return;
      lines.push(line);
      edits.push(...(claim.throws ? throwingEdits : valueEdits)(source, node, line, claim.expected));
    }
  };
  visit(source);

  const written = text.split("\n").flatMap((line, index) => (CLAIM.test(line) ? [index + firstLine] : []));
  const stray = written.find((line) => !lines.includes(line));
  if (stray !== undefined) throw new Error(`the claim in line ${stray} stands behind no statement`);

  let body = text;
  // Insertions at one place keep their order: inner statements were visited first.
  for (const { at, remove, insert } of edits
    .map((edit, i) => ({ ...edit, i }))
    .sort((a, b) => b.at - a.at || b.i - a.i)) {
    body = body.slice(0, at) + insert + body.slice(at + remove);
  }
  const opening = kind === "fiber" ? "(function* (" : "(async (";
  const arrow = kind === "fiber" ? ") {" : ") => {";
  const names = ["docs", "console", ...parameters].join(", ");
  const { code } = await transform(`${opening}${names}${arrow}${head}\n${body}\n})`, {
    loader: "ts",
    target: "es2022",
  });
  return { code, lines };
}

interface Claim {
  readonly at: number;
  readonly throws: boolean;
  readonly expected: string;
}

function claimBehind(text: string, end: number): Claim | undefined {
  const [, space = "", comment = ""] = /^([ \t]*(?:\n[ \t]*)?)(\/\/.*)/.exec(text.slice(end)) ?? [];
  const [, arrow, value = "", error = ""] = CLAIM.exec(comment) ?? [];
  if (!arrow && !error) return undefined;
  const at = end + space.length;
  const expected = [arrow ? value : error];
  if (space.includes("\n")) {
    // What stands under the value, not under the arrow, goes on with it.
    const further = /^[ \t]*\/\/ {4}(.*)$/;
    for (const line of text.slice(at + comment.length + 1).split("\n")) {
      const more = further.exec(line)?.[1];
      if (more === undefined) break;
      expected.push(more);
    }
  }
  return { at, throws: !arrow, expected: expected.join("\n") };
}

/** `import(...)` and `require(...)`. */
function isModuleCall(node: ts.CallExpression): boolean {
  const { expression } = node;
  return (
    expression.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(expression) && expression.text === "require")
  );
}

function replaceNode(source: ts.SourceFile, node: ts.Node, insert: string): Edit {
  const at = node.getStart(source);
  return { at, remove: node.getEnd() - at, insert };
}

function importEdit(source: ts.SourceFile, node: ts.ImportDeclaration): Edit {
  const clause = node.importClause;
  const loaded = `await docs.load(${node.moduleSpecifier.getText(source)})`;
  const lineBreaks = "\n".repeat(node.getText(source).split("\n").length - 1);
  const bindings = clause?.namedBindings;
  let code = `${loaded};`;
  if (clause?.phaseModifier === ts.SyntaxKind.TypeKeyword) code = "";
  else if (bindings && ts.isNamespaceImport(bindings)) code = `const ${bindings.name.text} = ${loaded};`;
  else if (clause) {
    const names = bindings?.elements.filter((name) => !name.isTypeOnly) ?? [];
    const pairs = names.map(({ name, propertyName }) =>
      propertyName ? `${propertyName.text}: ${name.text}` : name.text,
    );
    if (clause.name) pairs.unshift(`default: ${clause.name.text}`);
    code = `const { ${pairs.join(", ")} } = ${loaded};`;
  }
  return replaceNode(source, node, code + lineBreaks);
}

function valueEdits(source: ts.SourceFile, node: ts.Statement, line: number, expected: string): Edit[] {
  const expression = valueOf(node);
  if (!expression) throw new Error(`the claim in line ${line} is about a statement without a value`);
  const start = expression.getStart(source);
  if (ts.isCallExpression(expression) && /^(console\.\w+|note)$/.test(expression.expression.getText(source))) {
    const callee = expression.expression.getEnd() - start;
    const open = source.text.indexOf("(", start + callee) + 1;
    return [{ at: start, remove: open - start, insert: `docs.log(${line}, ${JSON.stringify(expected)}, ` }];
  }
  const [method, wanted] = isExpression(expected)
    ? ["value", `() => (${expected})`]
    : ["text", JSON.stringify(expected)];
  return [
    { at: start, remove: 0, insert: `docs.${method}(${line}, ` },
    { at: expression.getEnd(), remove: 0, insert: `, ${wanted})` },
  ];
}

function valueOf(node: ts.Statement): ts.Expression | undefined {
  if (ts.isExpressionStatement(node) || ts.isReturnStatement(node)) return node.expression;
  if (ts.isVariableStatement(node)) return node.declarationList.declarations.at(-1)?.initializer;
  return undefined;
}

function isExpression(text: string): boolean {
  const { diagnostics = [] } = ts.transpileModule(`(${text});`, { reportDiagnostics: true });
  return diagnostics.length === 0;
}

function throwingEdits(source: ts.SourceFile, node: ts.Statement, line: number, expected: string): Edit[] {
  const claim = JSON.stringify(expected);
  const failed = `thrown${line}`;
  return [
    { at: node.getStart(source), remove: 0, insert: `let ${failed} = false; try { ` },
    {
      at: node.getEnd(),
      remove: 0,
      insert:
        ` } catch (error) { ${failed} = true; docs.threw(${line}, error, ${claim}); }` +
        ` if (!${failed}) docs.threwNothing(${line}, ${claim});`,
    },
  ];
}
