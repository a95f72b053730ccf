/** The packages as they are in their tarballs, in pages of Chromium, without a bundler: an import map says where they are. */
import { createServer, type Server } from "node:http";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { chromium, type Browser } from "playwright";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Installation } from "../packages/project.js";
import { launchOptions } from "./chromium.js";

let installation: Installation;
let browser: Browser;
let server: Server;
let address: string;
/** Where each subpath is on the server. */
let imports: Record<string, string>;
/** Pages and scripts, by path. */
const texts = new Map<string, string>();

beforeAll(async () => {
  installation = await Installation.create();
  imports = Object.assign({}, ...["trestle", "@trestle/bridges"].map(importsOf)) as Record<string, string>;
  const types: Record<string, string> = { ".js": "text/javascript", ".html": "text/html", "": "text/html" };
  server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, "http://localhost");
    const text = texts.get(pathname);
    void (text === undefined ? readFile(join(installation.folder, pathname)) : Promise.resolve(text)).then(
      (body) => response.writeHead(200, { "content-type": types[extname(pathname)] ?? "text/plain" }).end(body),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  browser = await chromium.launch(launchOptions);
}, 60_000);

afterAll(async () => {
  await browser?.close();
  server?.close();
  installation?.remove();
});

/** What an import map says of a package: what its `exports` say to who is neither Node nor a bundler. */
function importsOf(name: string): Record<string, string> {
  const folder = join("node_modules", name);
  const manifest = readFileSync(join(installation.folder, folder, "package.json"), "utf8");
  const { exports } = JSON.parse(manifest) as { exports: Record<string, { default: { default: string } } | string> };
  return Object.fromEntries(
    Object.entries(exports).flatMap(([subpath, entry]) =>
      typeof entry === "string" ? [] : [[join(name, subpath), `/${join(folder, entry.default.default)}`]],
    ),
  );
}

/** Runs a module in a page, and gives what it sets `result` to. `first` runs before anything else in the page. */
async function inPage(name: string, program: string, first = ""): Promise<unknown> {
  texts.set(
    `/${name}`,
    `<!doctype html><title>${name}</title><link rel="icon" href="data:,"><button>press</button>
    <script>${first}</script>
    <script type="importmap">${JSON.stringify({ imports })}</script>
    <script type="module">${program}</script>`,
  );
  const page = await browser.newPage();
  const wrong: string[] = [];
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("console", (message) => wrong.push(message.text()));
  page.on("requestfailed", (request) => wrong.push(request.url()));
  page.on("response", (response) => {
    if (!response.ok()) wrong.push(`${response.status()} ${response.url()}`);
  });
  await page.goto(`${address}/${name}`);
  await Promise.race([
    page.waitForFunction("globalThis.result !== undefined"),
    page.waitForEvent("pageerror").then(() => {}),
  ]);
  const result = await page.evaluate("globalThis.result");
  await page.close();
  expect(wrong).toEqual([]);
  return result;
}

it("a page loads every subpath that is not for Node, each module once", async () => {
  // Node's streams are Node's, the subpaths of RxJS, Effect and Effection are loaded by pages that have those, and BullMQ is for Node.
  const subpaths = Object.keys(imports).filter(
    (name) => !/\/(node(-|\/|$)|streams$|rxjs$|bullmq$|effect$|effection$)/.test(name),
  );
  expect(subpaths).toContain("trestle/web");
  const result = await inPage(
    "subpaths",
    `const names = ${JSON.stringify(subpaths)};
    const modules = await Promise.all(names.map((name) => import(name)));
    const { Fiber } = await import("trestle");
    globalThis.result = [modules.length, (await import("trestle/fiber")).fork === Fiber.fork];`,
  );
  expect(result).toEqual([subpaths.length, true]);
});

const program = `
  import { Cancel, Deferred, Fiber, Stream, Switch } from "trestle";
  import { run } from "trestle/web";
  import * as mock from "trestle/mock";
  import { events, fromAsync, toPromise } from "@trestle/bridges";

  const lengths = await run(function* ({ clock }) {
    const limited = yield* clock.withTimeout(0.01, () => Fiber.awaitCancel());
    const words = new Stream(1);
    return [limited.error, ...(yield* Fiber.map(["tea", "coffee"], function* (word) {
      yield* Fiber.both(() => words.add(word), () => words.take());
      yield* clock.sleep(0.001);
      return word.length;
    }))];
  });
  const presses = toPromise(() => Switch.run(function* (sw) {
    const pressed = yield* events(sw, document.querySelector("button"), "click");
    return [(yield* pressed.next()).type, (yield* pressed.next()).type];
  }));
  document.querySelector("button").click();
  document.querySelector("button").click();
  const aborted = await toPromise(() => Cancel.sub(function* (cc) {
    setTimeout(() => cc.cancel("enough"), 5);
    yield* fromAsync((signal) => new Promise((_, no) => signal.addEventListener("abort", () => no(signal.reason))));
  })).catch((error) => error.name);
  const late = mock.run(function* ({ clock }) { yield* clock.sleep(3600); return clock.now(); });
  let place;
  try {
    mock.run(() => Switch.run(function* (sw) {
      yield* Fiber.fork(sw, function stuck() { return Deferred.create({ label: "never" })[0].await(); });
    }));
  } catch (error) {
    place = error.waiting.find(({ name }) => name === "stuck").forkedAt.replace(/^.*127.0.0.1:\\d+/, "").replace(/:.*/, "");
  }
  globalThis.result = { lengths, presses: await presses, aborted, late, place };
`;
const expected = {
  lengths: ["timeout", 3, 6],
  presses: ["click", "click"],
  aborted: "AbortError",
  late: 3600,
};

it("fibers, clocks and the portable bridges work in a page", async () => {
  expect(await inPage("fibers", program)).toEqual({ ...expected, place: "/fibers" });
});

it("they work where stacks cannot be captured, and where there are neither messages nor a monotonic clock", async () => {
  const first = "delete Error.captureStackTrace; delete globalThis.MessageChannel; delete globalThis.performance;";
  const check = "if (Error.captureStackTrace || globalThis.MessageChannel || globalThis.performance) throw 1;";
  expect(await inPage("bare", check + program, first)).toEqual({ ...expected, place: "/bare" });
});

it.each([
  ["between its messages to itself", ""],
  ["between timers", "delete globalThis.MessageChannel;"],
])(
  "SC-15 SC-16 a fiber that yields for ever lets timers, messages, frames, presses and answers of a server in, %s",
  async (name, first) => {
    const spinning = `
      import { Fiber } from "trestle";
      import { run } from "trestle/web";
      import { fromCallback, fromPromise, once } from "@trestle/bridges";
      globalThis.result = await run(function* ({ clock }) {
        let turns = 0;
        return yield* Fiber.first(
          function* () { for (;; turns++) yield* Fiber.yield(); },
          function* () {
            const seen = [];
            yield* clock.sleep(0.02);
            seen.push("timer");
            const worker = new Worker(URL.createObjectURL(new Blob(["postMessage(1)"])));
            yield* once(worker, "message");
            seen.push("message");
            yield* fromCallback((ok) => requestAnimationFrame(ok));
            seen.push("frame");
            setTimeout(() => document.querySelector("button").click());
            yield* once(document.querySelector("button"), "click");
            seen.push("press");
            seen.push(yield* fromPromise(fetch("/hello").then((response) => response.text())));
            return [...seen, turns > 100];
          },
        );
      });`;
    texts.set("/hello", "fetched");
    const seen = ["timer", "message", "frame", "press", "fetched", true];
    expect(await inPage(name.replaceAll(" ", "-"), spinning, first)).toEqual(seen);
  },
);

it("a worker loads the same modules, and runs fibers of its own", async () => {
  // Import maps are for pages alone: a worker gives the address.
  texts.set(
    "/worker.js",
    `import { Fiber } from "${imports["trestle"]}";
    import { run } from "${imports["trestle/web"]}";
    postMessage(await run(() => Fiber.map([1, 2], function* (x) { yield* Fiber.yield(); return 2 * x; })));`,
  );
  const result = await inPage(
    "workers",
    `const worker = new Worker("/worker.js", { type: "module" });
    worker.onmessage = ({ data }) => { globalThis.result = data; };`,
  );
  expect(result).toEqual([2, 4]);
});
