/**
 * Lays changed files out as the project's own Prettier does, where they were laid out so before: the edits leave every other
 * byte alone, but a line that has become too long would be a finding of its linter.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { newDiagnostics } from "./new-diagnostics.js";
import { editedProgram } from "./overlay.js";
import type { FileChange } from "./plan.js";
import type { LoadedProject } from "./project.js";

/** What versions 2 and 3 have in common; the former answer `format` at once. */
interface Prettier {
  resolveConfig(path: string, options: object): Promise<object | null>;
  getFileInfo(path: string, options: object): Promise<{ ignored: boolean; inferredParser: string | null }>;
  format(text: string, options: object): string | Promise<string>;
}

export async function laidOut(project: LoadedProject, changes: readonly FileChange[]): Promise<FileChange[]> {
  const prettier = prettierOf(project.root);
  if (prettier === undefined) return [...changes];
  const found: FileChange[] = [];
  for (const change of changes) found.push((await formatted(prettier, change, project.root)) ?? change);
  const misled = misledComments(
    project,
    found.filter((change, index) => change !== changes[index]),
  );
  return found.map((change, index) => (misled.has(change.path) ? (changes[index] ?? change) : change));
}

function prettierOf(root: string): Prettier | undefined {
  try {
    return createRequire(join(root, "package.json"))("prettier") as Prettier;
  } catch {
    return undefined;
  }
}

/** Nothing where the file was laid out in another way before, or the formatter has nothing to say about it. */
async function formatted(prettier: Prettier, change: FileChange, root: string): Promise<FileChange | undefined> {
  const { path, before, after } = change;
  try {
    for (let folder = dirname(path); ; folder = dirname(folder)) {
      const { ignored } = await prettier.getFileInfo(path, { ignorePath: join(folder, ".prettierignore") });
      if (ignored) return undefined;
      if (folder === root || folder === dirname(folder)) break;
    }
    const options = { ...(await prettier.resolveConfig(path, { editorconfig: true })), filepath: path };
    if ((await prettier.format(before, options)) !== before) return undefined;
    return { ...change, after: await prettier.format(after, options) };
  } catch {
    // A configuration that does not load, or syntax that this version does not know.
    return undefined;
  }
}

/** The files in which a comment for the compiler, which holds for the next line, no longer stands before that line. */
function misledComments(project: LoadedProject, changes: readonly FileChange[]): Set<string> {
  const directed = changes.filter(({ after }) => /@ts-(expect-error|ignore)/.test(after));
  if (directed.length === 0) return new Set();
  const program = editedProgram(project, new Map(changes.map(({ path, after }) => [path, { text: after }])));
  const files = directed.flatMap(({ path }) => program.getSourceFile(path) ?? []);
  return new Set(newDiagnostics(project, program, [], files).flatMap(({ file }) => file?.fileName ?? []));
}
