/** The packages load wherever old code lives, and however they are loaded there is one scheduler in the process. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { folderOf, Installation, node, oldTools, workspace } from "./project.js";

let installation: Installation;
/** Every name to import: the packages and all their subpaths, but those for libraries that are younger than some of the loaders. */
let names: string[];

beforeAll(async () => {
  installation = await Installation.create();
  // For the subpaths that are of no use without.
  installation.addPeer("rxjs");
  names = ["trestle", "@trestle/bridges"].flatMap((name) => {
    const path = join(installation.folder, "node_modules", name, "package.json");
    const { exports } = JSON.parse(readFileSync(path, "utf8")) as { exports: object };
    return Object.keys(exports).flatMap((key) =>
      /^\.\/(package\.json|bullmq|effect|effection)$/.test(key) ? [] : [name + key.slice(1)],
    );
  });
}, 60_000);
afterAll(() => installation.remove());

/** Runs one module of a project of its own. */
function program(name: string, file: string, text: string): ReturnType<typeof node> {
  return node(installation.project(name, { [file]: text }), [file]);
}

/** In any loader: a fiber, a clock, both directions of a bridge, the mock. Gives "2 late 3". */
const body = `
  const [cell, resolver] = Deferred.create();
  const two = await toPromise(() => Fiber.map([1], function* (x) { yield* Fiber.yield(); return x + 1; }));
  const late = await run(function* (env) {
    yield* Fiber.both(() => cell.await(), function* () {
      yield* env.clock.sleep(0.001);
      resolver.resolve(yield* fromAsync(async () => "late"));
    });
    return yield* cell.await();
  });
  const three = mock.run(function* (env) { yield* env.clock.sleep(1000); return 3; });
  const printed = [two, late, three].join(" ");
`;
const required = `
  const { Deferred, Fiber } = require("trestle");
  const { run } = require("trestle/node");
  const mock = require("trestle/mock");
  const { fromAsync, toPromise } = require("@trestle/bridges");
`;
const imported = `
  import { Deferred, Fiber } from "trestle";
  import { run } from "trestle/node";
  import * as mock from "trestle/mock";
  import { fromAsync, toPromise } from "@trestle/bridges";
`;

describe("Node", () => {
  it("an ES module imports the packages", async () => {
    const text = `${imported} ${body} console.log(printed);`;
    expect(await program("import", "main.mjs", text)).toEqual({ code: 0, text: "2 late 3\n" });
  });

  it("a CommonJS module requires the packages", async () => {
    const text = `${required} (async () => { ${body} console.log(printed); })();`;
    expect(await program("require", "main.cjs", text)).toEqual({ code: 0, text: "2 late 3\n" });
  });

  it("a CommonJS module imports the packages when it needs them", async () => {
    const text = `(async () => {
      const { Deferred, Fiber } = await import("trestle");
      const { run } = await import("trestle/node");
      const mock = await import("trestle/mock");
      const { fromAsync, toPromise } = await import("@trestle/bridges");
      ${body}
      console.log(printed);
    })();`;
    expect(await program("dynamic", "main.cjs", text)).toEqual({ code: 0, text: "2 late 3\n" });
  });

  const peers = [
    ["effect", "fromEffect(Effect.succeed(42))", 'const { Effect } = MODULE("effect");'],
    [
      "effection",
      "fromOperation(function* () { yield* (yield* spawn(() => sleep(1))); return 42; })",
      'const { sleep, spawn } = MODULE("effection");',
    ],
    ["bullmq", "(function* () { return typeof serveQueue === 'function' ? 42 : 0; })()", ""],
  ] as const;

  it.each(peers)("BO-05 the subpath for %s loads with it, or says that it is missing", async (name, op, uses) => {
    const text = (load: string) => `
    const { run } = ${load}("trestle/node");
    const { fromEffect, fromOperation, serveQueue } = ${load}("@trestle/bridges/${name}");
    ${uses.replace("MODULE", load)}
    console.log(await run(() => ${op}));`;
    const absent = `
    const { run } = require("trestle/node");
    const { fromAsync } = require("@trestle/bridges");
    let missing;
    try {
      require("@trestle/bridges/${name}");
    } catch (error) {
      missing = error.message.split("\\n")[0];
    }
    run(() => fromAsync(async () => 42)).then((value) => console.log(missing, value));`;
    const { text: told } = await program(`${name}-absent`, "main.cjs", absent);
    expect(told).toMatch(new RegExp(`^Cannot find (module|package) '${name}\\b.*' 42\n$`));
    installation.addPeer(name);
    const present = { code: 0, text: "42\n" };
    expect(await program(`${name}-esm`, "main.mjs", text("await import"))).toEqual(present);
    expect(await program(`${name}-cjs`, "main.cjs", `(async () => { ${text("require")} })();`)).toEqual(present);
  });

  it("the subpath for RxJS loads with RxJS 9, which lacks what it extends in RxJS 7", async () => {
    const text = `import { collect, toPromise } from "@trestle/bridges";
      import { toObservable, toSubscription } from "@trestle/bridges/rxjs";
      import { Fiber, Switch } from "trestle";
      const letters = toObservable(function* (emit) {
        yield* emit("a");
        yield* Fiber.yield();
        yield* emit("b");
      });
      console.log(letters instanceof Observable, (await toPromise(() => collect(letters))).join(" "));
      console.log(await toPromise(() => Switch.run(function* (sw) { return toSubscription(sw).closed; })));`;
    const folder = installation.project("rxjs9", { "main.mjs": text }, { rxjs: folderOf(workspace, "rxjs9") });
    await installation.extract(join(folder, "node_modules"));
    expect(await node(folder, ["main.mjs"])).toEqual({ code: 0, text: "true a b\nfalse\n" });
  });

  it("what is imported is what is required, name by name, in each subpath", async () => {
    const text = `import { createRequire } from "node:module";
      const require = createRequire(import.meta.url);
      let same = 0;
      for (const name of ${JSON.stringify(names)}) {
        const imported = await import(name);
        const required = require(name);
        const keys = (module) => Object.keys(module).filter((key) => key !== "__esModule" && key !== "default").sort();
        if (keys(imported).join() !== keys(required).join()) console.log(name, keys(imported), keys(required));
        for (const key of keys(required)) {
          if (imported[key] === required[key]) same++;
          else console.log(name, key);
        }
      }
      console.log(same > 100);`;
    expect(await program("identity", "main.mjs", text)).toEqual({ code: 0, text: "true\n" });
  });

  it("a fiber that an ES module runs waits for a cell that CommonJS code made and resolves, in one run queue", async () => {
    const folder = installation.project("mixed", {
      "cell.cjs": `const { Deferred, Fiber } = require("trestle");
        const { toPromise } = require("@trestle/bridges");
        const [cell, resolver] = Deferred.create();
        exports.cell = cell;
        exports.count = (log) => toPromise(function* () {
          for (let i = 0; i < 3; i++) { log("required " + i); yield* Fiber.yield(); }
          resolver.resolve("from CommonJS");
        });`,
      "main.mjs": `import { Deferred, Fiber } from "trestle";
        import { run } from "trestle/node";
        import { fromPromise } from "@trestle/bridges";
        import { cell, count } from "./cell.cjs";
        const log = [];
        const value = await run(function* () {
          const counted = count((line) => log.push(line));
          for (let i = 0; i < 3; i++) { log.push("imported " + i); yield* Fiber.yield(); }
          yield* fromPromise(counted);
          return yield* cell.await();
        });
        console.log(cell instanceof Deferred, value, log.join(", "));`,
    });
    expect(await node(folder, ["main.mjs"])).toEqual({
      code: 0,
      text: "true from CommonJS required 0, imported 0, required 1, imported 1, required 2, imported 2\n",
    });
  });

  it("a resolver that does not read `exports` finds a plain file for each subpath, and it is the same module", async () => {
    const text = `const { sync } = require(${JSON.stringify(oldTools.resolve("resolve"))});
      for (const name of ${JSON.stringify(names)}) {
        const plain = require(sync(name, { basedir: __dirname }));
        const keys = Object.keys(require(name));
        if (!keys.every((key) => plain[key] === require(name)[key])) console.log(name);
      }`;
    expect(await program("plain", "main.cjs", text)).toEqual({ code: 0, text: "" });
  });

  it("a dependency that brings a copy of its own fails with an error that names both copies", async () => {
    const folder = installation.project("two copies", {
      "node_modules/jobs/index.js": `const { Fiber, Semaphore, Switch } = require("trestle");
        const slots = new Semaphore(1);
        exports.take = () => slots.acquire();
        exports.fork = (sw) => Fiber.fork(sw, () => Fiber.yield());`,
      "main.mjs": `import { Switch } from "trestle";
        import { run } from "trestle/node";
        import jobs from "jobs";
        const attempt = (body) => run(body).catch((error) => console.log(error.name + ": " + error.message));
        await attempt(() => jobs.take());
        await attempt(() => Switch.run(jobs.fork));`,
    });
    await installation.extract(join(folder, "node_modules", "jobs", "node_modules"));
    const { code, text } = await node(folder, ["main.mjs"]);
    const its = join(folder, "node_modules", "jobs", "node_modules", "trestle", "dist", "cjs");
    const ours = join(installation.folder, "node_modules", "trestle", "dist", "cjs");
    const both = `one was loaded from ${its}, another from ${ours}; see that one version is installed, and that everything imports it in the same way`;
    expect(text.split("\n")).toEqual([
      `NotInFiberError: Semaphore.acquire needs a current fiber, and the one that is running belongs to another copy of trestle: ${both}`,
      `TypeError: Fiber.fork: "sw" must be a Switch, got an object of class Switch of another copy of trestle: ${both}`,
      "",
    ]);
    expect(code).toBe(0);
  });

  it("what is internal cannot be imported", async () => {
    const text = `for (const name of ["trestle/engine/drive", "trestle/node/run", "@trestle/bridges/crossing/drive"]) {
        await import(name).catch((error) => console.log(error.code));
      }`;
    const hidden = "ERR_PACKAGE_PATH_NOT_EXPORTED\n";
    expect(await program("internal", "main.mjs", text)).toEqual({ code: 0, text: hidden.repeat(3) });
  });
});

describe("Jest", () => {
  it("loads the packages with its own loader: under Babel, without it, in a browser's likeness, and as ES modules", async () => {
    const test = `test("fibers run", async () => { ${body} expect(printed).toBe("2 late 3"); });`;
    const project = (displayName: string, options: object) => ({
      displayName,
      testMatch: ["**/*.test.js"],
      ...options,
    });
    const folder = installation.project("jest", {
      "package.json": {},
      "required.test.js": `${required} ${test}`,
      "again.test.js": `${required} ${test}`,
      "imported.test.mjs": `${imported} ${test}`,
      "jest.config.json": {
        projects: [
          project("babel", {}),
          project("plain", { transform: {} }),
          // The conditions of jest-environment-jsdom.
          project("browser", { transform: {}, testEnvironmentOptions: { customExportConditions: ["browser"] } }),
          project("modules", { transform: {}, testMatch: ["**/*.test.mjs"] }),
        ],
      },
    });
    const jest = join(folderOf(oldTools, "jest"), "bin", "jest.js");
    const { code, text } = await node(folder, [
      "--experimental-vm-modules",
      "--no-warnings",
      jest,
      "--ci",
      "--runInBand",
    ]);
    expect(text).toMatch(/^Tests: +7 passed, 7 total$/m);
    expect(code).toBe(0);
  });
});

describe("ts-node", () => {
  it("compiles and runs a CommonJS program with an old TypeScript that finds modules as old Node did", async () => {
    const folder = installation.project(
      "ts-node",
      {
        "package.json": {},
        "tsconfig.json": {
          compilerOptions: {
            module: "commonjs",
            moduleResolution: "node",
            target: "es2019",
            lib: ["es2019"],
            types: [],
            strict: true,
          },
        },
        "uses.ts": readFileSync(join(import.meta.dirname, "uses.ts"), "utf8"),
        "main.ts": `import { main } from "./uses"; declare const console: { log(text: string): void }; void main().then(console.log);`,
      },
      { typescript: folderOf(oldTools, "typescript"), "@types/node": folderOf(workspace, "@types/node") },
    );
    const tsNode = join(folderOf(oldTools, "ts-node"), "dist", "bin.js");
    expect(await node(folder, [tsNode, "main.ts"])).toEqual({ code: 0, text: "6 3 text 10\n" });
  });
});

describe("Vitest", () => {
  it("loads a linked package, which it evaluates by itself, with one scheduler all the same", async () => {
    const linked = join(installation.folder, "linked");
    await installation.extract(linked);
    installation.project("linked", {}, { trestle: join(linked, "trestle") });
    const folder = installation.project(
      "vitest",
      {
        "package.json": { type: "module" },
        "linked.test.js": `import { createRequire } from "node:module"; import { expect, test } from "vitest";
          ${imported}
          test("fibers run", async () => { ${body} expect(printed).toBe("2 late 3"); });
          test("what is imported is what is required", () => {
            const require = createRequire(import.meta.url);
            expect(require("trestle").Fiber.fork).toBe(Fiber.fork);
            expect(require("@trestle/bridges").toPromise).toBe(toPromise);
          });`,
      },
      {
        trestle: join(linked, "trestle"),
        "@trestle/bridges": join(linked, "@trestle", "bridges"),
        vitest: folderOf(workspace, "vitest"),
      },
    );
    const vitest = join(folderOf(workspace, "vitest"), "vitest.mjs");
    const { code, text } = await node(folder, [vitest, "run", "--root", folder]);
    expect(text).toMatch(/Tests +2 passed \(2\)/);
    expect(code).toBe(0);
  });
});
