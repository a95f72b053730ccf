/**
 * The report in the Static Analysis Results Interchange Format, version 2.1.0, for code hosts and editors: a result for
 * every reason. It has no fixes: the edits of one function alone are not sound, so they are applied by `migrate` only.
 */

import { createHash } from "node:crypto";
import { pathToFileURL } from "node:url";
import { describeReason } from "../reason-descriptions.js";
import { reasons } from "../reasons.js";
import type { Report, ReportedCandidate } from "./report.js";

type Level = "warning" | "note";

/** For comments that direct nothing; it is no reason of a candidate. */
const idleRule = "idle-comment";

export function sarifReport(report: Report): string {
  const ruleIds = [
    ...new Set(report.candidates.flatMap((candidate) => candidate.reasons.map(({ code }) => code))),
  ].sort();
  const seen = new Map<string, number>();
  const results = [
    ...report.candidates.flatMap((candidate) =>
      candidate.reasons.map(({ code, message }) => ({
        ruleId: code,
        ruleIndex: ruleIds.indexOf(code),
        level: levelOf(candidate),
        message: { text: message },
        locations: [location(candidate)],
        partialFingerprints: {
          "trestle/v1": fingerprint(seen, [code, candidate.file, candidate.kind, candidate.name]),
        },
        properties: { pattern: candidate.pattern, kind: candidate.kind, disposition: candidate.disposition },
      })),
    ),
    ...report.idleComments.map((comment) => ({
      ruleId: idleRule,
      ruleIndex: ruleIds.length,
      level: "warning",
      message: { text: comment.message },
      locations: [location(comment)],
      partialFingerprints: { "trestle/v1": fingerprint(seen, [idleRule, comment.file, comment.message]) },
    })),
  ];
  const rules = [
    ...ruleIds.map((code) => ({ id: code, name: pascalCase(reasons[code]), ...described(describeReason(code)) })),
    { id: idleRule, name: "IdleComment", ...described("A comment for the migrator directs nothing.") },
  ];
  const root = pathToFileURL(report.root).href;
  return JSON.stringify(
    {
      $schema: "https://json.schemastore.org/sarif-2.1.0.json",
      version: "2.1.0",
      runs: [
        {
          tool: { driver: { name: "trestle", semanticVersion: report.tool.version, rules } },
          invocations: [{ executionSuccessful: true }],
          originalUriBaseIds: { ROOT: { uri: root.endsWith("/") ? root : `${root}/` } },
          columnKind: "utf16CodeUnits",
          results,
        },
      ],
    },
    null,
    2,
  );
}

function levelOf({ disposition }: ReportedCandidate): Level {
  return disposition === "suspect" ? "warning" : "note";
}

interface Located {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

function location({ file, line, column }: Located) {
  const uri = file.split("/").map(encodeURIComponent).join("/");
  return {
    physicalLocation: {
      artifactLocation: { uri, uriBaseId: "ROOT" },
      region: { startLine: line, startColumn: column },
    },
  };
}

/** The same for the same finding when lines above it come and go. */
function fingerprint(seen: Map<string, number>, parts: readonly string[]): string {
  const key = JSON.stringify(parts);
  const nth = seen.get(key) ?? 0;
  seen.set(key, nth + 1);
  return createHash("sha256").update(`${key} ${nth}`).digest("hex").slice(0, 32);
}

function described(text: string) {
  return { shortDescription: { text }, fullDescription: { text } };
}

function pascalCase(name: string): string {
  return name.replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());
}
