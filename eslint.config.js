import tseslint from "typescript-eslint";

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
  { files: ["**/*.js", "**/*.mjs"], ...tseslint.configs.disableTypeChecked },
);
