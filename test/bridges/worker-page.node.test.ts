// Node only: it starts a browser, and has workers and ports of the web do in a page what those of Node do in the other suite.

import { existsSync } from "node:fs";
import { chromium, type Browser, type Page } from "playwright";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundle } from "../bundle.js";
import { launchOptions } from "../matrix/chromium.js";

const worker = `
  import { Cancel, Fiber } from "trestle";
  import { run } from "trestle/web";
  import { parentPort, servePort, toWorker } from "@trestle/bridges/worker";
  const served = {
    *add(a: number, b: number) { return a + b; },
    *fail() { throw Object.assign(new RangeError("refused"), { code: "NO" }); },
    *stuck() {
      try { return yield* Fiber.awaitCancel(); } finally { yield* Cancel.protect(() => Fiber.yield()); }
    },
    *crash() { setTimeout(() => { throw new TypeError("worker broken"); }); return yield* Fiber.awaitCancel(); },
  };
  if (self.name === "body") {
    toWorker(function* (data: { a: number; fail?: boolean; wait?: boolean }) {
      if (data.fail) throw Object.assign(new RangeError("refused"), { code: "NO" });
      if (data.wait) yield* Fiber.awaitCancel();
      return data.a * 2;
    });
  } else void run(() => servePort(parentPort(), served));
`;

const page_ = `
  import { Cancel, Cancelled, Fiber, Switch, type Op } from "trestle";
  import { toPromise } from "@trestle/bridges";
  import { call, Done, fromPort, portPair, runWorker, toPort } from "@trestle/bridges/worker";

  function* caught(body: () => Op<unknown>): Op<unknown> {
    try {
      return yield* body();
    } catch (error) {
      return error instanceof Cancelled ? "Cancelled" : error.name + " " + error.message + " " + (error.code ?? "");
    }
  }
  const cancelled = (body: () => Op<unknown>) => caught(() => Cancel.sub(function* (cc) {
    setTimeout(() => cc.cancel("enough"), 50);
    return yield* body();
  }));
  const started = () => new Worker(URL.createObjectURL(new Blob([program])));
  const options = (data: unknown) => ({ eval: true, name: "body", data });

  globalThis.tests = {
    *values(sw: Switch) {
      const [here, there] = portPair();
      there.postMessage("before");
      const plain = yield* fromPort(sw, here);
      const first = yield* plain.recv.next();
      const [left, right] = portPair();
      const sender = yield* fromPort(sw, left, { credit: 2 });
      const taker = yield* fromPort(sw, right, { credit: 2 });
      let sent = 0;
      yield* Fiber.fork(sw, function* () {
        for (; sent < 6; sent++) yield* sender.send(sent);
        sender.close();
      });
      const got = [first];
      for (let value = yield* taker.recv.next(); value !== Done; value = yield* taker.recv.next()) got.push(value);
      got.push(yield* caught(() => taker.send(1)));
      return got;
    },
    *detached(sw: Switch) {
      const [here] = portPair();
      const { send } = yield* fromPort(sw, here);
      const buffer = new ArrayBuffer(8);
      yield* send(buffer, [buffer]);
      return [buffer.byteLength, yield* caught(() => send(buffer, [buffer])), yield* caught(() => send(() => {}))];
    },
    *calls(sw: Switch) {
      const port = yield* toPort(sw, { *twice(n: number) { return 2 * n; } });
      const worker = started();
      const results = [
        yield* call(port, "twice", [21]),
        yield* call(worker, "add", [1, 2]),
        yield* caught(() => call(worker, "fail")),
        yield* cancelled(() => call(worker, "stuck")),
        yield* caught(() => call(worker, "crash")),
      ];
      worker.terminate();
      return results;
    },
    *workers() {
      return [
        yield* runWorker(program, options({ a: 21 })),
        yield* caught(() => runWorker(program, options({ fail: true }))),
        yield* cancelled(() => runWorker(program, options({ wait: true }))),
        yield* runWorker("onmessage = ({ data }) => postMessage(data + 1)", { eval: true, data: 1 }),
      ];
    },
  };
  globalThis.perform = (name: string) => toPromise(() => Switch.run((sw) => globalThis.tests[name](sw)));
`;

const { executablePath } = launchOptions;
const found = existsSync(executablePath);

describe.skipIf(!found)(found ? "in a page" : `in a page (skipped: there is no Chromium at ${executablePath})`, () => {
  let browser: Browser;
  let page: Page;
  const wrong: string[] = [];
  beforeAll(async () => {
    browser = await chromium.launch(launchOptions);
    page = await browser.newPage();
    page.on("pageerror", (error) => wrong.push(String(error)));
    const program = await bundle(worker, "page");
    await page.addScriptTag({ content: `globalThis.program = ${JSON.stringify(program)};` });
    await page.addScriptTag({ content: await bundle(page_, "page") });
  }, 60_000);
  afterAll(() => browser?.close());

  it.each([
    [
      "BZ-01 BZ-05 BZ-10 values, counted",
      "values",
      ["before", 0, 1, 2, 3, 4, 5, expect.stringMatching(/^ClosedError/)],
    ],
    [
      "BZ-02 what is gone",
      "detached",
      [0, expect.stringMatching(/^DataCloneError/), expect.stringMatching(/^DataCloneError/)],
    ],
    [
      "BZ-03 BZ-08 BZ-09 calls",
      "calls",
      [42, 3, "RangeError refused NO", "Cancelled", expect.stringMatching(/worker broken/)],
    ],
    ["BZ-06 BZ-07 workers", "workers", [42, "RangeError refused NO", "Cancelled", 2]],
  ])("%s", async (_, name, expected) => {
    expect(await page.evaluate(`perform(${JSON.stringify(name)})`)).toEqual(expected);
    expect(wrong).toEqual([]);
  });
});
