/**
 * Type-checks the edited program in memory and finds, for each new diagnostic, the converted functions that caused it.
 */
import { ts, type TS } from "./compiler.js";
import type { Analysis, Decisions } from "./analyse/decide.js";
import type { AsyncFunction } from "./analyse/functions.js";
import { editedProgram } from "./overlay.js";
import { newDiagnostics } from "./new-diagnostics.js";
import type { RewrittenFile } from "./rewrite/file.js";

export interface Verdict {
  /** Functions to demote, each with the message of the diagnostic that condemned it. Empty when the program is clean. */
  readonly culprits: ReadonlyMap<AsyncFunction, string>;
  /** Where in the original text of its file each culprit has a new diagnostic. */
  readonly places: ReadonlyMap<AsyncFunction, readonly number[]>;
  /** New diagnostics that no converted function could be blamed for. */
  readonly unexplained: readonly string[];
}

export function verify(analysis: Analysis, decisions: Decisions, files: readonly RewrittenFile[]): Verdict {
  const { project } = analysis;
  const edited = new Map(files.map((file) => [file.file.fileName, file]));
  const program = editedProgram(project, edited);
  const culprits = new Map<AsyncFunction, string>();
  const places = new Map<AsyncFunction, number[]>();
  const unexplained: string[] = [];

  const checked = [...project.sources, ...project.tests];
  for (const diagnostic of newDiagnostics(project, program, edited.keys(), checked)) blame(diagnostic);
  return { culprits, places, unexplained };

  function blame(diagnostic: TS.Diagnostic): void {
    const message = `TS${diagnostic.code}: ${ts.flattenDiagnosticMessageText(diagnostic.messageText, " ")}`;
    const suspects = suspectsOf(diagnostic, message);
    if (suspects.length === 0) unexplained.push(message);
    for (const fn of suspects) {
      if (!culprits.has(fn)) culprits.set(fn, message);
      const origin =
        diagnostic.start === undefined ? undefined : edited.get(fn.file.fileName)?.originOf(diagnostic.start);
      if (origin !== undefined && diagnostic.file?.fileName === fn.file.fileName) {
        places.set(fn, [...(places.get(fn) ?? []), origin]);
      }
    }
  }

  function suspectsOf(diagnostic: TS.Diagnostic, message: string): AsyncFunction[] {
    const converted = analysis.functions.filter((fn) => decisions.get(fn)?.shape !== "leave");
    const file = diagnostic.file === undefined ? undefined : edited.get(diagnostic.file.fileName);
    if (file !== undefined && diagnostic.start !== undefined) {
      const origin = file.originOf(diagnostic.start);
      const around = converted
        .filter((fn) => fn.file === file.file && extentOf(fn).start <= origin && origin <= extentOf(fn).end)
        .sort((a, b) => width(a) - width(b));
      // The innermost function first; if it has been demoted already, what surrounds it is next.
      if (around[0] !== undefined) return [around[0]];
    }
    // A twin that somebody's type does not have, or has without knowing it.
    const named = converted.filter((fn) => {
      const name = decisions.get(fn)?.fiberName;
      return name !== undefined && name !== fn.name && message.includes(`'${name}'`);
    });
    if (named.length > 0) return named;
    // A type that no longer fits because of what a method answers: "the types returned by 'request(...)'".
    const mentioned = new Set([...message.matchAll(/'(\w+)\(\.\.\.\)'|[Pp]roperty '(\w+)'/g)].map((m) => m[1] ?? m[2]));
    const answering = converted.filter((fn) => fn.name !== undefined && mentioned.has(fn.name));
    const inferred = answering.filter((fn) => fn.node.type === undefined);
    if (answering.length > 0) return inferred.length > 0 ? inferred : answering;
    return converted.filter((fn) => fn.file === file?.file);
  }
}

function extentOf(fn: AsyncFunction): { start: number; end: number } {
  let node: TS.Node = fn.node;
  if (fn.form === "variable") while (!ts.isVariableStatement(node)) node = node.parent;
  return { start: node.getFullStart(), end: node.end };
}

function width(fn: AsyncFunction): number {
  return fn.node.end - fn.node.getFullStart();
}
