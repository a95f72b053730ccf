/** The page in a real browser: what it shows, that it can be worked with, and that it asks nothing of the network. */

import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium, type Browser, type Page } from "playwright";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { planMigration } from "../../../codemods/migrate.js";
import { launchOptions } from "../../matrix/chromium.js";
import { trestle } from "./invoke.js";
import { writeFiles, type Files } from "./project-on-disk.js";

const shop: Files = {
  "tsconfig.json": JSON.stringify({
    compilerOptions: {
      target: "es2022",
      lib: ["es2022"],
      module: "esnext",
      moduleResolution: "bundler",
      strict: true,
      types: [],
    },
  }),
  "package.json": '{ "name": "shop", "private": true }\n',
  "src/store/read.ts":
    'export async function read(): Promise<string> {\n  return "</script><b id=injected>& <!--";\n}\nexport async function inner(): Promise<number> {\n  return (await read()).length;\n}\n',
  "src/store/foreign.ts":
    "export async function wait(work: Promise<number>): Promise<number> {\n  return (await work) + 1;\n}\n",
  "src/main.ts":
    'import { inner } from "./store/read";\nasync function hidden(): Promise<number> {\n  return await inner();\n}\nexport async function main(): Promise<number> {\n  return await hidden();\n}\n' +
    "export const wrong = (xs: number[]) => xs.filter(async (x) => x > 1);\n" +
    "/* trestle-keep-async */\nexport async function kept(): Promise<void> {}\n",
};

// Where there is no browser, there is nothing to look at the page with.
describe.skipIf(!existsSync(launchOptions.executablePath))("the page", () => {
  let browser: Browser;
  let page: Page;
  const requests: string[] = [];
  const complaints: string[] = [];

  beforeAll(async () => {
    browser = await chromium.launch(launchOptions);
    const root = realpathSync(mkdtempSync(join(tmpdir(), "trestle-page-")));
    writeFiles(root, shop);
    const { code, stdout, stderr } = await trestle(root, ["migrate", "--format", "html"], {
      engine: { planMigration },
    });
    expect(code, stderr).toBe(0);
    const file = join(root, "report.html");
    writeFileSync(file, stdout);
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    page.on("request", (request) => void requests.push(request.url()));
    page.on("pageerror", (error) => void complaints.push(error.message));
    page.on("console", (message) => void (message.type() === "error" && complaints.push(message.text())));
    await page.goto(pathToFileURL(file).href);
    rmSync(root, { recursive: true });
    if (process.env["TRESTLE_SCREENSHOT"])
      await page.screenshot({ path: process.env["TRESTLE_SCREENSHOT"], fullPage: true });
  });
  afterAll(() => browser.close());

  const rows = () => page.locator("#rows tr");
  const count = () => page.locator("#count").innerText();

  it("O-21 shows the totals, and text of the sources as text", async () => {
    expect(await page.title()).toContain("Dry run of a migration");
    expect(await page.locator("#totals .card").first().innerText()).toMatch(/71 %\s+5 of 7 functions/);
    expect(await page.locator("#injected").count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it("O-21 draws each module on both sides of the border", async () => {
    const main = page.getByRole("button", { name: /^src\/main\.ts:/ });
    expect(await main.getAttribute("aria-label")).toBe(
      "src/main.ts: 1 fiber function, 1 with a façade, 2 left async, 0 bridges",
    );
    expect(await main.locator(".cell.direct").count()).toBe(1);
    expect(await main.locator(".wall .cell.facade").count()).toBe(1);
    expect(await main.locator(".promises .cell").count()).toBe(2);
    const foreign = page.getByRole("button", { name: /^src\/store\/foreign\.ts:/ });
    expect(await foreign.locator(".out").innerText()).toBe("→ 1");
    // Fibers are left of the line and promises right of it, in every row.
    const rows = await page.locator(".module .wall").all();
    const walls = await Promise.all(rows.map(async (wall) => (await wall.boundingBox())?.x ?? NaN));
    expect(Math.max(...walls) - Math.min(...walls)).toBeLessThan(40);
    for (const side of [".cell.direct", ".promises .cell"]) {
      const [cell, wall] = await Promise.all([
        main.locator(side).first().boundingBox(),
        main.locator(".wall").boundingBox(),
      ]);
      expect((cell?.x ?? 0) < (wall?.x ?? 0)).toBe(side === ".cell.direct");
    }
  });

  it("O-21 has the share of each folder, with those above it", async () => {
    const folders = await page.locator("#folders tbody tr").allInnerTexts();
    expect(folders.map((row) => row.replace(/\s+/g, " ").trim())).toEqual([
      "src 5 of 7 71 %",
      "src/store 3 of 3 100 %",
    ]);
  });

  it("O-21 filters by what became of a place, by reason, by module and by text, with the keyboard alone", async () => {
    const all = await count();
    expect(all).toMatch(/^(\d+) of \1 places$/);
    await page.getByLabel("What became of it").selectOption("suspect");
    expect(await rows().count()).toBe(1);
    expect(await rows().innerText()).toContain("TR1901");
    await page.getByRole("button", { name: "Reset" }).press("Enter");
    await expect.poll(count).toBe(all);
    await page.getByLabel("Reason").selectOption("TR1803");
    expect(await rows().allInnerTexts()).toEqual([expect.stringContaining("kept")]);
    await page.getByRole("button", { name: "Reset" }).press("Enter");
    await page.getByRole("button", { name: /^src\/store\/foreign\.ts:/ }).press("Enter");
    expect(await page.locator("select[name=file]").inputValue()).toBe("src/store/foreign.ts");
    expect(await page.locator(".module[aria-pressed=true]").count()).toBe(1);
    await page.getByRole("button", { name: /^src\/store\/foreign\.ts:/ }).press("Enter");
    await page.getByLabel("Search").fill("hidden");
    await expect.poll(async () => (await rows().allInnerTexts()).every((text) => text.includes("hidden"))).toBe(true);
    await page.getByLabel("Search").fill("nothing is called this");
    expect(await count()).toMatch(/^0 of /);
    await page.getByRole("button", { name: "Reset" }).press("Enter");
    await expect.poll(count).toBe(all);
  });

  it("O-21 shows changes side by side, and a place leads to those of its file", async () => {
    const shown = page.getByRole("table", { name: "Changes of src/main.ts" });
    await page
      .getByRole("link", { name: /^src\/main\.ts:5:/ })
      .first()
      .click();
    await shown.waitFor();
    const [before, after] = [await shown.locator(".del").allInnerTexts(), await shown.locator(".add").allInnerTexts()];
    expect(before).toContain("async function hidden(): Promise<number> {");
    expect(after).toContain("function* hidden(): Op<number> {");
    const row = shown.locator("tr", { has: page.locator(".del", { hasText: "async function hidden" }) });
    expect(await row.locator(".add").innerText()).toBe("function* hidden(): Op<number> {");
    expect(await row.locator("del, ins").allInnerTexts()).not.toEqual([]);
  });

  it("O-21 is legible in light and dark, narrow and wide: contrast, no sideways scrolling, names for all controls", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      for (const width of [1280, 390]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 900 });
        const found = await page.evaluate<object>(inspect);
        expect({ colorScheme, width, ...found }).toEqual({
          colorScheme,
          width,
          pale: [],
          nameless: [],
          overflow: 0,
          skipped: [],
        });
      }
    }
  });

  it("O-21 asks nothing of the network, and may not", async () => {
    expect(requests.filter((url) => !url.startsWith("file:") && !url.startsWith("data:"))).toEqual([]);
    expect(requests.filter((url) => url.startsWith("file:")).length).toBe(1);
    const policy = await page.locator('meta[http-equiv="Content-Security-Policy"]').getAttribute("content");
    expect(policy).toMatch(/^default-src 'none'/);
  });
});

/** Runs in the page, and so is plain JavaScript: texts too pale, controls without a name, and what else is amiss. */
const inspect = String.raw`(() => {
  const channel = (value) => (value / 255 <= 0.03928 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const numbers = (color) => (color.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (color) => {
    const [r, g, b] = numbers(color).map(channel);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = (element) => {
    for (let node = element; node !== null; node = node.parentElement) {
      const color = getComputedStyle(node).backgroundColor;
      if ((numbers(color)[3] ?? 1) > 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const hasOwnText = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== "");
  const short = (element) => element.outerHTML.slice(0, 80);
  const pale = [...document.body.querySelectorAll("*")]
    .filter((element) => !/^(SCRIPT|NOSCRIPT|OPTION)$/.test(element.tagName) && hasOwnText(element))
    .filter((element) => {
      const [a, b] = [luminance(getComputedStyle(element).color), luminance(background(element))].sort((x, y) => y - x);
      return (a + 0.05) / (b + 0.05) < 4.5;
    })
    .map(short);
  const nameless = [...document.querySelectorAll("button, input, select, summary, a")]
    .filter((e) => (e.getAttribute("aria-label") || e.labels?.[0]?.textContent || e.textContent).trim() === "")
    .map(short);
  const levels = [...document.querySelectorAll("h1, h2, h3")].map((heading) => Number(heading.tagName[1]));
  const skipped = levels.filter((level, index) => level > (levels[index - 1] ?? 0) + 1).map(String);
  return { pale, nameless, overflow: Math.max(0, document.documentElement.scrollWidth - window.innerWidth), skipped };
})()`;
