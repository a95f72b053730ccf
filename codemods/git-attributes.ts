/** What a repository says about its files in `.gitattributes`. */
import { spawnSync } from "node:child_process";
import { relative, resolve } from "node:path";

/** Those of the files that are `linguist-generated`; none where there is no repository, or no git. */
export function markedGenerated(root: string, files: readonly string[]): ReadonlySet<string> {
  const asked = files.map((file) => relative(root, file));
  const { status, stdout } = spawnSync("git", ["check-attr", "-z", "--stdin", "linguist-generated"], {
    cwd: root,
    input: asked.join("\0"),
    encoding: "utf8",
    stdio: ["pipe", "pipe", "ignore"],
    maxBuffer: 1 << 28,
  });
  const marked = new Set<string>();
  if (status !== 0) return marked;
  // path NUL attribute NUL value NUL
  const fields = stdout.split("\0");
  for (let i = 0; i + 2 < fields.length; i += 3) {
    if (/^(set|true)$/.test(fields[i + 2] ?? "")) marked.add(resolve(root, fields[i] ?? ""));
  }
  return marked;
}
