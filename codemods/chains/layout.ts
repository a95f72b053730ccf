/** How written statements stand in a file: their indentation, their line ends, and what must not be moved. */
import { ts, type TS } from "../compiler.js";
import { indentAt, type Style } from "../rewrite/style.js";
import { fresh, reindented, textOf, type Piece } from "./pieces.js";

/** A statement, or several, without the line break behind it. */
export type Line = Piece[];

export class Layout {
  readonly #file: TS.SourceFile;
  readonly #style: Style;

  constructor(file: TS.SourceFile, style: Style) {
    this.#file = file;
    this.#style = style;
  }

  /** Each on a line of its own, the first one too. */
  indented(lines: readonly Line[], indent: string): Piece[] {
    return lines
      .filter((line) => line.length > 0)
      .flatMap((line) => [fresh(this.#style.eol + indent), ...this.#apart(line)]);
  }

  /** Each on a line of its own, the first one where the text stands. */
  joined(lines: readonly Line[], indent: string): Piece[] {
    return lines
      .filter((line) => line.length > 0)
      .flatMap((line, index) => (index === 0 ? line : [fresh(this.#style.eol + indent), ...this.#apart(line)]));
  }

  /** Without semicolons, a line must not read as the rest of the one in front. */
  #apart(line: Line): Line {
    const text = textOf(line);
    return this.#style.semicolon === "" && /^[([`+\-/]/.test(text) && !/^\/[*/]/.test(text)
      ? [fresh(";"), ...line]
      : line;
  }

  /** Text copied from `start` on, its further lines moved to another indentation. */
  moved(pieces: readonly Piece[], start: number, indent: string): Piece[] {
    return this.reindented(pieces, indentAt(this.#file, start), indent);
  }

  /** Copied text, its lines moved from one indentation to another. */
  reindented(pieces: readonly Piece[], from: string, to: string): Piece[] {
    return reindented(pieces, from, to, (lineBreak) =>
      literalsOf(this.#file).some(({ start, end }) => start < lineBreak && lineBreak < end),
    );
  }
}

const literals = new WeakMap<TS.SourceFile, readonly { start: number; end: number }[]>();

/** Literals whose line breaks are part of what they mean. */
function literalsOf(file: TS.SourceFile): readonly { start: number; end: number }[] {
  const known = literals.get(file);
  if (known !== undefined) return known;
  const found: { start: number; end: number }[] = [];
  const visit = (node: TS.Node): void => {
    if (
      ts.isNoSubstitutionTemplateLiteral(node) ||
      ts.isTemplateHead(node) ||
      ts.isTemplateMiddleOrTemplateTail(node) ||
      ts.isJsxText(node)
    ) {
      found.push({ start: node.getStart(file), end: node.end });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  literals.set(file, found);
  return found;
}
