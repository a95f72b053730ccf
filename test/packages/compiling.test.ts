/** The declarations compile, every line of them checked, in projects with old and new compilers, libraries and kinds of resolution. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type TypeScript from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { folderOf, Installation, oldTools, workspace } from "./project.js";

const uses = readFileSync(join(import.meta.dirname, "uses.ts"), "utf8");

/** A compiler, with the parsed libraries of all its programs. */
class Compiler {
  readonly version: string;
  private readonly ts: typeof TypeScript;
  private readonly parsed = new Map<string, TypeScript.SourceFile | undefined>();

  constructor(from: NodeJS.Require) {
    this.ts = from("typescript") as typeof TypeScript;
    this.version = this.ts.versionMajorMinor;
  }

  /** What is wrong with a project whose files are all those of a folder. */
  errors(folder: string, compilerOptions: Record<string, unknown>): string[] {
    const { ts } = this;
    const strictest = { noEmit: true, strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true };
    const config = {
      compilerOptions: { ...strictest, skipLibCheck: false, target: "es2019", types: [], ...compilerOptions },
      include: ["*.ts", "*.mts", "*.cts"],
    };
    const { fileNames, options, errors } = ts.parseJsonConfigFileContent(config, ts.sys, folder);
    const host = ts.createCompilerHost(options);
    const parse = host.getSourceFile.bind(host);
    host.getSourceFile = (name, target, ...rest) => {
      const key = JSON.stringify([name, target]);
      if (!this.parsed.has(key)) this.parsed.set(key, parse(name, target, ...rest));
      return this.parsed.get(key);
    };
    const program = ts.createProgram(fileNames, options, host);
    // All declarations but the compiler's own and Node's: whether those compile is not our matter, and takes long.
    const checked = program
      .getSourceFiles()
      .filter(
        (file) =>
          !program.isSourceFileDefaultLibrary(file) && !/\/node_modules\/(@types|undici-types)\//.test(file.fileName),
      );
    const ours = [
      ...errors,
      ...program.getOptionsDiagnostics(),
      ...program.getGlobalDiagnostics(),
      ...checked.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]),
    ];
    const rows = ts.formatDiagnostics(ours, {
      getCanonicalFileName: (name) => name,
      getCurrentDirectory: () => folder,
      getNewLine: () => "\n",
    });
    return rows.trim() === "" ? [] : rows.trim().split("\n");
  }
}

const compilers = { old: new Compiler(oldTools), current: new Compiler(workspace) };

let installation: Installation;
/** One project whose modules are CommonJS, one whose are ES modules. */
let commonjs: string;
let esm: string;

beforeAll(async () => {
  installation = await Installation.create();
  const subpaths = ["trestle", "@trestle/bridges"].flatMap((name) => {
    const path = join(installation.folder, "node_modules", name, "package.json");
    const { exports } = JSON.parse(readFileSync(path, "utf8")) as { exports: object };
    // The declarations of RxJS and BullMQ need those of the DOM or of Node, which not every project here has; those of Effect and
    // Effection a younger compiler.
    return Object.keys(exports).flatMap((key) =>
      /^\.\/(package\.json|rxjs|bullmq|effect|effection)$/.test(key) ? [] : [name + key.slice(1)],
    );
  });
  const every = subpaths.map((subpath, i) => `export * as m${i} from "${subpath}";\n`).join("");
  const types = { "@types/node": folderOf(workspace, "@types/node") };
  commonjs = installation.project("commonjs", { "package.json": {}, "uses.ts": uses, "every.ts": every }, types);
  esm = installation.project("esm", { "package.json": { type: "module" }, "uses.ts": uses, "every.ts": every }, types);
}, 60_000);
afterAll(() => installation.remove());

const node10 = { module: "commonjs", moduleResolution: "node" };

describe(`TypeScript ${compilers.old.version}`, () => {
  it.each([
    ["es2017", { lib: ["es2017"] }],
    ["es2019", { lib: ["es2019"] }],
    ["es2019 and the DOM", { lib: ["es2019", "dom"] }],
    ["es2019 and the types of Node", { lib: ["es2019"], types: ["node"] }],
    ["all it knows", { lib: ["esnext", "dom"] }],
  ])("compiles a project that finds modules as old Node did, with the library %s", (_, library) => {
    expect(compilers.old.errors(commonjs, { ...node10, ...library })).toEqual([]);
  });

  it("compiles a project that finds modules as Node does, from CommonJS and from ES modules", () => {
    const node16 = { module: "node16", moduleResolution: "node16", lib: ["es2019"] };
    expect(compilers.old.errors(commonjs, node16)).toEqual([]);
    expect(compilers.old.errors(esm, node16)).toEqual([]);
  });
});

describe(`TypeScript ${compilers.current.version}`, () => {
  it.each([
    ["es2019", { lib: ["es2019"] }],
    ["es2019 and the DOM", { lib: ["es2019", "dom"] }],
    ["es2019 and the types of Node", { lib: ["es2019"], types: ["node"] }],
    ["all it knows, the DOM and the types of Node", { lib: ["esnext", "dom"], types: ["node"] }],
  ])("compiles a project that finds modules as bundlers do, with the library %s", (_, library) => {
    expect(compilers.current.errors(esm, { module: "esnext", moduleResolution: "bundler", ...library })).toEqual([]);
  });

  it("compiles a project that finds modules as Node does, from CommonJS and from ES modules", () => {
    const nodenext = { module: "nodenext", moduleResolution: "nodenext", lib: ["es2019"] };
    expect(compilers.current.errors(commonjs, nodenext)).toEqual([]);
    expect(compilers.current.errors(esm, nodenext)).toEqual([]);
  });

  it("compiles a project that finds modules as old Node did", () => {
    const options = { ...node10, lib: ["es2019"], ignoreDeprecations: "6.0" };
    expect(compilers.current.errors(commonjs, options)).toEqual([]);
  });

  it("takes what a CommonJS module made with the packages for what an ES module makes: classes have one declaration", () => {
    const mixed = installation.project("mixed", {
      "cell.cts": `import { Deferred, Switch } from "trestle";
        import { toAsync } from "@trestle/bridges";
        export const [cell, resolver] = Deferred.create<number>();
        export const within = (sw: Switch) => sw.check();
        export const run = toAsync(() => cell.await());`,
      "main.mts": `import { Deferred, Switch, type Op } from "trestle";
        import { forEachOf, type Subscribed } from "@trestle/bridges";
        import { cell, resolver, within } from "./cell.cjs";
        export const same: Deferred<number> = cell;
        export const main = (): Op<void> => Switch.run(function* (sw) { within(sw); resolver.resolve(1); });`,
    });
    expect(
      compilers.current.errors(mixed, { module: "nodenext", moduleResolution: "nodenext", lib: ["es2019"] }),
    ).toEqual([]);
  });

  it("gives the platform's own types where the project has them, and the least of them where it has not", () => {
    const signals = (name: string, body: string) =>
      installation.project(name, {
        "signals.ts": `import { cancelSignal, fromAsync, fromCallback, once, type Subscribed } from "@trestle/bridges";\n${body}`,
      });
    const bundler = { module: "esnext", moduleResolution: "bundler" };
    const known = signals(
      "known",
      `export function* f(target: EventTarget, values: Subscribed<number>, disposable: Disposable) {
        const signal: AbortSignal = yield* cancelSignal();
        const event: Event = yield* once(target, "click");
        yield* fromCallback(() => disposable);
        const end: AsyncDisposable = values;
        return [event.defaultPrevented, signal.throwIfAborted(), end];
      }
      export const response = fromAsync((signal) => fetch("/", { signal }));`,
    );
    expect(compilers.current.errors(known, { ...bundler, lib: ["esnext", "dom"] })).toEqual([]);
    const unknown = signals(
      "unknown",
      `export function* f(target: { addEventListener(): void; removeEventListener(): void }) {
        const signal = yield* cancelSignal();
        const aborted: boolean = signal.aborted;
        signal.addEventListener("abort", () => {});
        const type: string = (yield* once(target, "click")).type;
        // @ts-expect-error -- nothing to undo it by
        yield* fromCallback(() => ({}));
        return [aborted, type];
      }`,
    );
    expect(compilers.current.errors(unknown, { ...bundler, lib: ["es2019"] })).toEqual([]);
  });
});
