/**
 * A search field in a page: what is typed comes from RxJS, a fiber asks a server, and a request that nobody waits for any more is
 * aborted, as the server can tell. A real browser, a real server.
 */
import { existsSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { chromium, type Browser, type Page } from "playwright";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { bundle } from "../bundle.js";
import { launchOptions } from "../matrix/chromium.js";

/** What runs in the page. */
const program = `
  import { distinctUntilChanged, fromEvent, map } from "rxjs";
  import { Cancelled, Fiber, Switch, type Op } from "trestle";
  import { run } from "trestle/web";
  import { Done, fromAsync, fromObservable, once } from "@trestle/bridges";

  const field = document.querySelector("input")!;
  const list = document.querySelector("output")!;

  const words$ = fromEvent(field, "input").pipe(
    map(() => field.value),
    distinctUntilChanged(),
  );

  function* search(word: string): Op<string> {
    return yield* fromAsync(async (signal) => {
      const response = await fetch("/search?q=" + word, { signal });
      if (!response.ok) throw new Error("no answer: " + response.status);
      return await response.text();
    });
  }

  /** Shows what is found for a word, and stays until there is another one. */
  function* show(word: string): Op<never> {
    list.textContent = "...";
    try {
      list.textContent = yield* search(word);
    } catch (error) {
      if (error instanceof Cancelled) throw error;
      list.textContent = String(error);
    }
    return yield* Fiber.awaitCancel();
  }

  function* typeahead(): Op<void> {
    yield* Switch.run(function* (sw) {
      const words = yield* fromObservable<string>(sw, words$, { overflow: "latest" });
      let word = yield* words.next();
      while (word !== Done) {
        const current = word;
        // Whichever is first: the loser is cancelled, and has ended when the loop goes on.
        word = yield* Fiber.first<string | Done>(() => show(current), () => words.next());
      }
    });
  }

  globalThis.ended = run(() => Fiber.first<unknown>(typeahead, () => once(document.querySelector("button")!, "click")))
    .then(() => "closed", String);
  list.textContent = "ready";
`;

/** Searches: words are answered when the test says so, and those whose client has gone are counted. */
class Searches {
  readonly asked: string[] = [];
  readonly aborted: string[] = [];
  private readonly open = new Map<string, ServerResponse>();

  constructor(private readonly script: string) {}

  readonly handle = (path: string, response: ServerResponse): void => {
    const { pathname, searchParams } = new URL(path, "http://localhost");
    if (pathname === "/") {
      response.setHeader("content-type", "text/html");
      response.end(
        '<!doctype html><link rel="icon" href="data:,"><input><button>close</button><output></output><script src="/script.js"></script>',
      );
    } else if (pathname === "/script.js") {
      response.setHeader("content-type", "text/javascript").end(this.script);
    } else {
      const word = searchParams.get("q")!;
      this.asked.push(word);
      this.open.set(word, response);
      response.on("close", () => {
        this.open.delete(word);
        if (!response.writableFinished) this.aborted.push(word);
      });
    }
  };

  answer(word: string, status = 200): void {
    const response = this.open.get(word)!;
    response.statusCode = status;
    response.end(`found ${word}`);
  }
}

async function until(met: () => boolean): Promise<void> {
  while (!met()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const { executablePath } = launchOptions;
const found = existsSync(executablePath);
const title = found ? "a search field" : `a search field (skipped: there is no Chromium at ${executablePath})`;

describe.skipIf(!found)(title, () => {
  let script: string;
  let browser: Browser;
  let server: Server;
  let searches: Searches;
  let page: Page;
  let wrong: string[];

  beforeAll(async () => {
    script = await bundle(program, "page");
    browser = await chromium.launch(launchOptions);
  }, 60_000);
  afterAll(() => browser?.close());

  beforeEach(async () => {
    searches = new Searches(script);
    server = createServer((request, response) => searches.handle(request.url!, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    page = await browser.newPage();
    wrong = [];
    page.on("pageerror", (error) => wrong.push(String(error)));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await shown("ready");
  });
  afterEach(async () => {
    await page.close();
    server.close();
    server.closeAllConnections();
    expect(wrong).toEqual([]);
  });

  const shown = (text: string) =>
    page.waitForFunction(`document.querySelector("output").textContent === ${JSON.stringify(text)}`);

  async function type(word: string): Promise<void> {
    await page.fill("input", word);
    await until(() => searches.asked.at(-1) === word);
  }

  it("shows what was found for the last word; the server is told to forget the ones before it", async () => {
    for (const word of ["t", "te", "tea"]) await type(word);
    await until(() => searches.aborted.length === 2);
    expect(searches.asked).toEqual(["t", "te", "tea"]);
    searches.answer("tea");
    await shown("found tea");
    await type("teal");
    searches.answer("teal");
    await shown("found teal");
    expect(searches.aborted).toEqual(["t", "te"]);
  });

  it("goes on after a failure", async () => {
    await type("t");
    searches.answer("t", 500);
    await shown("Error: no answer: 500");
    await type("te");
    searches.answer("te");
    await shown("found te");
    expect(searches.aborted).toEqual([]);
  });

  it("when it is closed, aborts what is under way, and listens no more", async () => {
    await type("t");
    await page.click("button");
    expect(await page.evaluate("globalThis.ended")).toBe("closed");
    await until(() => searches.aborted.length === 1);
    await page.fill("input", "te");
    await page.evaluate("fetch('/search?q=last').then(() => {}), 0");
    await until(() => searches.asked.at(-1) === "last");
    expect(searches.asked).toEqual(["t", "last"]);
    searches.answer("last");
  });
});
