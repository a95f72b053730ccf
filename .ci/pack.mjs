// pack.mjs [folder [package...]]: makes tarballs that install into any project, by default of all packages and in packed/. In them is
// what is published, plus plain files for resolvers that do not read `exports` (Jest before 28, webpack before 5, old `resolve`). The
// types need none: `typesVersions` serves `moduleResolution: node`.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { modulesOf, subpathOf } from "./build.mjs";

const top = join(import.meta.dirname, "..");
const [folder, ...names] = process.argv.slice(2);
const packed = folder === undefined ? join(top, "packed") : resolve(folder);
const stages = join(packed, "stage");
if (folder === undefined) rmSync(packed, { recursive: true, force: true });
mkdirSync(packed, { recursive: true });

for (const name of names.length > 0 ? names : ["core", "bridges", "codemods", "codemods/lint"]) {
  const source = join(top, name);
  const stage = join(stages, name);
  if (!existsSync(join(source, "dist"))) throw new Error(`${name}/dist is missing; run "npm run build" first`);
  mkdirSync(stage, { recursive: true });
  const manifest = JSON.parse(readFileSync(join(source, "package.json"), "utf8"));
  cpSync(join(source, "dist"), join(stage, "dist"), {
    recursive: true,
    filter: (path) => !path.endsWith(".tsbuildinfo"),
  });
  if (existsSync(join(source, "bin"))) cpSync(join(source, "bin"), join(stage, "bin"), { recursive: true });
  for (const file of ["README.md", "LICENSE"]) {
    const own = join(source, file);
    const from = existsSync(own) ? own : join(top, file);
    if (existsSync(from)) cpSync(from, join(stage, file));
  }
  if (!name.startsWith("codemods")) {
    manifest.type = "commonjs";
    manifest.files.push(...plainFiles(name, stage));
  }
  writeFileSync(join(stage, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  const [tarball] = JSON.parse(
    execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", packed], {
      cwd: stage,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }),
  );
  console.log(`${tarball.filename}  ${(tarball.size / 1024).toFixed(0)} kB, ${tarball.entryCount} files`);
}
rmSync(stages, { recursive: true, force: true });

function plainFiles(name, stage) {
  const files = [];
  for (const module of modulesOf(name)) {
    const subpath = subpathOf(module);
    if (!subpath) continue;
    const file = `${subpath}.js`;
    mkdirSync(dirname(join(stage, file)), { recursive: true });
    writeFileSync(join(stage, file), `module.exports = require("./dist/cjs/${module}.js");\n`);
    files.push(file);
  }
  return files;
}
