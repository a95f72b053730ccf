/**
 * Migrates files that exist only for a test: writes them into a temporary folder with a tsconfig, plans the migration,
 * and gives back the new texts and what became of each function.
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import type { Candidate, MigrationPlan } from "../../../codemods/plan.js";
import { planMigration, type PlanRequest } from "../../../codemods/migrate.js";

export type Files = Readonly<Record<string, string>>;

/** What the strictest projects of our users set; every test project is checked with it before and after. */
export const strictOptions = {
  target: "es2022",
  lib: ["es2023", "esnext.disposable"],
  module: "esnext",
  moduleResolution: "bundler",
  moduleDetection: "force",
  strict: true,
  noUnusedLocals: true,
  verbatimModuleSyntax: true,
  isolatedModules: true,
  exactOptionalPropertyTypes: true,
  jsx: "preserve",
  skipLibCheck: true,
  noEmit: true,
  types: [],
} as const;

/** Plain JavaScript: types are inferred, and modules are CommonJS unless their name says otherwise. */
export const scriptOptions = {
  ...strictOptions,
  module: "nodenext",
  moduleResolution: "nodenext",
  moduleDetection: "auto",
  verbatimModuleSyntax: false,
  noUnusedLocals: false,
  strict: false,
  allowJs: true,
  checkJs: false,
} as const;

export interface MigratedProject {
  readonly root: string;
  readonly plan: MigrationPlan;
  readonly before: Files;
  /** Every file, changed or not. */
  readonly after: Files;
  /** The candidates of one file, or of all. */
  candidates(path?: string): readonly Candidate[];
}

export interface ProjectRequest extends Partial<PlanRequest> {
  readonly compilerOptions?: object;
  readonly manifest?: object;
  /** The folder of the project to plan from; the root by default. */
  readonly inFolder?: string;
}

export async function migrate(files: Files, request: ProjectRequest = {}): Promise<MigratedProject> {
  const root = writeProject(files, request);
  try {
    const { cwd = join(root, request.inFolder ?? "."), paths = [], allowBaselineErrors, level, symbols } = request;
    const project = request.inFolder === undefined ? undefined : relative(cwd, root);
    const plan = await planMigration({ cwd, paths, project, allowBaselineErrors, level, symbols });
    const after: Record<string, string> = { ...files };
    for (const change of plan.changes) after[relative(root, change.path)] = change.after;
    return {
      root,
      plan,
      before: files,
      after,
      candidates: (path) =>
        path === undefined ? plan.candidates : plan.candidates.filter((c) => relative(root, c.file) === path),
    };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** One file in a project of its own; answers its new text. */
export async function migrateText(text: string, path = "src/one.ts", request: ProjectRequest = {}): Promise<string> {
  const { after } = await migrate({ [path]: text }, request);
  return after[path] ?? "";
}

/** The libraries of other worlds that samples may import. */
const libraries = ["rxjs", "p-limit"];

function writeProject(files: Files, request: ProjectRequest): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "trestle-transform-")));
  const all: Files = {
    "package.json": JSON.stringify(request.manifest ?? { name: "sample", private: true }),
    "tsconfig.json": JSON.stringify({ compilerOptions: request.compilerOptions ?? strictOptions }),
    "world.d.ts": world,
    ...files,
  };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  mkdirSync(join(root, "node_modules"), { recursive: true });
  for (const name of libraries) {
    symlinkSync(join(import.meta.dirname, "../../../node_modules", name), join(root, "node_modules", name), "junction");
  }
  return root;
}

/** What the samples take for granted: a foreign library that gives promises, and values of doubtful types. */
export const world = `
interface Row { id: string; n: number; next?: Row | undefined }
declare function read(id: string): Promise<number>;
declare function readRow(id: string): Promise<Row>;
declare function maybe(): number | Promise<number>;
declare function use(...values: unknown[]): void;
declare function tag(strings: TemplateStringsArray, ...values: unknown[]): string;
declare function setTimeout(go: (...args: any[]) => void, ms?: number, ...args: unknown[]): { unref(): void };
declare function clearTimeout(timer: unknown): void;
declare const anything: any;
declare const rows: Row[];
declare const ids: string[];
declare const flag: boolean;
declare const console: { log(...values: unknown[]): void };
interface Query { then<R>(ok: (rows: Row[]) => R): Query }
declare function query(): Query;
`;
