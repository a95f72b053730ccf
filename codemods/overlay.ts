/** A program in which some files have another text than on the disk. */
import { ts, type TS } from "./compiler.js";
import type { LoadedProject } from "./project.js";

/** The program with other texts for some of its files, by the names that it knows them by. */
export function editedProgram(
  project: LoadedProject,
  edited: ReadonlyMap<string, { readonly text: string }>,
): TS.Program {
  return overlayProgram(project, overlayHost(project, edited));
}

/** The host of such a program. Each new text is parsed once. */
export function overlayHost(
  project: LoadedProject,
  edited: ReadonlyMap<string, { readonly text: string }>,
): TS.CompilerHost {
  const { host } = project;
  const parsed = new Map<string, TS.SourceFile>();
  return {
    ...host,
    readFile: (name) => edited.get(name)?.text ?? host.readFile(name),
    getSourceFile: (name, versionOrOptions, onError, createAnew) => {
      const text = edited.get(name)?.text;
      if (text === undefined) return host.getSourceFile(name, versionOrOptions, onError, createAnew);
      let file = parsed.get(name);
      if (file === undefined) {
        const original = project.program.getSourceFile(name);
        const format = original === undefined ? versionOrOptions : formatOf(original, versionOrOptions);
        file = ts.createSourceFile(name, text, format, true);
        parsed.set(name, file);
      }
      return file;
    },
  };
}

export function overlayProgram(project: LoadedProject, host: TS.CompilerHost): TS.Program {
  return ts.createProgram({
    rootNames: [...project.program.getRootFileNames()],
    options: project.options,
    host,
    oldProgram: project.program,
  });
}

/** The module format that the compiler found for the original holds for the edited text too. */
function formatOf(
  original: TS.SourceFile,
  given: TS.ScriptTarget | TS.CreateSourceFileOptions,
): TS.CreateSourceFileOptions {
  const base = typeof given === "object" ? given : { languageVersion: given };
  return original.impliedNodeFormat === undefined ? base : { ...base, impliedNodeFormat: original.impliedNodeFormat };
}
