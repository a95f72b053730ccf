/** Rewrites one file from the decisions: collects every edit on the unmodified text and applies them once. */
import { type TS } from "../compiler.js";
import type { AsyncFunction } from "../analyse/functions.js";
import { waitSites } from "../analyse/runs.js";
import { isJavaScriptFile } from "../analyse/syntax.js";
import { rewriteLimiters } from "../limits/rewrite.js";
import type { Candidate, Reason } from "../plan.js";
import { rewriteYield } from "./async-generator.js";
import { rewriteTry } from "./cancellation.js";
import { isConverted, type FileContext, type RewriteInput } from "./context.js";
import { applyEdits, Edits } from "./edits.js";
import { rewriteForAwait } from "./for-await.js";
import { rewriteHead } from "./function.js";
import { Imports } from "./imports.js";
import { writePairs } from "./pairs.js";
import { dropRetiredNames, dropReplacedImports } from "./replaced-imports.js";
import { styleOf, withStars } from "./style.js";
import { rewriteWait, shortened } from "./wait.js";

export interface RewrittenFile {
  readonly file: TS.SourceFile;
  readonly text: string;
  /** Where a position of the new text comes from in the old one. */
  readonly originOf: (position: number) => number;
  readonly libraries: readonly string[];
  readonly waits: readonly Candidate[];
  readonly notes: ReadonlyMap<AsyncFunction, readonly Reason[]>;
  /** Functions whose new form cannot be written down; the file must be rewritten without them. */
  readonly impossible: ReadonlyMap<AsyncFunction, Reason>;
}

export function rewriteFile(
  input: RewriteInput,
  file: TS.SourceFile,
  functions: readonly AsyncFunction[],
): RewrittenFile {
  const style = styleOf(file);
  const edits = new Edits();
  const imports = new Imports(file, style);
  const waits: Candidate[] = [];
  const notes = new Map<AsyncFunction, Reason[]>();
  const impossible = new Map<AsyncFunction, Reason>();
  const retired = new Set<TS.Identifier>();
  const context: FileContext = {
    ...input,
    file,
    edits,
    imports,
    style,
    isTypeScript: !isJavaScriptFile(file),
    note(fn, reason) {
      const known = notes.get(fn);
      if (known === undefined) notes.set(fn, [reason]);
      else known.push(reason);
    },
    retire(identifier) {
      retired.add(identifier);
    },
    record(site, node) {
      const start = node.getStart(file);
      const { line, character } = file.getLineAndCharacterOfPosition(start);
      waits.push({
        ...site,
        name: shortened(node.getText(file)),
        file: file.fileName,
        line: line + 1,
        column: character + 1,
        start,
        end: node.end,
      });
    },
  };
  for (const name of input.analysis.project.uses?.get(file.fileName) ?? []) imports.useAsWritten(name);
  const converted = functions.filter((fn) => isConverted(context, fn));
  // Heads first: where a head and a wait wrap the same span, the head is the outer one.
  for (const fn of converted) {
    if (!rewriteHead(context, fn)) {
      impossible.set(fn, { code: "TR1701", message: `${fn.label}: a type its façade needs cannot be written here` });
    }
  }
  for (const fn of converted) {
    for (const site of waitSites(fn)) rewriteWait(context, site);
    for (const node of fn.loops) rewriteForAwait(context, fn, node);
    for (const node of fn.yields) rewriteYield(context, fn, node);
    for (const node of fn.tries) rewriteTry(context, fn, node);
  }
  rewriteLimiters(context);
  writePairs(context, converted);
  dropReplacedImports(context);
  dropRetiredNames(context, retired);
  imports.write(edits);
  const { text, originOf } = applyEdits(
    file.text,
    edits.sorted().map((edit) => ({ ...edit, text: withStars(edit.text, style) })),
  );
  return { file, text, originOf, libraries: imports.libraries, waits, notes, impossible };
}
