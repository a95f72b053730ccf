// Node only: its domains are worker threads, and those of a page are in a browser that it starts. They do the same.

import { existsSync } from "node:fs";
import { chromium, type Browser, type Page } from "playwright";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "trestle/node";
import { bundle } from "../bundle.js";
import { launchOptions } from "../matrix/chromium.js";
import { expectNoUnhandledRejections } from "../platform.js";
import { cases, perform } from "./domain-suite.js";

expectNoUnhandledRejections();

describe("domains of Node", () => {
  const { href } = new URL("./domain-jobs.js", import.meta.url);
  it.each(cases.map(({ title, expected }) => [title, expected] as const))("%s", async (title, expected) => {
    const result = await run(({ domainMgr }) => perform(title, { domainMgr, module: href }));
    expect(result).toEqual(expected);
  });
});

const worker = `
  import { serveDomain } from "trestle/web";
  import * as jobs from "./core/domain-jobs.js";
  serveDomain(async (module) => {
    if (module !== "jobs") throw new Error("there is no module " + module);
    return jobs;
  });
`;

const inPage = `
  import { run, workerManager } from "trestle/web";
  import { Switch, type Op } from "trestle";
  import { perform } from "./core/domain-suite.js";

  const startWorker = ({ name }: { name: string }) => {
    globalThis.started.push(name);
    return new Worker(URL.createObjectURL(new Blob([globalThis.program])), { name });
  };
  const job = { module: "jobs", name: "add", args: [1, 2] };
  function* outcome(op: () => Op<unknown>): Op<string> {
    try {
      return "gives " + (yield* op());
    } catch (error) {
      return error.message;
    }
  }
  globalThis.started = [];
  globalThis.perform = (title: string) =>
    run(() => perform(title, { domainMgr: workerManager(startWorker), module: "jobs" }));
  globalThis.others = () => run(function* () {
    const domainMgr = workerManager(startWorker);
    globalThis.started = [];
    return [
      yield* domainMgr.run({ module: "jobs", name: "world" }),
      yield* outcome(() => domainMgr.run({ ...job, module: "others" })),
      yield* outcome(() => domainMgr.run(job, { maxMemory: 10 })),
      yield* outcome(() => Switch.run(function* (sw) {
        const broken = workerManager(() => new Worker(URL.createObjectURL(new Blob(["no program("]))));
        return yield* (yield* broken.open({ sw, name: "broken" })).run(job);
      })),
      yield* outcome(() => workerManager(() => { throw new Error("no worker"); }).run(job)),
      yield* outcome(function* () { workerManager(1); }),
      globalThis.started,
    ];
  });
`;

const { executablePath } = launchOptions;
const found = existsSync(executablePath);

describe.skipIf(!found)(found ? "domains of a page" : `(skipped: there is no Chromium at ${executablePath})`, () => {
  let browser: Browser;
  let page: Page;
  const wrong: string[] = [];
  beforeAll(async () => {
    browser = await chromium.launch(launchOptions);
    page = await browser.newPage();
    page.on("pageerror", (error) => wrong.push(String(error)));
    page.on("console", (message) => wrong.push(message.text()));
    const program = await bundle(worker, "page");
    await page.addScriptTag({ content: `globalThis.program = ${JSON.stringify(program)};` });
    await page.addScriptTag({ content: await bundle(inPage, "page") });
  }, 60_000);
  afterAll(() => browser?.close());

  it.each(cases.map(({ title, expected }) => [title, expected] as const))("%s", async (title, expected) => {
    expect(await page.evaluate(`perform(${JSON.stringify(title)})`)).toEqual(expected);
    expect(wrong).toEqual([]);
    // All of them are gone with their switches; the browser takes its time with one that neither ends nor waits.
    await expect.poll(() => page.workers().length, { timeout: 30_000 }).toBe(0);
  });

  it("the world of a job, a module and a program that there are not, and what a page cannot do", async () => {
    expect(await page.evaluate("others()")).toEqual([
      "web",
      "there is no module others",
      "Not_available, limiting the memory of a worker",
      expect.stringMatching(/^broken: an error was not caught in the thread: /),
      "no worker",
      expect.stringMatching(/^workerManager: "startWorker" must be a function/),
      ["domain", "domain"],
    ]);
    expect(wrong).toEqual([]);
  });
});
