// Node only: it makes realms that have nothing but the language, and what other browsers have, with node:vm.

import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";
import type * as Bridges from "@trestle/bridges";
import type * as Trestle from "trestle";
import type * as Mock from "trestle/mock";
import type * as Web from "trestle/web";
import config from "../../vitest.config.js";

interface Library {
  readonly trestle: typeof Trestle;
  readonly mock: typeof Mock;
  readonly web: typeof Web;
  readonly bridges: typeof Bridges;
}

let library: string;
beforeAll(async () => {
  const contents = ["trestle", "trestle/mock", "trestle/web", "@trestle/bridges"]
    .map((name) => `export * as ${name.replace(/.*\//, "")} from "${name}";`)
    .join("\n");
  const aliases = config.resolve!.alias as { find: RegExp; replacement: string }[];
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    format: "iife",
    globalName: "library",
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
  library = outputFiles[0]!.text;
});

/** Loads the packages into a realm of their own, in which there is what `globals` has and what the language has. */
function load(globals: object): Library {
  const text = `delete Error.captureStackTrace;\n${library}\nlibrary;`;
  return runInContext(text, createContext(globals), { filename: "library.js" }) as Library;
}

/** As pages have them: each message is a task of its own, and others get their turn in between. */
class PageChannel {
  readonly port1 = new PagePort();
  readonly port2 = new PagePort();

  constructor() {
    this.port1.other = this.port2;
    this.port2.other = this.port1;
  }
}

class PagePort {
  other: PagePort | undefined;
  onmessage: (() => void) | null = null;

  postMessage(): void {
    setImmediate(() => this.other!.onmessage?.());
  }
}

describe("with nothing but the language", () => {
  it("EN-06 fibers, buffers, streams and mocks need nothing of Node", () => {
    const { trestle, mock } = load({ TextDecoder, TextEncoder });
    const { BufRead, BufWrite, ExecutorPool, Fiber, Flow, Stream, Switch } = trestle;
    const log: unknown[] = [];
    mock.run(
      function* () {
        const words = new Stream<string>(1);
        const flow = new mock.MockFlow("flow");
        flow.onRead.seq([{ return: "tea\ncof" }, { return: "fee\n" }]);
        const reader = new BufRead(flow, { maxSize: 100 });
        const sink = Flow.bufferSink();
        yield* Fiber.both(
          function* () {
            yield* words.add(yield* reader.line());
            yield* words.add(yield* reader.line());
          },
          function* () {
            yield* BufWrite.withFlow(sink, function* (writer) {
              writer.string(`${yield* words.take()}, ${yield* words.take()}`);
            });
          },
        );
        log.push(sink.text);
        yield* mock.MockDomainManager.run((domainMgr) =>
          Switch.run(function* (sw) {
            const pool = yield* ExecutorPool.create(domainMgr, { sw, domainCount: 2 });
            log.push(yield* pool.submitOrThrow(() => Fiber.map([1, 2], (n) => double(n))));
          }),
        );
        function* double(n: number): Trestle.Op<number> {
          return 2 * n;
        }
      },
      { traceln: () => {} },
    );
    // Arrays of another realm.
    expect(JSON.stringify(log)).toBe('["tea, coffee",[2,4]]');
  });

  it("the mock world runs: switches, cells, locks, clocks, cancellation", () => {
    const { trestle, mock } = load({});
    const { Cancel, Cancelled, Deferred, Fiber, Semaphore, Switch } = trestle;
    const log: string[] = [];
    mock.run(function* ({ clock, monoClock }) {
      const [cell, resolver] = Deferred.create<string>();
      const semaphore = new Semaphore(1);
      yield* Switch.run(function* (sw) {
        yield* Fiber.fork(sw, function* () {
          log.push(`cell: ${yield* cell.await()}`);
        });
        yield* Fiber.forkDaemon(sw, function* () {
          try {
            yield* Fiber.awaitCancel();
          } catch (error) {
            log.push(`daemon: ${error instanceof Cancelled}`);
          }
        });
        yield* semaphore.acquire();
        resolver.resolve("set");
        yield* Fiber.yield();
        semaphore.release();
      });
      yield* Cancel.sub(function* (cc) {
        cc.cancel("stop");
        try {
          yield* clock.sleep(1);
        } catch (error) {
          log.push(String(error));
        }
      });
      const late = yield* clock.withTimeout(2, function* () {
        yield* clock.sleep(3);
        return { ok: true, value: "in time" } as const;
      });
      log.push(`${JSON.stringify(late)} at ${clock.now()}, ${monoClock.now()}`);
    });
    expect(log).toEqual([
      "cell: set",
      "daemon: true",
      "Cancelled: stop",
      '{"ok":false,"error":"timeout"} at 2, 2000000000',
    ]);
  });

  it("the event loop is microtasks: fibers wait for promises, and promises for fibers", async () => {
    const { trestle, web, bridges } = load({});
    const { Fiber } = trestle;
    const [cell, resolver] = trestle.Deferred.create<number>();
    const waiting = web.run(function* ({ backendId }) {
      yield* Fiber.yield();
      return `${backendId} ${yield* cell.await()}`;
    });
    const answer = bridges.toPromise(function* () {
      return yield* Fiber.map([1, 2], function* (x) {
        yield* Fiber.yield();
        return x + (yield* bridges.fromPromise(Promise.resolve(10)));
      });
    });
    expect(Array.from(await answer)).toEqual([11, 12]);
    resolver.resolve(3);
    expect(await waiting).toBe("web 3");
  });

  it("a fiber that keeps the thread for long goes on", async () => {
    const { trestle, web } = load({});
    const turns = await web.run(function* () {
      const end = Date.now() + 30;
      let turns = 0;
      for (; Date.now() < end; turns++) yield* trestle.Fiber.yield();
      return turns;
    });
    expect(turns).toBeGreaterThan(1);
  });
});

describe("what it leaves in a realm", () => {
  const names = "JSON.stringify(Reflect.ownKeys(globalThis).map(String))";

  it("no global, because test runners take a new one for a leak", () => {
    const realm = createContext({});
    const before = new Set(JSON.parse(runInContext(names, realm) as string) as string[]);
    runInContext(`(() => { ${library} })();`, realm);
    const after = JSON.parse(runInContext(names, realm) as string) as string[];
    expect(after.filter((name) => !before.has(name))).toEqual([]);
  });

  it("nothing where nothing may be added", () => {
    const realm = createContext({});
    runInContext("Object.freeze(Symbol);", realm);
    const text = `"use strict"; (() => { ${library} return library; })().mock.run(function* () { return 7; })`;
    expect(runInContext(text, realm)).toBe(7);
  });
});

describe("without Error.captureStackTrace", () => {
  it("a report says where a fiber was forked all the same", () => {
    const { trestle, mock } = load({});
    const { Deferred, Fiber, Switch } = trestle;
    const [cell] = Deferred.create<void>({ label: "reply" });
    const stuck = () =>
      mock.run(() =>
        Switch.run(function* (sw) {
          yield* Fiber.fork(sw, () => cell.await(), { name: "client" });
          yield* Fiber.first(
            () => cell.await(),
            () => cell.await(),
          );
        }),
      );
    expect(stuck).toThrow(/"client" waits for Deferred "reply", forked at .*bare\.node\.test\.ts:\d+/);
    // Both of the race, too: each line names this file and not the library.
    expect(stuck).toThrow(/^(?:(?!library\.js).)*$/s);
  });
});

describe.each([
  ["messages and timers, and a monotonic clock", { MessageChannel: PageChannel, performance }],
  ["messages and timers", { MessageChannel: PageChannel }],
  ["Node's messages and timers", { MessageChannel }],
  ["timers, and a monotonic clock", { performance }],
  ["timers alone", {}],
])("with %s", (_, own) => {
  it("SC-15 SC-16 a fiber that yields for ever keeps neither timers nor messages from coming", async () => {
    let timers = 0;
    const counted = (callback: () => void, ms: number) => {
      timers++;
      return setTimeout(callback, ms);
    };
    const { trestle, web } = load({ clearTimeout, setTimeout: counted, ...own });
    const { Fiber, suspend } = trestle;
    const seen = await web.run(function* ({ clock }) {
      const seen: string[] = [];
      yield* Fiber.first(
        function* () {
          for (;;) yield* Fiber.yield();
        },
        function* () {
          yield* clock.sleep(0.03);
          seen.push("timer");
          yield* suspend<void>("message", (_ctx, enqueue) => {
            const { port1, port2 } = new PageChannel();
            port1.onmessage = () => enqueue({ ok: true, value: undefined });
            port2.postMessage();
          });
          seen.push("message");
        },
      );
      return seen.join();
    });
    expect(seen).toBe("timer,message");
    // The sleeper's own, and another if it comes early; without messages the turns in between are timers, too.
    if ("MessageChannel" in own && own.MessageChannel === PageChannel) expect(timers).toBeLessThan(3);
    else expect(timers).toBeGreaterThan(1);
  });
});
