import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    // Tests run the sources themselves, without a build.
    alias: [
      { find: /^trestle$/, replacement: source("core/index.ts") },
      { find: /^trestle\/(node|web|mock|trace|debug)$/, replacement: source("core/$1/index.ts") },
      { find: /^trestle\/(.+)$/, replacement: source("core/$1.ts") },
      { find: /^@trestle\/bridges$/, replacement: source("bridges/index.ts") },
      { find: /^@trestle\/bridges\/(.+)$/, replacement: source("bridges/$1.ts") },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/fixtures/**", "**/node_modules/**"],
    reporters: ["default", source("test/closing-line.ts")],
    testTimeout: 60_000,
  },
});
