/** How a file is written: line ends, indentation, quotes, semicolons and stars, so that inserted text follows it. */
import { ts, type TS } from "../compiler.js";

export interface Style {
  readonly eol: string;
  readonly indent: string;
  readonly quote: '"' | "'";
  readonly semicolon: "" | ";";
  /** `load (id) {}`, and with it `function * load (id) {}` and `yield * load(id)`: those who space one space the others. */
  readonly spaced: boolean;
}

export function styleOf(file: TS.SourceFile): Style {
  const text = file.text;
  const crlf = text.split("\r\n").length - 1;
  const lf = text.split("\n").length - 1 - crlf;
  const quotes = { '"': 0, "'": 0 };
  let terminated = 0;
  let open = 0;
  let spaced = 0;
  let tight = 0;
  const count = (node: TS.Node): void => {
    if (
      ts.isImportDeclaration(node) ||
      ts.isVariableStatement(node) ||
      ts.isExpressionStatement(node) ||
      ts.isReturnStatement(node) ||
      ts.isThrowStatement(node) ||
      ts.isExportAssignment(node)
    ) {
      if (text[node.end - 1] === ";") terminated++;
      else open++;
    }
    if (ts.isStringLiteral(node) && !ts.isJsxAttribute(node.parent) && !/['"]/.test(node.text)) {
      quotes[text[node.end - 1] as '"' | "'"]++;
    }
    if ((ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node)) && node.name !== undefined) {
      if (text[node.name.end] === "(") tight++;
      else if (/^[ \t]+\(/.test(text.slice(node.name.end))) spaced++;
    }
    ts.forEachChild(node, count);
  };
  count(file);
  return {
    eol: crlf > lf ? "\r\n" : "\n",
    indent: indentUnit(text),
    quote: quotes["'"] > quotes['"'] ? "'" : '"',
    semicolon: open > terminated ? "" : ";",
    spaced: spaced > tight,
  };
}

/** Inserted text with its stars as the file has them. */
export function withStars(text: string, { spaced }: Style): string {
  return spaced ? text.replace(/\b(function|yield)\*/g, "$1 *") : text;
}

function indentUnit(text: string): string {
  const counts = new Map<string, number>();
  let previous = "";
  for (const line of text.split("\n")) {
    if (line.trim() === "" || /^\s*\*/.test(line)) continue;
    const leading = /^[ \t]*/.exec(line)?.[0] ?? "";
    if (leading.length > previous.length && leading.startsWith(previous)) {
      const unit = leading.slice(previous.length);
      if (unit === "\t" || unit === "  " || unit === "    " || unit === "   ")
        counts.set(unit, (counts.get(unit) ?? 0) + 1);
    }
    previous = leading;
  }
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? "  ";
}

/** The white space in front of the line that `position` is on. */
export function indentAt(file: TS.SourceFile, position: number): string {
  const start = file.text.lastIndexOf("\n", position - 1) + 1;
  return /^[ \t]*/.exec(file.text.slice(start, position))?.[0] ?? "";
}
