// Finishes what the compiler leaves of a package that loads everywhere:
// - takes away what it made of sources that are gone;
// - makes plain properties of what the CommonJS build re-exports;
// - marks each output folder's module format;
// - writes the ES modules that Node loads, which re-export the CommonJS build so that there is one scheduler a process, and one
//   declaration of each class a program;
// - keeps the subpaths in package.json in step with the sources.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";

const top = join(import.meta.dirname, "..");
const require = createRequire(import.meta.url);

if (process.argv[1] === import.meta.filename) {
  for (const name of ["core", "bridges"]) finish(name);
}

function finish(name) {
  const source = join(top, name);
  const dist = join(source, "dist");
  for (const format of ["esm", "cjs"]) prune(join(dist, format), source);
  makeExportsPlain(join(dist, "cjs"));
  mark(join(dist, "esm"), "module");
  mark(join(dist, "cjs"), "commonjs");
  const wrappers = join(dist, "node");
  rmSync(wrappers, { recursive: true, force: true });
  for (const module of modulesOf(name)) writeWrapper(join(dist, "cjs", `${module}.js`), join(wrappers, module));
  const path = join(source, "package.json");
  const before = readFileSync(path, "utf8");
  const after = `${JSON.stringify({ ...JSON.parse(before), ...subpathsOf(name) }, null, 2)}\n`;
  if (after === before) return;
  writeFileSync(path, after);
  console.log(`${name}/package.json: its subpaths now are those of the sources; commit it`);
}

/** What can be imported: the files at the top of the package, and the folders that have an index. */
export function modulesOf(name) {
  const folder = join(top, name);
  const modules = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isFile() && /\.ts$/.test(entry.name)) modules.push(entry.name.replace(/\.ts$/, ""));
    if (entry.isDirectory() && existsSync(join(folder, entry.name, "index.ts"))) modules.push(`${entry.name}/index`);
  }
  return modules.sort();
}

/** The name that a module is imported by, after that of the package; empty for the main one. */
export function subpathOf(module) {
  return module.replace(/(^|\/)index$/, "");
}

/** The fields of package.json that say where the subpaths are, for each kind of resolver; `types` is first in each. */
export function subpathsOf(name) {
  const exports = {};
  const typesVersions = {};
  for (const module of modulesOf(name)) {
    const subpath = subpathOf(module);
    const at = (format, types, code) => ({
      types: `./dist/${format}/${module}${types}`,
      default: `./dist/${format}/${module}${code}`,
    });
    exports[subpath ? `./${subpath}` : "."] = {
      node: { require: at("cjs", ".d.ts", ".js"), default: at("node", ".d.mts", ".mjs") },
      module: at("esm", ".d.ts", ".js"),
      require: at("cjs", ".d.ts", ".js"),
      default: at("esm", ".d.ts", ".js"),
    };
    // For `moduleResolution: node`. Each by its name: a pattern would also rewrite the package's own `types`.
    if (subpath) typesVersions[subpath] = [`dist/cjs/${module}.d.ts`];
  }
  const { ".": main, ...others } = exports;
  return {
    // The order decides. `node`: one CommonJS build however it is loaded. `module`: bundlers, which take the ES modules for `require`,
    // too, so that a bundle has one scheduler. `require`: what evaluates CommonJS in a browser's likeness, as Jest does.
    exports: { ".": main, ...others, "./package.json": "./package.json" },
    typesVersions: { "*": typesVersions },
  };
}

function prune(output, source) {
  for (const entry of readdirSync(output, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    const origin = join(source, relative(output, path)).replace(/(\.d\.ts|\.js)$/, ".ts");
    if (entry.isFile() && entry.name !== "package.json" && !existsSync(origin)) rmSync(path);
  }
}

/** Re-exports become plain properties: the compiler makes getters of them, which each use would call. (There are no import cycles.) */
function makeExportsPlain(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".js")) continue;
    const path = join(entry.parentPath, entry.name);
    const before = readFileSync(path, "utf8");
    const after = before.replace(
      /^Object\.defineProperty\(exports, "(\w+)", \{ enumerable: true, get: function \(\) \{ return (\w+\.\w+); \} \}\);$/gm,
      "exports.$1 = $2;",
    );
    if (after !== before) writeFileSync(path, after);
  }
}

function mark(folder, type) {
  writeFileSync(join(folder, "package.json"), `${JSON.stringify({ type, sideEffects: false }, null, 2)}\n`);
}

function writeWrapper(target, wrapper) {
  const names = Object.keys(require(target)).filter((key) => key !== "default" && key !== "__esModule");
  mkdirSync(dirname(wrapper), { recursive: true });
  const from = relative(dirname(wrapper), target).replaceAll("\\", "/");
  // Node and bundlers give the whole module as the default. A loader that evaluates CommonJS in place, as test runners
  // do with linked packages, does not: there Node's own `require` gives it.
  const specifier = JSON.stringify(from);
  const lines = [
    `import { createRequire } from "node:module";`,
    `import * as loaded from ${specifier};`,
    `const whole = ${JSON.stringify(names)}.every((name) => loaded.default?.[name] !== undefined);`,
    `const cjs = whole ? loaded.default : createRequire(import.meta.url)(${specifier});`,
  ];
  // Names such as `yield` are no bindings; an export clause may carry them all the same.
  names.forEach((name, index) => lines.push(`const e${index} = cjs.${name};`));
  lines.push(`export { ${names.map((name, index) => `e${index} as ${name}`).join(", ")} };`);
  writeFileSync(`${wrapper}.mjs`, `${lines.join("\n")}\n`);
  writeFileSync(`${wrapper}.d.mts`, `export * from ${specifier};\n`);
}
