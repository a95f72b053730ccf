/** What must hold of every migration, whatever its input: tried on all cases of the tables and on the fixture. */
import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import ts from "typescript";
import type { Candidate } from "../../../codemods/plan.js";
import { reasons } from "../../../codemods/reasons.js";
import { migrate, type Files, type MigratedProject } from "../transform/migrated-project.js";
import { canonicalTree } from "./canonical-tree.js";
import { inputs, paths, scripts, typed, type Input } from "./inputs.js";

const first = new Map<Input, MigratedProject>();
const second = new Map<Input, MigratedProject | Error>();

beforeAll(async () => {
  for (const input of inputs) {
    const { compilerOptions } = input;
    const project = await migrate(input.files, { compilerOptions });
    first.set(input, project);
    const own = (compilerOptions as { paths?: object }).paths;
    const again = { compilerOptions: { ...compilerOptions, paths: { ...paths, ...own } } };
    second.set(input, await migrate(project.after, again).catch((error: unknown) => error as Error));
  }
}, 300_000);

describe.each(inputs.map((input) => [input.name, input] as const))("%s", (_name, input) => {
  it("O-01 every file parses as it did", () => {
    const written = Object.entries(result(input).after).filter(([path]) => !path.endsWith(".d.ts"));
    for (const [path, text] of written) expect(syntaxErrors(path, text), path).toEqual([]);
  });

  it("O-02 the outcome type-checks with the declarations of the libraries themselves", () => {
    const again = second.get(input);
    expect(again instanceof Error ? again.message : "").toBe("");
  });

  it("O-03 a second migration changes nothing", () => {
    const again = second.get(input);
    if (again === undefined || again instanceof Error) return expect.unreachable("it does not type-check");
    expect(again.plan.changes.map((change) => [change.path, change.after])).toEqual([]);
  });

  it("O-04 files without a converted function are not among the changes", () => {
    const { plan, root } = result(input);
    for (const { path, before, after } of plan.changes) {
      expect(after, path).not.toBe(before);
      const touched = plan.candidates.some(
        (c) => c.file === path && (c.kind === "function" || c.kind === "callback") && isConverted(c),
      );
      expect(touched, path.slice(root.length)).toBe(true);
    }
  });

  it("O-05 text outside of candidates and imports stays as it is, in order", () => {
    const { plan } = result(input);
    for (const { path, before, after } of plan.changes) {
      let at = 0;
      for (const piece of piecesOutside(path, before, plan.candidates)) {
        const found = after.indexOf(piece, at);
        expect(found, `${path}: ${piece}`).toBeGreaterThanOrEqual(0);
        at = found + piece.length;
      }
    }
  });

  it("O-06 every candidate is accounted for, once, inside its file", () => {
    const { plan, before, root } = result(input);
    const seen = new Set<string>();
    for (const candidate of plan.candidates) {
      const text = before[candidate.file.slice(root.length + 1)] ?? "";
      expect(candidate.start).toBeGreaterThanOrEqual(0);
      expect(candidate.end).toBeLessThanOrEqual(text.length);
      expect(candidate.end).toBeGreaterThan(candidate.start);
      const key = `${candidate.kind} ${candidate.file} ${candidate.start} ${candidate.end}`;
      expect(seen.has(key), key).toBe(false);
      seen.add(key);
      for (const { code, message } of candidate.reasons) {
        expect(reasons).toHaveProperty(code);
        expect(message).toMatch(/\S/);
      }
      if (["leave", "suspect", "bridge"].includes(candidate.disposition)) {
        expect(candidate.reasons, `${candidate.disposition} ${candidate.name}`).not.toEqual([]);
      }
    }
    // Functions that gave promises without being async are counted apart.
    const functions = plan.candidates.filter((c) => c.kind === "function" && c.pattern !== "CM-A29").length;
    const awaits = plan.candidates.filter((c) => c.kind === "await" && text(c).startsWith("await")).length;
    const counted = countAsync(before);
    expect(functions).toBe(counted.functions);
    expect(awaits).toBe(counted.awaits);

    function text(c: Candidate): string {
      return (before[c.file.slice(root.length + 1)] ?? "").slice(c.start, c.end);
    }
  });

  it("O-07 the parser sees in the outcome what was intended", () => {
    const { before, after, plan, root } = result(input);
    for (const path of Object.keys(before)) {
      // What becomes of chains is for programs to show (test/codemods/behaviour); from there on, each wait has its place.
      // Loops and generators change their shape: their texts are in the cases, and their behaviour is compared.
      if (/\bfor\b[^\n]*\bawait\b|\basync\b[^\n]*\*/.test(before[path] ?? "")) continue;
      const between = plan.changes.find((change) => change.path === `${root}/${path}`)?.between;
      const [old, young] = [canonicalTree(path, between ?? before[path] ?? ""), canonicalTree(path, after[path] ?? "")];
      expect(young, `${path}\n${after[path]}`).toBe(old);
    }
  });

  it("O-13 the outcome does not depend on the working directory or on the order of files", async () => {
    const files = Object.fromEntries(Object.entries(input.files).reverse());
    const project = await migrate(files, { compilerOptions: input.compilerOptions, inFolder: "src" });
    expect(project.after).toEqual(result(input).after);
    const located = (p: MigratedProject): unknown =>
      p.plan.candidates.map((c) => ({ ...c, file: c.file.slice(p.root.length) }));
    expect(located(project)).toEqual(located(result(input)));
  });
});

describe("comments", () => {
  it.each([
    ["TypeScript", typed],
    ["JavaScript", scripts],
  ])("O-12 a comment at any token boundary of the cases in %s survives", async (_language, input) => {
    // Between the tags of JSX a comment is text.
    const plain = Object.entries(input.files).filter(([path]) => !path.endsWith("x"));
    const files = Object.fromEntries(plain.map(([path, text]) => [path, withComments(path, text)]));
    const project = await migrate(files, { compilerOptions: input.compilerOptions });
    const lost: string[] = [];
    for (const [path, text] of Object.entries(files)) {
      const missing = lostComments(text, project.after[path] ?? "");
      if (missing.length > 0) lost.push(`${path}: ${missing.join(" ")}\n${text}\n${project.after[path]}`);
    }
    expect(lost).toEqual([]);
  });

  const places = {
    "in an import whose names are replaced":
      'import { /*§1*/ load /*§2*/ } from "./barrel";\nexport async function f() {\n  await load();\n}\n',
    "between the parentheses of a call without arguments":
      "export async function f() {\n  void (async () => {\n    use(1);\n  })(/*§1*/);\n}\n",
    "inside what only gives others a turn": "export async function f() {\n  await Promise /*§1*/.resolve(/*§2*/);\n}\n",
  };
  it.each(Object.entries(places))("O-12 a comment %s survives", async (_place, text) => {
    const other = 'export async function load() {\n  return await read("a");\n}\n';
    const barrel = 'export * from "./other";\n';
    const project = await migrate({ "src/one.ts": text, "src/other.ts": other, "src/barrel.ts": barrel });
    expect(lostComments(text, project.after["src/one.ts"] ?? "")).toEqual([]);
  });
});

describe("reason codes", () => {
  it("O-06 every code the migrator can give is given for some case", () => {
    const given = new Set(
      [...first.values()].flatMap((p) => p.plan.candidates.flatMap((c) => c.reasons.map((reason) => reason.code))),
    );
    const missing = [...codesInSources()].filter((code) => !given.has(code as never) && !(code in elsewhere));
    expect(missing.sort()).toEqual([]);
  });
});

/** Codes that take a project of their own, and the test that has one. */
const elsewhere: Readonly<Record<string, string>> = {
  TR1109: "projects.test.ts",
  TR1209: "projects.test.ts",
  TR1804: "projects.test.ts",
  TR1806: "demotion.test.ts",
  TR1811: "projects.test.ts",
};

function result(input: Input): MigratedProject {
  const project = first.get(input);
  if (project === undefined) throw new Error(`${input.name} was not migrated`);
  return project;
}

function isConverted(candidate: Candidate): boolean {
  return candidate.disposition !== "leave" && candidate.disposition !== "suspect";
}

function syntaxErrors(path: string, text: string): string[] {
  const { diagnostics } = ts.transpileModule(text, {
    fileName: path,
    reportDiagnostics: true,
    compilerOptions: { target: ts.ScriptTarget.ESNext, module: ts.ModuleKind.ESNext },
  });
  return (diagnostics ?? []).map((d) => ts.flattenDiagnosticMessageText(d.messageText, " "));
}

/** The lines of a file that neither a candidate nor an import touches. */
function piecesOutside(path: string, text: string, candidates: readonly Candidate[]): string[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const spans: { start: number; end: number }[] = candidates.filter((c) => c.file === path);
  for (const statement of file.statements) {
    const imports =
      ts.isImportDeclaration(statement) ||
      /^(const|var|let)\b[^=]*=\s*require\(|^module\.exports/.test(statement.getText());
    const holds = spans.some((span) => span.start >= statement.getStart() && span.end <= statement.end);
    if (imports || (ts.isVariableStatement(statement) && holds)) {
      spans.push({ start: statement.getStart(), end: statement.end });
    }
  }
  const touched = (start: number, end: number): boolean => spans.some((s) => s.start <= end && start <= s.end);
  const lines: string[] = [];
  let at = 0;
  for (const line of text.split("\n")) {
    const isRetyped = /^\s*\* @returns? \{Promise</.test(line);
    if (!touched(at, at + line.length) && line.trim() !== "" && !isRetyped) lines.push(line);
    at += line.length + 1;
  }
  return lines;
}

function countAsync(files: Files): { functions: number; awaits: number } {
  let functions = 0;
  let awaits = 0;
  for (const [path, text] of Object.entries(files)) {
    const visit = (node: ts.Node): void => {
      const modifiers = ts.canHaveModifiers(node) ? (ts.getModifiers(node) ?? []) : [];
      const isAsync = modifiers.some((modifier) => modifier.kind === ts.SyntaxKind.AsyncKeyword);
      if (isAsync && "body" in node && node.body !== undefined) functions++;
      if (ts.isAwaitExpression(node)) awaits++;
      ts.forEachChild(node, visit);
    };
    visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true));
  }
  return { functions, awaits };
}

/** The text with a comment of its own in front of every token. */
function withComments(path: string, text: string): string {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const places = new Set<number>();
  const visit = (node: ts.Node): void => {
    if (node.kind >= ts.SyntaxKind.FirstJSDocNode && node.kind <= ts.SyntaxKind.LastJSDocNode) return;
    const children = node.getChildren(file);
    if (children.length === 0 && node.getStart(file) < node.end) places.add(node.getStart(file));
    children.forEach(visit);
  };
  visit(file);
  let output = "";
  let at = 0;
  let number = 0;
  for (const place of [...places].sort((a, b) => a - b)) {
    output += `${text.slice(at, place)}/*§${++number}*/`;
    at = place;
  }
  return output + text.slice(at);
}

function lostComments(before: string, after: string): string[] {
  return (before.match(/\/\*§\d+\*\//g) ?? []).filter((comment) => !after.includes(comment));
}

function codesInSources(): Set<string> {
  const codes = new Set<string>();
  const folder = new URL("../../../codemods/", import.meta.url);
  for (const part of ["analyse", "chains", "rewrite"]) {
    for (const name of readdirSync(new URL(`${part}/`, folder))) {
      for (const match of readFileSync(new URL(`${part}/${name}`, folder), "utf8").matchAll(/"(TR\d{4})"/g)) {
        if (match[1] !== undefined) codes.add(match[1]);
      }
    }
  }
  return codes;
}
