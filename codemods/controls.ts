/**
 * The comments by which a source file directs its own migration:
 *
 * - `// trestle-ignore-file -- why`: every function of the file is left;
 * - `// trestle-ignore-next-line -- why`: the functions that begin on the next line are left, and the calls there keep
 *   going through promises;
 * - `// trestle-ignore-next-line TR1901 -- why`: the next line is known to give these reasons; they are not reported;
 * - `/* trestle-keep-async *\/` before a function: it is left;
 * - `/* trestle-facade *\/` before a function: it keeps its name for a promise, even if nobody needs it.
 *
 * One that directs nothing is reported, as is a reason code that does not exist.
 */
import { ts, type TS } from "./compiler.js";
import type { AsyncFunction } from "./analyse/functions.js";
import type { Candidate, IdleComment, Reason } from "./plan.js";
import { reasons, type ReasonCode } from "./reasons.js";

type Kind = "ignore-file" | "ignore-next-line" | "keep-async" | "facade";

interface Control {
  readonly kind: Kind;
  readonly file: TS.SourceFile;
  /** Where the comment's word begins. */
  readonly position: number;
  /** Zero-based, of the comment. */
  readonly line: number;
  readonly codes: readonly string[];
  readonly why: string | undefined;
  used: boolean;
}

const word =
  /\btrestle-(ignore-file|ignore-next-line|keep-async|facade)\b((?:[ \t,]+TR\d+)*)(?:[ \t]*--[ \t]*([^\r\n]*?))?(?=[ \t]*(?:\*\/|[\r\n]|$))/g;

export class Controls {
  readonly #byFile = new Map<TS.SourceFile, Control[]>();

  constructor(files: readonly TS.SourceFile[]) {
    for (const file of files) {
      if (!file.text.includes("trestle-")) continue;
      const found: Control[] = [];
      for (const match of file.text.matchAll(word)) {
        if (!isInComment(file, match.index)) continue;
        found.push({
          kind: match[1] as Kind,
          file,
          position: match.index,
          line: file.getLineAndCharacterOfPosition(match.index).line,
          codes: match[2]?.match(/TR\d+/g) ?? [],
          why: match[3] === undefined || match[3] === "" ? undefined : match[3],
          used: false,
        });
      }
      if (found.length > 0) this.#byFile.set(file, found);
    }
  }

  /** Why a comment asks for `fn` to be left, or undefined. */
  leaves(fn: AsyncFunction): Reason | undefined {
    const asking = this.#of(fn.file).find(
      (control) =>
        control.codes.length === 0 &&
        (control.kind === "ignore-file" ||
          (control.kind === "keep-async" && isBefore(control, fn)) ||
          (control.kind === "ignore-next-line" && linesOf(fn).includes(control.line + 1))),
    );
    if (asking === undefined) return undefined;
    asking.used = true;
    const what = asking.kind === "ignore-file" ? "its file asks to be ignored" : "a comment asks to leave it";
    return { code: "TR1803", message: `${fn.label}: ${asking.why ?? what}` };
  }

  forcesFacade(fn: AsyncFunction): boolean {
    const asking = this.#of(fn.file).find((control) => control.kind === "facade" && isBefore(control, fn));
    if (asking !== undefined) asking.used = true;
    return asking !== undefined;
  }

  /** Whether a comment asks for what begins at `node` to stay as it is. */
  ignores(node: TS.Node): boolean {
    const file = node.getSourceFile();
    const controls = this.#of(file);
    if (controls.length === 0) return false;
    const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
    const asking = controls.find(
      (control) => control.kind === "ignore-next-line" && control.codes.length === 0 && control.line + 1 === line,
    );
    if (asking !== undefined) asking.used = true;
    return asking !== undefined;
  }

  /** The candidates without the findings that a comment names by their code. */
  acknowledge(candidates: readonly Candidate[]): Candidate[] {
    return candidates.map((candidate) => {
      const controls = [...this.#byFile.values()]
        .flat()
        .filter(
          (control) =>
            control.kind === "ignore-next-line" &&
            control.codes.length > 0 &&
            control.file.fileName === candidate.file &&
            control.line + 2 === candidate.line,
        );
      const isKnown = (reason: Reason): boolean => {
        const known = controls.find((control) => control.codes.includes(reason.code));
        if (known !== undefined) known.used = true;
        return known !== undefined;
      };
      const left = candidate.reasons.filter((reason) => !isKnown(reason));
      if (left.length === candidate.reasons.length) return candidate;
      if (candidate.disposition === "rewrite+note") {
        return { ...candidate, reasons: left, disposition: left.length === 0 ? "rewrite" : "rewrite+note" };
      }
      const isFree = candidate.disposition === "rewrite" || candidate.disposition === "facade";
      if (left.length > 0 || isFree) return { ...candidate, reasons: left };
      // What is left or bridged is never without a reason.
      if (candidate.disposition !== "suspect") return candidate;
      const reason: Reason = { code: "TR1803", message: `${candidate.name}: a comment says that this is meant` };
      return { ...candidate, disposition: "leave", reasons: [reason] };
    });
  }

  /** Asked when everything else is decided: the comments that directed nothing. */
  idle(): IdleComment[] {
    return [...this.#byFile.values()].flat().flatMap((control) => {
      const unknown = control.codes.find((code) => !(code in reasons));
      if (control.used && unknown === undefined) return [];
      const { line, character } = control.file.getLineAndCharacterOfPosition(control.position);
      const message =
        unknown === undefined ? `trestle-${control.kind} directs nothing here` : `there is no reason ${unknown}`;
      return [{ file: control.file.fileName, line: line + 1, column: character + 1, message }];
    });
  }

  #of(file: TS.SourceFile): readonly Control[] {
    return this.#byFile.get(file) ?? [];
  }
}

export function isReasonCode(code: string): code is ReasonCode {
  return code in reasons;
}

/** The statement or member that a reader would call the function's own. */
function ownerOf(fn: AsyncFunction): TS.Node {
  let owner: TS.Node = fn.node;
  if (fn.form === "variable") while (!ts.isVariableStatement(owner)) owner = owner.parent;
  return owner;
}

function isBefore(control: Control, fn: AsyncFunction): boolean {
  const owner = ownerOf(fn);
  return control.position >= owner.getFullStart() && control.position < fn.node.parameters.pos;
}

/** The lines on which a function begins: its own, and that of the statement it stands for. */
function linesOf(fn: AsyncFunction): number[] {
  return [ownerOf(fn), fn.node].map((node) => fn.file.getLineAndCharacterOfPosition(node.getStart(fn.file)).line);
}

/** Whether a position is in a comment, and not in a string, a template or the text of an element. */
function isInComment(file: TS.SourceFile, position: number): boolean {
  let node: TS.Node = file;
  for (;;) {
    const inner: TS.Node | undefined = ts.forEachChild(node, (child) =>
      child.pos <= position && position < child.end ? child : undefined,
    );
    if (inner === undefined) break;
    node = inner;
  }
  const isText =
    ts.isStringLiteralLike(node) ||
    ts.isTemplateLiteralToken(node) ||
    ts.isJsxText(node) ||
    ts.isRegularExpressionLiteral(node);
  return !isText || position < node.getStart(file);
}
