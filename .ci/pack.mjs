// Makes tarballs in packed/ that install into any project: what is published, plus plain files for resolvers that do
// not read `exports` (Node before 12.7 in old tools, `moduleResolution: node`, Jest before 28).
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { entriesOf } from "./build.mjs";

const top = join(import.meta.dirname, "..");
const packed = join(top, "packed");
rmSync(packed, { recursive: true, force: true });
mkdirSync(packed, { recursive: true });

for (const name of ["core", "bridges", "codemods"]) {
  const source = join(top, name);
  const stage = join(packed, "stage", name);
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
  if (name !== "codemods") manifest.files.push(...plainFiles(name, stage));
  writeFileSync(join(stage, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  const [tarball] = JSON.parse(
    execFileSync("npm", ["pack", "--json", "--pack-destination", packed], {
      cwd: stage,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }),
  );
  console.log(`packed/${tarball.filename}  ${(tarball.size / 1024).toFixed(0)} kB, ${tarball.entryCount} files`);
}
rmSync(join(packed, "stage"), { recursive: true, force: true });

function plainFiles(name, stage) {
  const files = [];
  for (const entry of entriesOf(name)) {
    if (entry === "index.js") continue;
    const subpath = entry.replace(/(\/index)?\.js$/, "");
    const target = `./dist/cjs/${entry.replace(/\.js$/, "")}`;
    mkdirSync(dirname(join(stage, subpath)), { recursive: true });
    writeFileSync(join(stage, `${subpath}.js`), `module.exports = require(${JSON.stringify(`${target}.js`)});\n`);
    writeFileSync(join(stage, `${subpath}.d.ts`), `export * from ${JSON.stringify(target)};\n`);
    files.push(`${subpath}.js`, `${subpath}.d.ts`);
  }
  return files;
}
