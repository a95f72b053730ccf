/**
 * What the first stage plans for one file: which chains are written out, which functions become async, and the text that
 * comes of it.
 */
import { commentRanges } from "../rewrite/comments.js";
import { forEachOwn, isAsyncFunctionNode, skipParentheses, type FunctionNode } from "../analyse/syntax.js";
import { ts, type TS } from "../compiler.js";
import type { Controls } from "../controls.js";
import type { Candidate, Reason } from "../plan.js";
import type { LoadedProject } from "../project.js";
import { indentAt, styleOf, type Style } from "../rewrite/style.js";
import { placeOfFunction, writeFunction } from "../callbacks/function.js";
import type { CallbackPlan } from "../callbacks/plan.js";
import type { RuntimeName } from "../runtime-names.js";
import { linkName, NotLowered, readChain, returnsOf, type Chain } from "./chain.js";
import { Lowering, type Sink } from "./lower.js";
import { compose, fresh, type Composed, type Piece } from "./pieces.js";
import { keyOf, placeOf } from "./places.js";
import { returnedBy } from "./promising.js";

export type WithBody = FunctionNode & { body: TS.ConciseBody };

/** Where a function stood before: enough to find it again, and to report it. */
export interface Touched {
  readonly start: number;
  readonly end: number;
  /** It has become async only here. */
  readonly wasPromising: boolean;
}

export interface UnchainedFile {
  readonly original: TS.SourceFile;
  readonly composed: Composed;
  /** Functions that were changed, by {@link placeOf} in the original. */
  readonly touched: ReadonlyMap<number, Touched>;
  /** Chains, and the awaits around them, that are written out now. */
  readonly sites: readonly Candidate[];
  /** Library names that the new text has, and the file does not import yet. */
  readonly uses: ReadonlySet<RuntimeName>;
}

/** One place that is written anew. */
interface Site {
  readonly node: TS.Node;
  write(): Piece[];
}

/** The place of a chain. */
interface ChainSite extends Site {
  readonly chain: Chain;
}

/** What is planned for one file. */
export class FilePlan {
  readonly #file: TS.SourceFile;
  readonly #checker: TS.TypeChecker;
  readonly #options: TS.CompilerOptions;
  readonly #style: Style;
  readonly #isOwn: (call: TS.CallExpression) => boolean;
  readonly #left: Map<string, Reason>;
  readonly #controls: Controls;
  readonly #sites: Site[] = [];
  readonly #insertions = new Map<number, string>();
  readonly #touched = new Map<number, Touched>();
  readonly #absorbed = new Set<TS.Node>();
  readonly #records: Candidate[] = [];
  readonly #uses = new Set<RuntimeName>();
  #names = new Set<string>();
  #claims = new Map<TS.Node, Set<string>>();
  #renames = new Map<TS.Node, string>();

  constructor(
    file: TS.SourceFile,
    project: LoadedProject,
    checker: TS.TypeChecker,
    isOwn: (call: TS.CallExpression) => boolean,
    left: Map<string, Reason>,
    controls: Controls,
  ) {
    this.#file = file;
    this.#checker = checker;
    this.#options = project.options;
    this.#style = styleOf(file);
    this.#isOwn = isOwn;
    this.#left = left;
    this.#controls = controls;
  }

  get isEmpty(): boolean {
    return this.#touched.size === 0;
  }

  /** Whether a function is a callback of a chain that is written out: it is gone. */
  isAbsorbed(node: TS.Node): boolean {
    return this.#absorbed.has(node);
  }

  makeAsync(node: WithBody): void {
    this.#touch(node, true);
    const first = ts.isMethodDeclaration(node)
      ? node.name.getStart(this.#file)
      : (node
          .getChildren(this.#file)
          .find((child) => child.kind === ts.SyntaxKind.FunctionKeyword)
          ?.getStart(this.#file) ?? node.getStart(this.#file));
    this.#insertions.set(first, "async ");
  }

  #touch(node: WithBody, wasPromising: boolean): void {
    const start = node.getStart(this.#file);
    this.#touched.set(placeOf(node), { start, end: node.end, wasPromising });
  }

  /** Plans every function with an error-first callback that becomes a fiber function. */
  planCallbacks(functions: CallbackPlan): void {
    for (const fn of functions.converted.values()) {
      if (fn.file !== this.#file) continue;
      const write = (): Piece[] =>
        writeFunction(fn, {
          file: this.#file,
          checker: this.#checker,
          style: this.#style,
          functions,
          copy: this.copy,
          rename: (identifier, name) => void this.#renames.set(identifier, name),
          use: (name) => {
            if (!functions.imports(this.#file, name)) this.#uses.add(name);
            return name;
          },
          fiberNameOf: (target) => functions.fiberNameOf(target),
        });
      this.#sites.push({ node: placeOfFunction(fn), write });
      const start = fn.node.getStart(this.#file);
      this.#touched.set(placeOf(fn.node), { start, end: fn.node.end, wasPromising: false });
      for (const { callback } of fn.read.waits) if (callback !== undefined) this.#absorbed.add(callback.node);
      this.#records.push({ ...this.#callback(fn.node, functions), disposition: "facade" });
    }
  }

  #callback(node: WithBody, functions: CallbackPlan): Candidate {
    return { ...this.#candidate(node, "CM-C01", "callback"), name: functions.nameOf(node) };
  }

  /** The others, with their reasons. */
  callbacksLeft(functions: CallbackPlan): Candidate[] {
    return functions.left
      .filter(({ file }) => file === this.#file)
      .map(({ node, reason }) => ({
        ...this.#callback(node, functions),
        disposition: "leave",
        reasons: [reason],
      }));
  }

  /** Plans every chain that a function waits for or returns; answers whether there is one. */
  planFunction(node: WithBody): boolean {
    const before = this.#sites.length;
    if (ts.isBlock(node.body)) this.#planBlock(node.body, node);
    else this.#planConcise(node as TS.ArrowFunction);
    if (this.#sites.length === before) return false;
    if (isAsyncFunctionNode(node)) this.#touch(node, false);
    return true;
  }

  leaveChainsOf(node: WithBody, reason: Reason): void {
    for (const expression of returnedBy(node)) {
      if (expression === undefined) continue;
      const chain = skipParentheses(expression);
      if (linkName(chain) !== undefined) this.#leave(chain, reason);
    }
  }

  #leave(node: TS.Node, reason: Reason): void {
    this.#left.set(keyOf(this.#file.fileName, node.getStart(this.#file)), reason);
  }

  #planConcise(node: TS.ArrowFunction): void {
    const body = node.body as TS.Expression;
    const inner = skipParentheses(body);
    const operand = ts.isAwaitExpression(inner) ? inner.expression : inner;
    const chain = this.#chain(operand);
    if (chain === undefined) {
      this.#planInside(body, node);
      return;
    }
    const indent = indentAt(this.#file, node.getStart(this.#file));
    const deeper = indent + this.#style.indent;
    this.#plan(
      {
        node: body,
        chain,
        write: () => {
          const lowering = this.#lowering(node);
          const lines = [
            ...this.#comments(body, chain.node),
            ...lowering.emit(chain, { kind: "return", guarded: false }, deeper),
          ];
          const { eol } = this.#style;
          return [fresh(`{${eol}${deeper}`), ...lowering.lines(lines, deeper), fresh(`${eol}${indent}}`)];
        },
      },
      ts.isAwaitExpression(inner) ? inner : undefined,
    );
  }

  #planBlock(body: TS.Block, owner: WithBody): void {
    this.#planInside(body, owner);
  }

  /** @param returns  whether own `return`s are those of an async function */
  #planInside(body: TS.Node, owner: WithBody, returns = true): void {
    forEachOwn(body, (node) => {
      if (ts.isReturnStatement(node) && node.expression !== undefined) {
        const inner = skipParentheses(node.expression);
        if (ts.isAwaitExpression(inner)) this.#planReturn(node, inner.expression, owner, inner);
        else if (returns) this.#planReturn(node, inner, owner, undefined);
      } else if (ts.isAwaitExpression(node)) this.#planAwait(node, owner);
    });
  }

  #planReturn(
    statement: TS.ReturnStatement,
    operand: TS.Expression,
    owner: WithBody,
    awaited: TS.AwaitExpression | undefined,
  ): void {
    const chain = this.#chain(operand);
    if (chain === undefined) return;
    const guarded = isInTry(statement, owner);
    if (guarded && awaited === undefined) {
      this.#leave(chain.node, {
        code: "TR1301",
        message: "it is returned from inside try, which does not wait for it",
      });
      return;
    }
    this.#planStatement(statement, chain, { kind: "return", guarded }, owner, awaited);
  }

  #planAwait(node: TS.AwaitExpression, owner: WithBody): void {
    const outer = outermost(node);
    const { parent } = outer;
    if (ts.isReturnStatement(parent)) return; // planned with it
    const chain = this.#chain(node.expression);
    if (chain === undefined) return;
    if (ts.isExpressionStatement(parent)) {
      this.#planStatement(parent, chain, { kind: "discard" }, owner, node);
      return;
    }
    if (
      ts.isBinaryExpression(parent) &&
      parent.right === outer &&
      parent.operatorToken.kind === ts.SyntaxKind.EqualsToken &&
      ts.isIdentifier(parent.left) &&
      ts.isExpressionStatement(parent.parent)
    ) {
      this.#planStatement(parent.parent, chain, { kind: "assign", name: parent.left.text }, owner, node, [parent.left]);
      return;
    }
    const statement = parent.parent?.parent;
    if (ts.isVariableDeclaration(parent) && statement !== undefined && ts.isVariableStatement(statement)) {
      const keyword = /^\w+/.exec(this.#file.text.slice(statement.getStart(this.#file)))?.[0] ?? "";
      if (statement.declarationList.declarations.length === 1 && (keyword === "const" || keyword === "let")) {
        const kept = [parent.name, ...(parent.type === undefined ? [] : [parent.type])];
        const sink = (): Sink => {
          const [name = [], type = []] = kept.map((part) => this.copy(part.getStart(this.#file), part.end));
          return { kind: "declare", keyword, name, type };
        };
        this.#planStatement(statement, chain, sink, owner, node, kept);
        return;
      }
    }
    const indent = indentAt(this.#file, node.getStart(this.#file));
    this.#plan(
      {
        node,
        chain,
        write: () => {
          const lost = this.#comments(node, chain.node).flatMap((line) => [...line, fresh(this.#style.eol + indent)]);
          return [...lost, fresh(""), ...this.#lowering(containerOf(node, owner)).asExpression(chain, indent)];
        },
      },
      node,
    );
  }

  #planStatement(
    statement: TS.Statement,
    chain: Chain,
    given: Sink | (() => Sink),
    owner: WithBody,
    awaited: TS.AwaitExpression | undefined,
    kept: readonly TS.Node[] = [],
  ): void {
    const isBranch = !ts.isBlock(statement.parent) && !ts.isCaseOrDefaultClause(statement.parent);
    const outside = indentAt(this.#file, statement.getStart(this.#file));
    const indent = isBranch ? outside + this.#style.indent : outside;
    this.#plan(
      {
        node: statement,
        chain,
        write: () => {
          const lowering = this.#lowering(isBranch ? statement : containerOf(statement, owner));
          const sink = typeof given === "function" ? given() : given;
          const lines = [...this.#comments(statement, chain.node, kept), ...lowering.emit(chain, sink, indent)];
          if (sink.kind === "return" && lowering.mayFallOff(chain) && !isLastOf(statement, owner)) {
            lines.push([fresh(`return${this.#style.semicolon}`)]);
          }
          const { eol } = this.#style;
          const written = lowering.lines(lines, indent);
          return isBranch ? [fresh(`{${eol}${indent}`), ...written, fresh(`${eol}${outside}}`)] : written;
        },
      },
      awaited,
    );
  }

  #lowering(container: TS.Node): Lowering {
    return new Lowering(
      {
        file: this.#file,
        checker: this.#checker,
        options: this.#options,
        style: this.#style,
        copy: this.copy,
        rename: (identifier, name) => void this.#renames.set(identifier, name),
        isOwn: this.#isOwn,
        freshName: (base) => this.#freshName(base),
        claimed: (node) => {
          const known = this.#claims.get(node) ?? new Set<string>();
          this.#claims.set(node, known);
          return known;
        },
      },
      container,
    );
  }

  #freshName(base: string): string {
    if (this.#names.size === 0) {
      for (const match of this.#file.text.matchAll(/[A-Za-z_$][\w$]*/g)) this.#names.add(match[0]);
    }
    let name = base;
    for (let n = 2; this.#names.has(name); n++) name = `${base}${n}`;
    this.#names.add(name);
    return name;
  }

  /** Keeps a site if it can be written; the writing is done again when everything else is planned. */
  #plan(site: ChainSite, awaited: TS.AwaitExpression | undefined): void {
    try {
      site.write();
    } catch (error) {
      if (!(error instanceof NotLowered)) throw error;
      this.#leave(site.chain.node, error.reason);
      return;
    } finally {
      this.#names = new Set();
      this.#claims = new Map();
      this.#renames = new Map();
    }
    this.#sites.push(site);
    this.#record(site.chain.node, patternOf(site.chain), "chain");
    if (awaited !== undefined) this.#record(awaited, "CM-A03", "await");
    this.#absorb(site.chain);
  }

  #absorb(chain: Chain): void {
    for (const { onValue, onError, onEnd } of chain.links) {
      for (const handler of [onValue, onError, onEnd]) {
        if (handler?.kind !== "body") continue;
        const { node } = handler;
        this.#absorbed.add(node);
        const returned = ts.isBlock(node.body) ? returnsOf(node.body).map((r) => r.expression) : [node.body];
        for (const expression of returned) {
          const inner = expression === undefined ? undefined : skipParentheses(expression);
          const nested =
            inner === undefined ? undefined : this.#chain(ts.isAwaitExpression(inner) ? inner.expression : inner);
          if (nested === undefined) continue;
          this.#record(nested.node, patternOf(nested), "chain");
          if (inner !== undefined && ts.isAwaitExpression(inner)) this.#record(inner, "CM-A03", "await");
          this.#absorb(nested);
        }
        if (isAsyncFunctionNode(node)) {
          this.#record(node, "CM-P30", "function");
          forEachOwn(node.body, (inner) => {
            if (ts.isAwaitExpression(inner)) this.#planAwait(inner, node);
          });
        }
      }
    }
  }

  #chain(expression: TS.Expression): Chain | undefined {
    try {
      const chain = readChain(expression, this.#checker);
      if (chain === undefined || !this.#controls.ignores(chain.node)) return chain;
      this.#leave(chain.node, { code: "TR1803", message: "a comment asks to leave it" });
      return undefined;
    } catch (error) {
      if (!(error instanceof NotLowered)) throw error;
      this.#leave(skipParentheses(expression), error.reason);
      return undefined;
    }
  }

  /** The comments of a statement that stand around its chain, and in none of the parts that are kept. */
  #comments(outer: TS.Node, inner: TS.Node, kept: readonly TS.Node[] = []): Piece[][] {
    const found: Piece[][] = [];
    let at = outer.getStart(this.#file);
    for (const node of [...kept, inner]) {
      found.push(...this.#commentsBetween(at, node.getStart(this.#file)));
      at = node.end;
    }
    return [...found, ...this.#commentsBetween(at, outer.end)];
  }

  #commentsBetween(start: number, end: number): Piece[][] {
    return commentRanges(this.#file, start, end).map((comment) => this.copy(comment.start, comment.end));
  }

  #record(node: TS.Node, pattern: string, kind: Candidate["kind"]): void {
    this.#records.push(this.#candidate(node, pattern, kind));
  }

  #candidate(node: TS.Node, pattern: string, kind: Candidate["kind"]): Candidate {
    const start = node.getStart(this.#file);
    const { line, character } = this.#file.getLineAndCharacterOfPosition(start);
    const text = node.getText(this.#file).replace(/\s+/g, " ");
    return {
      pattern,
      kind,
      name: text.length > 60 ? `${text.slice(0, 57)}...` : text,
      file: this.#file.fileName,
      line: line + 1,
      column: character + 1,
      start,
      end: node.end,
      disposition: "rewrite",
      reasons: [],
    };
  }

  readonly copy = (start: number, end: number): Piece[] => {
    const { text } = this.#file;
    const places: { start: number; end: number; write: () => Piece[] }[] = [];
    for (const site of this.#sites) {
      const { node } = site;
      const from = node.getStart(this.#file);
      if (from >= start && node.end <= end) places.push({ start: from, end: node.end, write: () => site.write() });
    }
    for (const [node, name] of this.#renames) {
      const from = node.getStart(this.#file);
      if (from < start || node.end > end) continue;
      const written = ts.isShorthandPropertyAssignment(node.parent) ? `${text.slice(from, node.end)}: ${name}` : name;
      const shorthand =
        ts.isBindingElement(node.parent) &&
        node.parent.propertyName === undefined &&
        ts.isObjectBindingPattern(node.parent.parent) &&
        node.parent.dotDotDotToken === undefined;
      places.push({
        start: from,
        end: node.end,
        write: () => [fresh(shorthand ? `${text.slice(from, node.end)}: ${name}` : written)],
      });
    }
    for (const [position, inserted] of this.#insertions) {
      if (position >= start && position < end)
        places.push({ start: position, end: position, write: () => [fresh(inserted)] });
    }
    places.sort((a, b) => a.start - b.start || (a.end === a.start ? -1 : b.end === b.start ? 1 : b.end - a.end));
    const pieces: Piece[] = [];
    let at = start;
    for (const place of places) {
      if (place.start < at) continue; // inside another
      pieces.push({ text: text.slice(at, place.start), origin: at }, ...place.write());
      at = place.end;
    }
    pieces.push({ text: text.slice(at, end), origin: at });
    return pieces;
  };

  outcome(): UnchainedFile {
    const composed = compose(this.copy(0, this.#file.text.length));
    return { original: this.#file, composed, touched: this.#touched, sites: this.#records, uses: this.#uses };
  }
}

function patternOf(chain: Chain): string {
  if (chain.links.some((link) => link.onValue !== undefined && link.onError !== undefined)) return "CM-P06";
  if (chain.links.some((link) => link.onEnd !== undefined)) return "CM-P07";
  if (chain.links.some((link) => link.onError !== undefined)) return chain.links.length > 1 ? "CM-P05" : "CM-P04";
  const named = chain.links.every((link) => link.onValue?.kind === "name");
  return named ? "CM-P02" : "CM-P01";
}

function outermost(node: TS.Expression): TS.Expression {
  let current: TS.Expression = node;
  while (ts.isParenthesizedExpression(current.parent)) current = current.parent;
  return current;
}

/** The block whose names a statement shares; of a function's own block, the function with its parameters. */
function containerOf(node: TS.Node, owner: WithBody): TS.Node {
  let current: TS.Node = node.parent;
  while (current !== owner && !ts.isBlock(current) && !ts.isCaseBlock(current) && !ts.isSourceFile(current)) {
    current = current.parent;
  }
  return current === owner.body ? owner : current;
}

function isInTry(node: TS.Node, owner: TS.Node): boolean {
  for (
    let child = node, parent = node.parent;
    parent !== undefined && child !== owner;
    child = parent, parent = parent.parent
  ) {
    if (!ts.isTryStatement(parent)) continue;
    if (parent.tryBlock === child) return true;
    if (parent.catchClause === child && parent.finallyBlock !== undefined) return true;
  }
  return false;
}

/** Whether nothing of a function comes after a statement. */
function isLastOf(statement: TS.Statement, owner: WithBody): boolean {
  return ts.isBlock(owner.body) && owner.body.statements.at(-1) === statement;
}
