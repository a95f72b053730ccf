import { describe, expect, it } from "vitest";
import type { Candidate, Disposition, MigrationPlan } from "../../../codemods/plan.js";
import type { ReasonCode } from "../../../codemods/reasons.js";
import { asWritten, createReport, type Report } from "../../../codemods/report/report.js";
import { formatReport } from "../../../codemods/report/text.js";
import { diffOf } from "../../../codemods/report/unified-diff.js";
import { plain } from "../../../codemods/terminal.js";

function candidate(disposition: Disposition, over: Partial<Candidate> = {}): Candidate {
  const reason = { code: "TR1201" as const, message: "f is passed to setImmediate" };
  const needsReason = ["leave", "suspect", "bridge"].includes(disposition);
  return {
    pattern: "CM-A01",
    kind: "function",
    name: "f",
    file: "/p/src/a.ts",
    line: 3,
    column: 1,
    start: 10,
    end: 20,
    disposition,
    reasons: needsReason ? [reason] : [],
    ...over,
  };
}

function planOf(candidates: readonly Candidate[]): MigrationPlan {
  return {
    root: "/p",
    filesScanned: 4,
    candidates,
    changes: [],
    packages: [],
    verification: { rounds: 2, demoted: 1 },
  };
}

function reportOf(candidates: readonly Candidate[], over: Partial<Parameters<typeof createReport>[0]> = {}): Report {
  return createReport({
    command: "migrate",
    options: {},
    plan: planOf(candidates),
    edits: [],
    install: { added: [] },
    seconds: 1.5,
    ...over,
  });
}

const edit = {
  path: "/p/src/a.ts",
  target: "/p/src/a.ts",
  mode: 0o644,
  uid: 0,
  gid: 0,
  original: Buffer.from("1"),
  replacement: Buffer.from("2"),
  beforeHash: "b",
  afterHash: "a",
};

describe("the report", () => {
  it("O-06 counts every candidate once, by disposition, by kind and as functions", () => {
    const { totals } = reportOf([
      candidate("rewrite"),
      candidate("rewrite+note", { reasons: [{ code: "TR1309", message: "starts later" }] }),
      candidate("facade"),
      candidate("leave"),
      candidate("suspect"),
      candidate("bridge", { kind: "emitter" }),
      candidate("rewrite", { kind: "await" }),
    ]);
    expect(totals.functions).toEqual({ found: 5, converted: 3, facade: 1, left: 2, already: 0 });
    expect(totals.byDisposition).toEqual({ rewrite: 2, "rewrite+note": 1, bridge: 1, facade: 1, leave: 1, suspect: 1 });
    expect(totals.byKind).toMatchObject({ function: 5, await: 1, emitter: 1, observable: 0 });
    expect(totals.bridgedSites).toBe(1);
  });

  it("O-06 refuses a plan whose sums cannot add up", () => {
    expect(() => reportOf([candidate("forgotten" as Disposition)])).toThrow("1 candidates, but only 0");
    expect(() => reportOf([candidate("rewrite", { kind: "riddle" as "function" })])).toThrow(
      "1 candidates, but only 0",
    );
  });

  it("O-06 refuses a candidate that was left without a reason, or with one that does not exist", () => {
    expect(() => reportOf([candidate("leave", { reasons: [] })])).toThrow("leave of f at src/a.ts:3 has no reason");
    const reasons = [{ code: "TR9999" as ReasonCode, message: "" }];
    expect(() => reportOf([candidate("bridge", { reasons })])).toThrow("unknown reason TR9999");
  });

  it("puts the most frequent reason first, with its first place", () => {
    const other = { code: "TR1001" as const, message: "x is any" };
    const { topReasons } = reportOf([
      candidate("leave", { reasons: [other] }),
      candidate("leave", { line: 7 }),
      candidate("leave", { line: 9 }),
    ]);
    expect(topReasons).toEqual([
      {
        code: "TR1201",
        name: "foreign-callback",
        count: 2,
        first: { file: "src/a.ts", line: 7, column: 1, message: "f is passed to setImmediate" },
      },
      {
        code: "TR1001",
        name: "operand-any",
        count: 1,
        first: { file: "src/a.ts", line: 3, column: 1, message: "x is any" },
      },
    ]);
  });

  it("reads well when something is left", () => {
    const report = reportOf(
      [
        candidate("facade"),
        candidate("rewrite+note", { reasons: [{ code: "TR1309", message: "load starts when it is awaited" }] }),
        candidate("leave"),
        candidate("suspect", {
          kind: "combinator",
          reasons: [{ code: "TR1901", message: "filter is given an async predicate" }],
        }),
      ],
      { edits: [edit] },
    );
    expect(formatReport(report, { paint: plain, commandLine: "trestle migrate src" })).toMatchInlineSnapshot(`
      "Dry run in /p: nothing was written

        functions  3 found, 2 to be converted (67 %, 1 with a promise façade), 1 left
        awaits     0 found, 0 to be direct calls
        sites      0 bridged, 1 suspect
        files      4 scanned, 0 to be changed
        checked    2 times with the type checker, 1 function given up on the way
        time       1.5 s

      Why functions were left
        TR1201  foreign-callback  1  first src/a.ts:3:1
                f is passed to setImmediate

      Suspected mistakes in the code as it is; nothing was done about them
        src/a.ts:3:1  TR1901 filter is given an async predicate

      Good to know about what is rewritten
        TR1309  sync-prefix-observed  1  first src/a.ts:3:1
                load starts when it is awaited

      Next
        apply this with \`trestle migrate src --write\`
      "
    `);
  });

  it("tells what to do after writing", () => {
    const install = { manifest: "/p/package.json", added: ["trestle"], command: "pnpm install" };
    const plan = { ...planOf([candidate("rewrite")]), packages: ["trestle"] };
    const report = asWritten(reportOf([], { plan, edits: [edit], install }), 2);
    expect(report).toMatchObject({ written: true, install: { manifest: "package.json" } });
    const text = formatReport(report, { paint: plain, commandLine: "trestle migrate" });
    expect(text).toContain("run `pnpm install` to fetch trestle");
    expect(text).toContain("run the project's own tests");
  });

  it("says so when there is no package.json", () => {
    const plan = { ...planOf([candidate("rewrite")]), packages: ["trestle", "@trestle/bridges"] };
    const text = formatReport(reportOf([], { plan, edits: [edit] }), { paint: plain, commandLine: "trestle migrate" });
    expect(text).toContain("no package.json was found: make trestle and @trestle/bridges available");
  });
});

describe("the diff", () => {
  it("has the headers that git apply wants, and keeps line ends", () => {
    expect(diffOf("src/a.ts", "one\r\ntwo\r\nthree", "one\r\n2\r\nthree\n")).toBe(
      "--- a/src/a.ts\n+++ b/src/a.ts\n@@ -1,3 +1,3 @@\n one\r\n-two\r\n-three\n\\ No newline at end of file\n+2\r\n+three\n",
    );
  });

  it("shows a file that differs too much as replaced", () => {
    const lines = (prefix: string) => Array.from({ length: 3000 }, (_, index) => `${prefix}${index}\n`).join("");
    const patch = diffOf("a.ts", lines("x"), `${lines("y")}end`, 1);
    expect(patch).toContain("@@ -1,3000 +1,3001 @@\n-x0\n");
    expect(patch).toMatch(/\+y2999\n\+end\n\\ No newline at end of file\n$/);
  });
});
