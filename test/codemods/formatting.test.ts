/** Changed files are laid out as they were: by the project's own formatter, or by hand. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { planMigration } from "../../codemods/migrate.js";

const made: string[] = [];
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const prettier = dirname(createRequire(import.meta.url).resolve("prettier/package.json"));
const tsconfig = { compilerOptions: { strict: true, target: "es2022", types: [] }, include: ["src"] };

/** What becomes of `src/one.ts` in a project that has Prettier installed. */
async function migrated(source: string, files: Readonly<Record<string, string>> = {}): Promise<string | undefined> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "trestle-formatting-")));
  made.push(folder);
  mkdirSync(join(folder, "src"));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(prettier, join(folder, "node_modules", "prettier"));
  for (const [name, content] of Object.entries({
    "tsconfig.json": JSON.stringify(tsconfig),
    "package.json": "{}",
    ".prettierrc": '{ "singleQuote": true, "printWidth": 60 }',
    "src/one.ts": source,
    ...files,
  })) {
    writeFileSync(join(folder, name), content);
  }
  return (await planMigration({ cwd: folder, paths: [] })).changes[0]?.after;
}

const neat = `declare function read(...names: string[]): Promise<number>;

export async function one(
  first: string,
  second: string,
): Promise<number> {
  return await read('names', 'of', first, 'and', second);
}
`;

describe("the project's Prettier", () => {
  it("CM-F05 lays out a file that it had nothing to say about before", async () => {
    expect(await migrated(neat)).toContain(`export function one(
  first: string,
  second: string,
): Promise<number> {
  return toPromise(() => oneOp(first, second));
}
`);
    expect(await migrated(neat)).toContain(`  return yield* fromPromise(
    read('names', 'of', first, 'and', second),
  );
`);
  });

  it("CM-F01 CM-F05 leaves alone a file that was laid out in another way", async () => {
    expect(await migrated(`${neat}export const  by = 'hand';\n`)).toContain("export const  by = 'hand';\n");
  });

  it("CM-F01 CM-F05 leaves alone what it is told to, and a project whose configuration it cannot read", async () => {
    const line = "  return yield* fromPromise(read('names', 'of', first, 'and', second));\n";
    expect(await migrated(neat, { ".prettierignore": "src\n" })).toContain(line);
    expect(await migrated(neat, { ".prettierrc": "{ 'no" })).toContain(line);
  });

  it("CM-F04 CM-F05 does not part a comment for the compiler from its line", async () => {
    const source = `declare function read(...names: string[]): Promise<number>;

export async function one(name: string): Promise<number> {
  // @ts-expect-error a number is no name
  return await read(name, 'and', 1, 'and', 'others');
}
`;
    expect(await migrated(source)).toContain(`  // @ts-expect-error a number is no name
  return yield* fromPromise(read(name, 'and', 1, 'and', 'others'));
`);
  });
});
