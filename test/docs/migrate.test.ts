/**
 * The guide to migrating shows what the commands print and what the migrator writes, and explains every reason code.
 * `TRESTLE_WRITE=1 npx vitest run test/docs/migrate.test.ts` writes the outcomes and the table into the guide.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { planMigration } from "../../codemods/migrate.js";
import { describeReason, remedyOf } from "../../codemods/reason-descriptions.js";
import { reasons, type ReasonCode } from "../../codemods/reasons.js";
import { trestle } from "../codemods/cli/invoke.js";
import { commitAll, git, project } from "../codemods/cli/project-on-disk.js";
import { matches } from "./checks.js";
import { blocksOf, wordOf, type Block } from "./markdown.js";

const top = join(import.meta.dirname, "..", "..");
const path = join(top, "guides/migrate.md");
const original = readFileSync(path, "utf8");
const blocks = blocksOf(original);
const writing = process.env["TRESTLE_WRITE"] !== undefined;
let written = original;

afterAll(() => {
  if (written !== original) writeFileSync(path, written);
});

function expectBlock(block: Block, actual: string): void {
  if (writing)
    written = written.replace(`${wordOf(block, "after")}\n${block.text}`, () => `${wordOf(block, "after")}\n${actual}`);
  else expect(actual).toBe(block.text);
}

const options = { target: "es2022", module: "nodenext", strict: true, skipLibCheck: true, types: ["node"] };
const filesOf = (word: string) =>
  Object.fromEntries(
    blocks.flatMap((block) => {
      const file = wordOf(block, word);
      return file === undefined ? [] : [[file, block.text]];
    }),
  );

function projectOf(word: string): string {
  const root = project({
    ".gitignore": "node_modules\nout\n",
    "package.json": '{ "name": "shop", "private": true, "type": "module" }\n',
    "tsconfig.json": JSON.stringify({ compilerOptions: { ...options, noEmit: true } }),
    ...filesOf(word),
  });
  symlinkSync(join(top, "node_modules"), join(root, "node_modules"));
  return root;
}

/** The words of a command line; quotes keep spaces. */
const wordsOf = (line: string): string[] =>
  [...line.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word);

it("guides/migrate.md: the commands print what it shows, one after the other", { timeout: 300_000 }, async () => {
  const root = projectOf("file");
  commitAll(root);
  for (const block of blocks.filter(({ language }) => language === "console")) {
    const [, ...steps] = `\n${block.text}`.split("\n$ ");
    for (const step of steps) {
      const [line = "", ...rest] = step.replace(/\n$/, "").split("\n");
      const [program, command, ...args] = wordsOf(line);
      if (program === "git") {
        git(root, command!, ...args);
      } else if (program === "npm") {
        execFileSync("npm", ["test"], { cwd: root, stdio: "pipe" });
      } else {
        expect([program, command]).toEqual(["npx", "trestle"]);
        const { stdout, stderr } = await trestle(root, args, { engine: { planMigration } });
        // The formatter takes the spaces at the ends of lines away, also in the guide.
        const printed = stdout.replaceAll(root, "/home/you/shop").replace(/ +$/gm, "").trimEnd();
        const shown = rest.join("\n").trimEnd();
        if (!matches(printed, shown)) expect(`${printed}\n${stderr}`, line).toBe(shown);
      }
    }
  }
});

it("guides/migrate.md: the migrator writes what it shows, world by world", { timeout: 120_000 }, async () => {
  const root = projectOf("before");
  const { changes } = await planMigration({ cwd: root, paths: [] });
  for (const block of blocks) {
    const file = wordOf(block, "after");
    if (file === undefined) continue;
    expectBlock(block, changes.find((change) => change.path === join(root, file))?.after ?? filesOf("before")[file]!);
  }
});

it("guides/migrate.md explains every reason code, and says which are reserved", () => {
  const codes = (Object.keys(reasons) as ReasonCode[]).sort();
  const sources = readdirSync(join(top, "codemods"), { recursive: true, encoding: "utf8" })
    .filter((file) => /^(?!(.*\/)?(dist|node_modules|lint)\/).*(?<!^reasons|^reason-descriptions)\.ts$/.test(file))
    .map((file) => readFileSync(join(top, "codemods", file), "utf8"));
  const given = (code: string): boolean => sources.some((text) => text.includes(`"${code}"`));
  const lines = codes.map(
    (code) =>
      `- **${code} ${reasons[code]}**${given(code) ? "" : " (reserved)"}: ${describeReason(code)} _${remedyOf(code)}_`,
  );
  const list = lines.join("\n");
  const [, shown] =
    /<!-- reasons -->\n<!-- prettier-ignore-start -->\n\n([^]*?)\n\n<!-- prettier-ignore-end -->\n<!-- \/reasons -->/.exec(
      original,
    ) ?? [];
  if (writing) written = written.replace(shown!, () => list);
  else expect(shown).toBe(list);
});
