/** The formats for machines and pull requests, and files to write them to. */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { describeReason } from "../../../codemods/reason-descriptions.js";
import { reasons, type ReasonCode } from "../../../codemods/reasons.js";
import type { Report } from "../../../codemods/report/report.js";
import { ioError, watchedFileSystem } from "./faulty-file-system.js";
import { trestle, type InvokeOptions } from "./invoke.js";
import { contents, project, smallProject } from "./project-on-disk.js";

const odd = {
  ...smallProject,
  "src/my files/it's #1.ts":
    "/* 😀 */ export async function keepMe() { /* keep */ }\nexport async function keepMe2() { /* keep */ }\n",
};

interface Sarif {
  readonly $schema: string;
  readonly version: string;
  readonly runs: readonly [
    {
      readonly tool: { readonly driver: { readonly name: string; readonly rules: readonly Rule[] } };
      readonly invocations: readonly { readonly executionSuccessful: boolean }[];
      readonly originalUriBaseIds: Record<string, { readonly uri: string }>;
      readonly columnKind: string;
      readonly results: readonly Result[];
    },
  ];
}
interface Rule {
  readonly id: string;
  readonly name: string;
  readonly shortDescription: { readonly text: string };
}
interface Result {
  readonly ruleId: string;
  readonly ruleIndex: number;
  readonly level: string;
  readonly message: { readonly text: string };
  readonly locations: readonly [
    {
      readonly physicalLocation: {
        readonly artifactLocation: { readonly uri: string; readonly uriBaseId: string };
        readonly region: { readonly startLine: number; readonly startColumn: number };
      };
    },
  ];
  readonly partialFingerprints: Record<string, string>;
}

async function sarif(root: string, options?: InvokeOptions): Promise<Sarif> {
  const { code, stdout } = await trestle(root, ["scan", "--format", "sarif"], options);
  expect(code).toBe(0);
  return JSON.parse(stdout) as Sarif;
}

/** What the published schema of version 2.1.0 asks of the parts that are used; it allows no other properties in them. */
function requireShape(log: Sarif): void {
  const allowed = (value: object, ...names: string[]) =>
    expect(Object.keys(value).filter((name) => !names.includes(name))).toEqual([]);
  allowed(log, "$schema", "version", "runs");
  expect(log.version).toBe("2.1.0");
  for (const run of log.runs) {
    allowed(run, "tool", "invocations", "originalUriBaseIds", "columnKind", "results");
    expect(["utf16CodeUnits", "unicodeCodePoints"]).toContain(run.columnKind);
    allowed(run.tool.driver, "name", "semanticVersion", "rules");
    const ids = run.tool.driver.rules.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const rule of run.tool.driver.rules) {
      allowed(rule, "id", "name", "shortDescription", "fullDescription");
      expect(rule.shortDescription.text).toMatch(/\.$/);
      expect(rule.name).toMatch(/^[A-Z]\w+$/);
    }
    for (const { uri } of Object.values(run.originalUriBaseIds)) expect(uri).toMatch(/^file:\/\/\/.*\/$/);
    for (const result of run.results) {
      allowed(result, "ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints", "properties");
      expect(ids[result.ruleIndex]).toBe(result.ruleId);
      expect(["none", "note", "warning", "error"]).toContain(result.level);
      expect(result.message.text).not.toBe("");
      const { artifactLocation, region } = result.locations[0].physicalLocation;
      expect(region.startLine).toBeGreaterThanOrEqual(1);
      expect(region.startColumn).toBeGreaterThanOrEqual(1);
      expect(artifactLocation.uri).toMatch(/^[A-Za-z0-9\-._~!$&'()*+,;=:@%/]+$/);
    }
  }
}

describe("SARIF", () => {
  it("O-21 has the shape of the schema, and a result for every reason, where the source is", async () => {
    const root = project(odd);
    const log = await sarif(root);
    requireShape(log);
    const { results, originalUriBaseIds } = log.runs[0];
    expect(results.map(({ ruleId }) => ruleId)).toEqual(["TR1201", "TR1201", "TR1201"]);
    const base = originalUriBaseIds["ROOT"]?.uri ?? "";
    for (const { locations, message } of results) {
      const { artifactLocation, region } = locations[0].physicalLocation;
      const text = readFileSync(fileURLToPath(new URL(artifactLocation.uri, base)), "utf8");
      const line = text.split("\n")[region.startLine - 1] ?? "";
      expect(line.slice(region.startColumn - 1)).toMatch(new RegExp(`^async function ${message.text.split(" ")[0]}`));
    }
  });

  it("O-21 fingerprints stay when lines are added above, and differ between findings", async () => {
    const root = project(odd);
    const prints = async () =>
      (await sarif(root)).runs[0].results.map(({ partialFingerprints }) => partialFingerprints["trestle/v1"]);
    const before = await prints();
    expect(new Set(before).size).toBe(3);
    const path = join(root, "src/foreign.ts");
    writeFileSync(path, `\n\n\n${readFileSync(path, "utf8")}`);
    expect(await prints()).toEqual(before);
  });
});

describe("Markdown", () => {
  it("O-21 tells the counts, the reasons and the places, and text from the sources is no markup", async () => {
    const root = project({ ...smallProject, "src/pipe|name.ts": "export async function piped() { /* keep */ }\n" });
    const { stdout } = await trestle(root, ["migrate", "--format", "md"]);
    expect(stdout).toContain("# A migration to fibers, not written");
    expect(stdout).toContain("| functions | 5 | 3 | 60 % |");
    expect(stdout).toContain("| TR1201 | foreign-callback | 2 | `src/foreign.ts:1` |");
    expect(stdout).toContain("`src/pipe\\|name.ts:1`");
    expect(stdout).toContain("- `src/main.ts`");
    for (const row of stdout.split("\n").filter((line) => line.startsWith("| TR") || line.startsWith("| `")))
      expect(row.replaceAll("\\|", "").split("|").length, row).toBeGreaterThanOrEqual(5);
  });
});

describe("-o", () => {
  it("O-22 writes every format where its name says, and a summary on stdout", async () => {
    const root = project();
    const files = ["out/r.html", "out/r.md", "out/r.json", "out/r.sarif", "out/r.txt"];
    const { code, stdout } = await trestle(root, ["migrate", ...files.flatMap((file) => ["-o", file])]);
    expect(code).toBe(0);
    expect(stdout).toContain("Dry run in");
    expect(stdout).not.toContain("@@");
    const read = (file: string) => readFileSync(join(root, file), "utf8");
    expect(read("out/r.html")).toMatch(/^<!doctype html>/);
    expect(read("out/r.md")).toMatch(/^# /);
    expect((JSON.parse(read("out/r.json")) as Report).version).toBe(1);
    expect((JSON.parse(read("out/r.sarif")) as Sarif).version).toBe("2.1.0");
    expect(read("out/r.txt")).toContain("@@");
  });

  it("O-22 --format decides for a name that says nothing, and without it the name is refused at once", async () => {
    const root = project();
    expect((await trestle(root, ["scan", "-o", "report", "--format", "json"])).code).toBe(0);
    expect((JSON.parse(readFileSync(join(root, "report"), "utf8")) as Report).command).toBe("scan");
    const { code, stderr } = await trestle(root, ["migrate", "--write", "--allow-no-git", "-o", "report.pdf"]);
    expect(code).toBe(2);
    expect(stderr).toContain("report.pdf does not tell its format");
    expect(contents(root)["src/main.ts"]).toContain("async function");
  });

  it("O-22 says when a report cannot be written, whichever step fails", async () => {
    const names: string[] = [];
    await trestle(project(), ["scan", "-o", "r.json"], {
      engine: { fs: watchedFileSystem((_, name) => names.push(name)) },
    });
    const first = names.indexOf("mkdir");
    expect(first).toBeGreaterThan(0);
    for (let failing = first; failing < names.length; failing++) {
      const fs = watchedFileSystem((index) => {
        if (index === failing) throw ioError();
      });
      const root = project();
      const { code, stderr } = await trestle(root, ["scan", "-o", "r.json"], { engine: { fs } });
      expect(code, names[failing]).toBe(6);
      expect(stderr).toContain("cannot write the report r.json: EIO");
      if (failing === first) expect(existsSync(join(root, "r.json"))).toBe(false);
    }
  });
});

describe("reasons", () => {
  it("O-06 every code has a sentence", () => {
    for (const code of Object.keys(reasons) as ReasonCode[]) expect(describeReason(code)).toMatch(/^.+\.$/);
  });
});
