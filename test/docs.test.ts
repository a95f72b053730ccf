/** README runs: its program prints what it says, and its migration gives the text it shows. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { planMigration } from "../codemods/migrate.js";

const top = join(import.meta.dirname, "..");
const readme = readFileSync(join(top, "README.md"), "utf8");

const block = (label: string): string => {
  const match = new RegExp(`^\`\`\`ts ${label}\\n([\\s\\S]*?)^\`\`\``, "m").exec(readme);
  if (match?.[1] === undefined) throw new Error(`README has no block marked "${label}"`);
  return match[1];
};

it("README's fiber program prints what its last line says", () => {
  const program = block("run");
  const expected = /\/\/ => (.*)$/m.exec(program)?.[1];
  // In the workspace, so that the packages resolve as they do for a user.
  const file = join(top, "test", `.readme-${process.pid}.mjs`);
  writeFileSync(file, program);
  try {
    expect(execFileSync(process.execPath, [file], { encoding: "utf8" }).trim()).toBe(expected);
  } finally {
    rmSync(file);
  }
});

it("README's migration gives the text that README shows", async () => {
  const folder = mkdtempSync(join(tmpdir(), "trestle-readme-"));
  try {
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions: { strict: true, target: "es2022" } }),
    );
    writeFileSync(join(folder, "prices.ts"), block("before"));
    const plan = await planMigration({ cwd: folder, paths: [] });
    expect(plan.changes.map((change) => change.after)).toEqual([block("after")]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
