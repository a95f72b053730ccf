/** Other asynchronous patterns in scope, so that every candidate is accounted for even where none is rewritten yet. */
import { ts, type TS } from "../compiler.js";
import { keptSite, suspectSite } from "../kept/index.js";
import type { Candidate, CandidateKind, Reason } from "../plan.js";
import type { Analysis, Decisions } from "./decide.js";
import { limiterSite } from "../limits/sites.js";
import { rxSite } from "../rxjs/sites.js";
import { isPromiseMethod } from "./runs.js";
import { enclosingScope } from "./syntax.js";

/** `recorded` holds the sites that the rewriters have accounted for. */
export function findOtherSites(analysis: Analysis, decisions: Decisions, recorded: readonly Candidate[]): Candidate[] {
  const found: Candidate[] = [];
  const { checker } = analysis;
  const known = new Set(recorded.map((site) => `${site.kind} ${site.file} ${site.start}`));
  const waitedFor = new Set<TS.Node>();
  for (const fn of analysis.functions) {
    if (decisions.get(fn)?.shape === "leave") continue;
    for (const node of fn.awaits) waitedFor.add(node.expression);
  }
  for (const file of analysis.project.sources) {
    const visit = (node: TS.Node): void => {
      for (const kept of [suspectSite(node, checker), keptSite(node, checker)]) {
        if (kept === undefined || known.has(`${kept.kind} ${file.fileName} ${node.getStart(file)}`)) continue;
        const { pattern, kind, reason, disposition } = kept;
        const base = candidate(file, node, { pattern, kind, bridged: false });
        found.push({ ...base, disposition: disposition ?? base.disposition, reasons: [reason] });
        known.add(`${kind} ${file.fileName} ${node.getStart(file)}`);
      }
      const site = ownSite(node) ?? recognise(node);
      if (site !== undefined && !known.has(`${site.kind} ${file.fileName} ${node.getStart(file)}`)) {
        found.push(candidate(file, node, site));
      }
      if (ts.isAwaitExpression(node)) found.push(...keptAwait(file, node));
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return found;

  /** What RxJS or a limiter is used for, which has its own reason. */
  function ownSite(node: TS.Node): Site | undefined {
    const limiter = limiterSite(node, analysis.checker);
    if (limiter !== undefined) {
      const known = analysis.limiters.find(({ creation }) => creation === node);
      return { ...limiter, kind: "limiter", bridged: false, reason: known?.refused ?? limiter.reason };
    }
    const rx = rxSite(node, analysis.checker);
    if (rx === undefined) return undefined;
    const { pattern, reason, calls } = rx;
    const called = calls === undefined ? undefined : analysis.byNode.get(calls);
    const bridged = called !== undefined && decisions.get(called)?.shape !== "leave";
    return { pattern, kind: "observable", bridged, reason };
  }

  /** An await that stays an await: at the top of a module, or in a function that is left. */
  function keptAwait(file: TS.SourceFile, node: TS.AwaitExpression): Candidate[] {
    const scope = enclosingScope(node);
    const fn = scope === undefined ? undefined : analysis.byNode.get(scope);
    if (fn !== undefined && decisions.get(fn)?.shape !== "leave") return [];
    const reason: Reason =
      fn === undefined
        ? { code: "TR1404", message: "an await outside of any function stays" }
        : (decisions.get(fn)?.reasons[0] ?? { code: "TR1810", message: `${fn.label} is left` });
    return [{ ...candidate(file, node, { pattern: "CM-A03", kind: "await", bridged: false }), reasons: [reason] }];
  }

  function candidate(file: TS.SourceFile, node: TS.Node, site: Site): Candidate {
    const start = node.getStart(file);
    const { line, character } = file.getLineAndCharacterOfPosition(start);
    const text = node.getText(file).replace(/\s+/g, " ");
    return {
      pattern: site.pattern,
      kind: site.kind,
      name: text.length > 60 ? `${text.slice(0, 57)}...` : text,
      file: file.fileName,
      line: line + 1,
      column: character + 1,
      start,
      end: node.end,
      disposition: site.bridged || waitedFor.has(node) ? "bridge" : "leave",
      reasons: [site.reason ?? { code: "TR1810", message: `${names[site.kind]} is recognised, and kept as it is` }],
    };
  }
}

interface Site {
  readonly pattern: string;
  readonly kind: CandidateKind;
  readonly bridged: boolean;
  readonly reason?: Reason;
}

const names: Record<CandidateKind, string> = {
  function: "an async function",
  await: "an await",
  chain: "a promise chain",
  combinator: "a promise combinator",
  constructor: "a promise constructor",
  observable: "an observable",
  emitter: "an event listener",
  callback: "a callback API",
  limiter: "a limiter",
  signal: "an abort signal",
  promise: "a promise",
};

function recognise(node: TS.Node): Site | undefined {
  const site = (pattern: string, kind: CandidateKind): Site => ({ pattern, kind, bridged: false });
  if (ts.isNewExpression(node) && ts.isIdentifier(node.expression)) {
    if (node.expression.text === "Promise") return site("CM-P17", "constructor");
    if (node.expression.text === "Observable") return site("CM-R04", "observable");
    return undefined;
  }
  if (!ts.isCallExpression(node)) return undefined;
  const call: TS.Expression = node;
  if (isPromiseMethod(call)) {
    const name = (call.expression as TS.PropertyAccessExpression).name.text;
    return name === "all" ? site("CM-P13", "combinator") : undefined;
  }
  if (ts.isIdentifier(node.expression)) {
    if (/^(firstValueFrom|lastValueFrom)$/.test(node.expression.text)) return site("CM-R01", "observable");
    if (/^pLimit$/.test(node.expression.text)) return site("CM-L02", "limiter");
    if (node.expression.text === "promisify") return site("CM-P28", "callback");
    return undefined;
  }
  if (!ts.isPropertyAccessExpression(node.expression)) return undefined;
  const method = node.expression.name.text;
  if ((method === "then" || method === "catch" || method === "finally") && node.arguments.length <= 2) {
    // Only the outermost link of a chain counts.
    const outer = node.parent;
    const linked =
      ts.isPropertyAccessExpression(outer) &&
      outer.expression === node &&
      /^(then|catch|finally)$/.test(outer.name.text);
    return linked ? undefined : site("CM-P01", "chain");
  }
  if (method === "subscribe") return site("CM-R03", "observable");
  if (method === "promisify") return site("CM-P28", "callback");
  return undefined;
}
