/**
 * Every case of the tables in `cases/`: a file before the migration, and the exact text it must have afterwards. With
 * `TRESTLE_UPDATE=1` the tables are written anew: read the difference before you believe it.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { casesOf, families, isJavaScript, projectFilesOf, rewriteTable } from "./case-file.js";
import { migrate, scriptOptions, type MigratedProject } from "./migrated-project.js";

const cases = families.flatMap(casesOf);
let typed: MigratedProject;
let scripts: MigratedProject;

beforeAll(async () => {
  typed = await migrate(projectFilesOf(cases, false));
  scripts = await migrate(projectFilesOf(cases, true), { compilerOptions: scriptOptions });
  if (process.env["TRESTLE_UPDATE"] === "1") {
    for (const family of families) rewriteTable(family, (path) => typed.after[path] ?? scripts.after[path]);
  }
}, 120_000);

describe.each(families)("%s", (family) => {
  for (const one of casesOf(family)) {
    const test = one.defect === undefined ? it : it.fails;
    test(one.title, () => {
      const project = isJavaScript(one) ? scripts : typed;
      for (const { path, after } of one.files) expect(project.after[`src/${one.folder}/${path}`]).toBe(after);
      const here = project.candidates().filter((c) => c.file.includes(`/src/${one.folder}/`));
      for (const [pattern, code] of one.sites) {
        const codes = here.filter((c) => c.kind !== "function" && c.pattern === pattern).map((c) => c.reasons[0]?.code);
        expect(codes, pattern).toContain(code);
      }
      const found = here
        .filter((c) => c.kind === "function" || c.kind === "callback")
        .map((c) => ({ ...c, name: c.name.startsWith("function at ") ? "anonymous" : c.name }));
      for (const [name, code] of one.reasons) {
        const codes = found.filter((c) => c.name === name).flatMap((c) => c.reasons.map((reason) => reason.code));
        expect(codes).toContain(code);
      }
      for (const [name, disposition] of one.shapes) {
        expect(found.filter((c) => c.name === name).map((c) => c.disposition)).toContain(disposition);
      }
    });
  }
});
