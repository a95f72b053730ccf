// Node only: disposal of what Node opens, and of everything in realms that know no symbols for it, made with node:vm.

import { createContext, runInContext } from "node:vm";
import { open } from "node:fs/promises";
import { createServer } from "node:net";
import { build } from "esbuild";
import { expect, it } from "vitest";
import { Switch, suspend } from "trestle";
import { run } from "trestle/node";
import { fromPromise } from "@trestle/bridges";
import config from "../../vitest.config.js";

it("Switch.own closes files, servers and timers of Node", async () => {
  let fired = false;
  const { file, server } = await run(() =>
    Switch.run(function* (sw) {
      const file = yield* sw.own(yield* fromPromise(open(import.meta.filename)));
      expect(file.fd).toBeGreaterThan(0);
      const server = yield* sw.own(createServer());
      yield* suspend<void>("listen", (_ctx, enqueue) => {
        server.listen(0, () => enqueue({ ok: true, value: undefined }));
      });
      yield* sw.own(setTimeout(() => (fired = true), 1));
      return { file, server };
    }),
  );
  expect(file.fd).toBe(-1);
  expect(server.listening).toBe(false);
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(fired).toBe(false);
});

/** Bundles a program, its `using` lowered, and runs it where `Symbol` has neither `dispose` nor `asyncDispose`. */
async function runWithoutSymbols(program: string): Promise<unknown> {
  const aliases = config.resolve!.alias as { find: RegExp; replacement: string }[];
  const { outputFiles } = await build({
    stdin: { contents: program, resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    format: "iife",
    globalName: "program",
    target: "es2022",
    plugins: [
      {
        name: "sources",
        setup(build) {
          build.onResolve({ filter: /^(trestle|@trestle\/bridges)(\/|$)/ }, ({ path }) => {
            const alias = aliases.find(({ find }) => find.test(path))!;
            return { path: path.replace(alias.find, alias.replacement) };
          });
        },
      },
    ],
  });
  const older = `{
    const Whole = Symbol;
    const names = Object.getOwnPropertyNames(Whole).filter((name) => !/dispose/i.test(name));
    globalThis.Symbol = Object.defineProperties(
      (description) => Whole(description),
      Object.fromEntries(names.map((name) => [name, Object.getOwnPropertyDescriptor(Whole, name)])),
    );
  }`;
  const text = `${older}\n${outputFiles[0]!.text}\nprogram.default;`;
  return await runInContext(text, createContext({ setTimeout }));
}

it("where the platform has no symbols for disposal, nothing is patched, and using works as compilers lower it", async () => {
  const results = await runWithoutSymbols(`
    import { Condition, Fiber, Mutex, Semaphore, Switch, asyncDispose, dispose, startRoot } from "trestle";
    import { fromObservable, fromPromise, toPromise } from "@trestle/bridges";

    const mutex = new Mutex();
    const sem = new Semaphore(1);
    const condition = new Condition();
    const log = [];

    async function main() {
      log.push(Symbol.dispose, Symbol.asyncDispose);
      await toPromise(function* () {
        using held = yield* mutex.hold();
        using permit = yield* sem.hold();
        using request = condition.registerImmediate(() => log.push("never"));
        log.push(mutex.isLocked(), sem.value);
      });
      condition.broadcast();
      log.push(mutex.isLocked(), sem.value);
      {
        await using root = startRoot(() => Fiber.awaitCancel(), { onDone: ({ ok }) => log.push(ok) });
      }
      await toPromise(() => Switch.run(function* (sw) {
        const values = yield* fromObservable(sw, { subscribe: () => () => log.push("unsubscribed") });
        yield* fromPromise(values[asyncDispose]());
        using hook = sw.addHook(() => log.push("never"));
        // As our own, and as objects of programs whose compiler makes up for the symbols.
        yield* sw.own({ [dispose]: () => log.push("ours") });
        yield* sw.own({ [asyncDispose]: async () => log.push("ours, asynchronous") });
        yield* sw.own({ [Symbol.for("Symbol.dispose")]: () => log.push("theirs") });
        // Not by the name that a missing symbol is converted to.
        try {
          sw.own({ undefined: () => log.push("never") });
        } catch (error) {
          log.push(error.name);
        }
      }));
      return log;
    }
    export default main();
  `);
  expect(Array.from(results as unknown[])).toEqual([
    undefined,
    undefined,
    true,
    0,
    false,
    1,
    false,
    "unsubscribed",
    "TypeError",
    "theirs",
    "ours, asynchronous",
    "ours",
  ]);
});
