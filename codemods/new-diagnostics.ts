/** What an edited program is told that the program was not told before. */
import type { TS } from "./compiler.js";
import { diagnosticKey, diagnosticsOf, type LoadedProject } from "./project.js";

/** A type that is not found is not found either where it is written once more, for the fiber function behind a façade. */
const repeated = new Set([2304, 2503, 2552, 2580, 2591, 2694]);

/** Errors of `program`, in the syntax of the files named `edited` and in the types of `checked`, beyond those of `project`. */
export function newDiagnostics(
  project: LoadedProject,
  program: TS.Program,
  edited: Iterable<string>,
  checked: readonly TS.SourceFile[],
): TS.Diagnostic[] {
  const syntactic = [...edited].flatMap((name) => {
    const file = program.getSourceFile(name);
    // From 8000 on they are about TypeScript in JavaScript files, which a build does not mind.
    return file === undefined ? [] : program.getSyntacticDiagnostics(file).filter(({ code }) => code < 8000);
  });
  const judged = checked.filter((file) => !project.unchecked.has(file.fileName));
  const found = [...syntactic, ...diagnosticsOf(program, judged)];
  if (found.length === 0) return [];
  const known = new Map(project.baseline());
  return found.filter((diagnostic) => {
    const key = diagnosticKey(diagnostic, project.root);
    const left = known.get(key) ?? 0;
    if (!repeated.has(diagnostic.code)) known.set(key, left - 1);
    return left <= 0;
  });
}
