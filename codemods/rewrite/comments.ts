/** Comments in text that an edit takes away: they stay, wherever there is room for them. */
import { ts, type TS } from "../compiler.js";

/** Where the comments between two positions of `file` are, neither of which is inside a token. */
export function commentRanges(file: TS.SourceFile, start: number, end: number): { start: number; end: number }[] {
  const text = file.text.slice(start, end);
  if (!text.includes("/*") && !text.includes("//")) return [];
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, false, file.languageVariant, text);
  const ranges: { start: number; end: number }[] = [];
  for (let kind = scanner.scan(); kind !== ts.SyntaxKind.EndOfFileToken; kind = scanner.scan()) {
    if (isComment(kind)) ranges.push({ start: start + scanner.getTokenPos(), end: start + scanner.getTextPos() });
  }
  return ranges;
}

/** The comments of a piece of `file`, as they are. */
export function commentsIn(file: TS.SourceFile, start: number, end: number): string[] {
  return commentRanges(file, start, end).map((range) => file.text.slice(range.start, range.end));
}

/** Comments one after the other, with a line end behind each that needs one. */
export function joinComments(comments: readonly string[], eol: string): string {
  return comments.map((text) => (text.startsWith("//") ? `${text}${eol}` : text)).join(" ");
}

/** A piece of text without its comments, and without the room that they took. */
export function withoutComments(text: string, variant: TS.LanguageVariant): string {
  if (!text.includes("/*") && !text.includes("//")) return text;
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, false, variant, text);
  let copy = "";
  let gap = "";
  let commented = false;
  for (let kind = scanner.scan(); kind !== ts.SyntaxKind.EndOfFileToken; kind = scanner.scan()) {
    const token = scanner.getTokenText();
    if (isComment(kind)) commented = true;
    else if (kind === ts.SyntaxKind.WhitespaceTrivia || kind === ts.SyntaxKind.NewLineTrivia) gap += token;
    else {
      copy += !commented ? gap : /[<([.]$/.test(copy) || /^[<>(),;[\].:]/.test(token) ? "" : " ";
      copy += token;
      gap = "";
      commented = false;
    }
  }
  return copy;
}

function isComment(kind: TS.SyntaxKind): boolean {
  return kind === ts.SyntaxKind.MultiLineCommentTrivia || kind === ts.SyntaxKind.SingleLineCommentTrivia;
}
