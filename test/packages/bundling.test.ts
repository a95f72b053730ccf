/** Bundlers take the ES modules, for browsers: the bundle runs there, has one scheduler, and only what is used. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createContext, runInContext } from "node:vm";
import { build, type BuildOptions } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Installation, node } from "./project.js";

let installation: Installation;
beforeAll(async () => {
  installation = await Installation.create();
}, 60_000);
afterAll(() => installation.remove());

/** Bundles a program, and gives the path and the text of the bundle. */
async function bundle(name: string, program: string, options: BuildOptions): Promise<{ path: string; text: string }> {
  const folder = installation.project(name, { "program.js": program });
  const path = join(folder, "bundle.cjs");
  const entryPoints = [join(folder, "program.js")];
  const { warnings } = await build({ entryPoints, outfile: path, bundle: true, logLevel: "silent", ...options });
  expect(warnings).toEqual([]);
  return { path, text: readFileSync(path, "utf8") };
}

/** What a page has that the bundle may use; there is no `require` and no `process`. */
const page = () =>
  createContext({ AbortController, MessageChannel, clearTimeout, performance, queueMicrotask, setTimeout }) as {
    result?: Promise<unknown>;
  };

describe("for browsers", () => {
  const browser: BuildOptions = { platform: "browser", format: "iife" };

  it("a bundle runs fibers and the portable bridges where there is nothing of Node", async () => {
    const { text } = await bundle(
      "browser",
      `import { Deferred, Fiber, Switch } from "trestle";
      import { systemClock } from "trestle/system-clock";
      import { fromAsync, toPromise } from "@trestle/bridges";
      globalThis.result = toPromise(() => Switch.run(function* (sw) {
        const [cell, resolver] = Deferred.create();
        yield* Fiber.fork(sw, function* () {
          yield* systemClock.sleep(0.001);
          resolver.resolve(yield* fromAsync(async (signal) => "aborted: " + signal.aborted));
        });
        return yield* cell.await();
      }));`,
      browser,
    );
    const context = page();
    runInContext(text, context);
    expect(await context.result).toBe("aborted: false");
    expect(text).not.toMatch(/\brequire\(/);
  });

  it("a bundle of modules of both kinds has one scheduler: what is required is what is imported", async () => {
    const { text } = await bundle(
      "mixed",
      `import { Deferred, Fiber } from "trestle";
      import { toPromise } from "@trestle/bridges";
      const core = require("trestle");
      const bridges = require("@trestle/bridges");
      globalThis.result = bridges.toPromise(function* () {
        const [cell, resolver] = Deferred.create();
        yield* core.Fiber.both(() => cell.await(), function* () { resolver.resolve(1); });
        return [core.Fiber.fork === Fiber.fork, core.Deferred === Deferred, bridges.toPromise === toPromise];
      });`,
      browser,
    );
    const context = page();
    runInContext(text, context);
    expect(await context.result).toEqual([true, true, true]);
  });

  it("a bundle holds nothing of what is not imported", async () => {
    const sizes: BuildOptions = { platform: "browser", format: "esm", minify: true };
    const unused = await bundle(
      "unused",
      `import { Deferred, Switch } from "trestle"; import { fromAsync } from "@trestle/bridges";`,
      sizes,
    );
    expect(unused.text.trim()).toBe("");
    const cell = await bundle(
      "cell",
      `import { Deferred } from "trestle"; globalThis.result = Deferred.create();`,
      sizes,
    );
    const all = await bundle("all", `import * as trestle from "trestle"; globalThis.result = trestle;`, sizes);
    expect(cell.text).not.toContain("SwitchFinished");
    expect(cell.text.length).toBeLessThan(all.text.length / 4);
  });
});

describe("for Node", () => {
  it("a bundle of modules of both kinds runs, and has one scheduler", async () => {
    const { path } = await bundle(
      "server",
      `import { Deferred, Fiber } from "trestle";
      import { run } from "trestle/node";
      import { toPromise } from "@trestle/bridges";
      const core = require("trestle");
      run(function* (env) {
        const [cell, resolver] = Deferred.create();
        yield* core.Fiber.both(() => cell.await(), function* () {
          yield* env.clock.sleep(0.001);
          resolver.resolve(1);
        });
        return [core.Fiber.fork === Fiber.fork, require("@trestle/bridges").toPromise === toPromise].join();
      }).then(console.log);`,
      { platform: "node", format: "cjs" },
    );
    expect(await node(installation.folder, [path])).toEqual({ code: 0, text: "true,true\n" });
  });
});
