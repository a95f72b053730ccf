/** Small programs under titles, migrated in one go: each is a module `main` with the same beginning. */
import { migrate, strictOptions, type MigratedProject } from "../transform/migrated-project.js";
import { worldDeclarations } from "./virtual-world.js";

export interface TitledPrograms {
  readonly project: MigratedProject;
  /** The text of the program of that title. */
  of(title: string): { readonly before: string; readonly after: string };
}

export async function migrateTitled(
  beginning: string,
  programs: Readonly<Record<string, string>>,
): Promise<TitledPrograms> {
  const paths = new Map(Object.keys(programs).map((title, index) => [title, `p${index}/main.ts`] as const));
  const files: Record<string, string> = { "world.d.ts": worldDeclarations };
  for (const [title, path] of paths) files[path] = beginning + (programs[title] as string);
  const project = await migrate(files, { compilerOptions: { ...strictOptions, noUnusedLocals: false } });
  return {
    project,
    of(title) {
      const path = paths.get(title);
      if (path === undefined) throw new Error(`There is no program "${title}"`);
      return { before: project.before[path] as string, after: project.after[path] as string };
    },
  };
}
