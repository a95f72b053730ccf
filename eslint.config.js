import tseslint from "typescript-eslint";

const nodeGlobals = [
  "process",
  "setImmediate",
  "clearImmediate",
  "Buffer",
  "global",
  "require",
  "__dirname",
  "__filename",
];
const nodeOnly =
  "This suite also runs in browsers: see test/platform.ts, or put the test into a file named *.node.test.ts.";

export default tseslint.config(
  { ignores: ["**/dist/**", "test/fixtures/**", "packed/**", "**/node_modules/**"] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: {
          allowDefaultProject: [
            "eslint.config.js",
            "vitest.config.ts",
            ".ci/*.mjs",
            "test/demo/*.js",
            "test/demo/parity/*.js",
            "codemods/bin/*.js",
          ],
        },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      // A fiber function that never suspends is still a fiber function.
      "require-yield": "off",
      "@typescript-eslint/require-await": "off",
      // Any value can be thrown in JavaScript; errors cross fibers by identity.
      "@typescript-eslint/only-throw-error": "off",
      "@typescript-eslint/prefer-promise-reject-errors": "off",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      // `import("typescript").ts` re-exports and test doubles of `this` need these.
      "@typescript-eslint/no-this-alias": "off",
    },
  },
  {
    // The suites that also run in a page; `test/platform.ts` has what they need of Node in a form that pages have, too.
    files: ["test/core/**/*.test.ts", "test/bridges/**/*.test.ts"],
    ignores: ["**/node.test.ts", "**/*.node.test.ts"],
    rules: {
      "no-restricted-globals": ["error", ...nodeGlobals.map((name) => ({ name, message: nodeOnly }))],
      "no-restricted-imports": ["error", { patterns: [{ regex: "^node:(?!events$)", message: nodeOnly }] }],
      "no-restricted-syntax": [
        "error",
        { selector: "MemberExpression[object.type=MetaProperty][property.name=/^(dir|file)name$/]", message: nodeOnly },
      ],
    },
  },
  { files: ["**/*.js", "**/*.mjs"], ...tseslint.configs.disableTypeChecked },
);
