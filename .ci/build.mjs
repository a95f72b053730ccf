// Finishes what the compiler leaves of a package that loads everywhere: marks each output folder's module format, and
// writes the ES modules that Node loads, which re-export the CommonJS build so that there is one scheduler a process.
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";

const top = join(import.meta.dirname, "..");
const require = createRequire(import.meta.url);

if (process.argv[1] === import.meta.filename) {
  for (const name of ["core", "bridges"]) finish(join(top, name, "dist"), name);
}

function finish(dist, name) {
  mark(join(dist, "esm"), "module");
  mark(join(dist, "cjs"), "commonjs");
  const wrappers = join(dist, "node");
  rmSync(wrappers, { recursive: true, force: true });
  for (const entry of entriesOf(name))
    writeWrapper(join(dist, "cjs", entry), join(wrappers, entry.replace(/\.js$/, ".mjs")));
}

function mark(folder, type) {
  writeFileSync(join(folder, "package.json"), `${JSON.stringify({ type, sideEffects: false }, null, 2)}\n`);
}

// What can be imported: the files at the top of the package, and the folders that have an index.
export function entriesOf(name) {
  const folder = join(top, name, "dist", "cjs");
  const entries = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isFile() && entry.name.endsWith(".js")) entries.push(entry.name);
    if (entry.isDirectory() && existsSync(join(folder, entry.name, "index.js"))) entries.push(`${entry.name}/index.js`);
  }
  return entries.sort();
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
  writeFileSync(wrapper, `${lines.join("\n")}\n`);
}
