// What is run in Chromium: the suites of core and bridges, in a page, but for the files that are for Node only, which say why in
// their first line; and the packed packages, in pages of their own.

import { fileURLToPath } from "node:url";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig, type Plugin } from "vitest/config";
import base from "../../vitest.config.js";
import { launchOptions } from "./chromium.js";

const top = fileURLToPath(new URL("../..", import.meta.url));
const sources = base.resolve!.alias as { find: RegExp; replacement: string }[];

/** Stacks name the sources as they are on disk: tests look for them in reports of where something was forked. */
const plainNames: Plugin = {
  name: "plain-names",
  enforce: "post",
  transform(code, id) {
    const [file] = id.split("?");
    return file!.endsWith(".ts") ? { code: `${code}\n//# sourceURL=${file}`, map: null } : undefined;
  },
};

export default defineConfig({
  test: {
    reporters: base.test!.reporters!,
    // The runner mentions errors that a test has captured.
    onConsoleLog: (log) => !/^(PromiseRejectionEvent|\[?Error: Uncaught)/.test(log.replace(/\u001b\[\d+m/g, "")),
    projects: [
      {
        root: top,
        plugins: [plainNames],
        resolve: {
          alias: [
            // A page's entry point has the shape of Node's, and its emitter is a package.
            { find: /^trestle\/node$/, replacement: `${top}core/web/index.ts` },
            { find: /^node:events$/, replacement: "events" },
            ...sources,
          ],
        },
        // Named here, they are not met in the middle of a run, which would load the page anew.
        optimizeDeps: { include: ["events", "fast-check", "p-limit", "rxjs"] },
        test: {
          name: "suites",
          include: ["test/core/**/*.test.ts", "test/bridges/**/*.test.ts"],
          exclude: ["**/node.test.ts", "**/*.node.test.ts"],
          testTimeout: 60_000,
          // A page has no environment.
          provide: { settings: { TRESTLE_PROGRAMS: process.env["TRESTLE_PROGRAMS"] ?? "" } },
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions }),
            instances: [{ browser: "chromium", name: "Chromium" }],
          },
        },
      },
      {
        root: top,
        test: { name: "packages", include: ["test/matrix/packages.ts"], testTimeout: 60_000 },
      },
    ],
  },
});
