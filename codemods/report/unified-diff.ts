/** The edits of a run as one unified diff that `git apply` and `patch -p1` take. */

import { relative, sep } from "node:path";
import { FILE_HEADERS_ONLY, formatPatch, structuredPatch, type StructuredPatch } from "diff";
import type { FileEdit } from "../file-edit.js";
import { plain, type Paint, type Style } from "../terminal.js";

/** A file whose lines are nearly all different is shown as replaced, rather than compared for longer than this. */
const millisecondsPerFile = 2000;

export function unifiedDiff(root: string, edits: readonly FileEdit[], paint: Paint): string {
  return edits
    .map((edit) => {
      const path = relative(root, edit.path).split(sep).join("/");
      return painted(diffOf(path, edit.original.toString(), edit.replacement.toString()), paint);
    })
    .join("");
}

export function diffOf(path: string, before: string, after: string, timeout = millisecondsPerFile): string {
  const [from, to] = [`a/${path}`, `b/${path}`];
  const patch =
    structuredPatch(from, to, before, after, undefined, undefined, { context: 3, timeout }) ??
    replacement(from, to, before, after);
  return formatPatch(patch, FILE_HEADERS_ONLY);
}

function replacement(oldFileName: string, newFileName: string, before: string, after: string): StructuredPatch {
  const [removed, added] = [linesOf(before), linesOf(after)];
  const marked = (mark: string, lines: readonly string[]) =>
    lines.map((line) =>
      line.endsWith("\n") ? mark + line.slice(0, -1) : `${mark}${line}\n\\ No newline at end of file`,
    );
  return {
    oldFileName,
    newFileName,
    oldHeader: undefined,
    newHeader: undefined,
    hunks: [
      {
        oldStart: 1,
        oldLines: removed.length,
        newStart: 1,
        newLines: added.length,
        lines: [...marked("-", removed), ...marked("+", added)],
      },
    ],
  };
}

function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

const styles: Readonly<Record<string, Style>> = { "+": "green", "-": "red", "@": "cyan" };

function painted(patch: string, paint: Paint): string {
  if (paint === plain) return patch;
  return patch
    .split("\n")
    .map((line, index) => {
      const style = index < 2 ? "bold" : styles[line.charAt(0)];
      return style === undefined ? line : paint(style, line);
    })
    .join("\n");
}
