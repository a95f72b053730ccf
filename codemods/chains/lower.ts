/**
 * Writes a chain of callbacks as statements that wait. The order of a chain in the text is the order in which it runs,
 * so each link becomes what follows the wait for the links in front of it: `catch` and `finally` become clauses of a
 * `try` around them.
 */
import { commentRanges } from "../rewrite/comments.js";
import { skipParentheses } from "../analyse/syntax.js";
import { waitedKind } from "../analyse/thenable.js";
import { ts, type TS } from "../compiler.js";
import { indentAt, type Style } from "../rewrite/style.js";
import {
  alwaysLeaves,
  boundNames,
  isAssigned,
  neverThrows,
  readChain,
  refuse,
  returnsOf,
  type Chain,
  type Handler,
  type Link,
  type Written,
} from "./chain.js";
import { Layout, type Line } from "./layout.js";
import { BroughtNames, type FileNames } from "./names.js";
import { fresh, textOf, trimmed, type Piece } from "./pieces.js";
import { usesLoosely, WrittenTypes } from "./types.js";

/** What becomes of the value of a chain. */
export type Sink =
  /** It is returned; `guarded` says that a `try` written here must see its failure. */
  | { readonly kind: "return"; readonly guarded: boolean }
  | { readonly kind: "discard" }
  /** A variable is declared with it. */
  | { readonly kind: "declare"; readonly keyword: string; readonly name: Piece[]; readonly type: Piece[] }
  /** It is assigned to a variable. */
  | { readonly kind: "assign"; readonly name: string };

/** What the writer needs of the file that it writes a part of. */
export interface Surroundings extends FileNames {
  readonly file: TS.SourceFile;
  readonly options: TS.CompilerOptions;
  readonly style: Style;
  /** Copies a part of the file, with what is planned for the places in it. */
  copy(start: number, end: number): Piece[];
  /** Whether a call answers by a rejection, whatever goes wrong in it. */
  isOwn(call: TS.CallExpression): boolean;
}

export class Lowering {
  readonly #at: Surroundings;
  readonly #layout: Layout;
  readonly #types: WrittenTypes;
  readonly #names: BroughtNames;

  /** @param container  the block whose names the written statements share */
  constructor(at: Surroundings, container: TS.Node) {
    this.#at = at;
    this.#layout = new Layout(at.file, at.style);
    this.#types = new WrittenTypes(at.file, at.checker, at.options);
    this.#names = new BroughtNames(at, container);
  }

  /** The statements that do what the first `count` links of a chain do. */
  emit(chain: Chain, sink: Sink, indent: string, count = chain.links.length): Line[] {
    if (count === chain.links.length) {
      // The first to bring a name keeps it.
      for (const { onValue } of chain.links) if (onValue?.kind === "body") this.#names.bring(onValue.node);
    }
    if (count === 0) return this.#emitHead(chain, sink, indent);
    const link = chain.links[count - 1] as Link;
    if (sink.kind === "declare" && this.#needsTry(chain, count)) return this.#declareFirst(chain, sink, indent, count);
    const { onValue, onError, onEnd } = link;
    if (onValue !== undefined && onError !== undefined) return this.#emitBoth(chain, sink, indent, count);
    if (onError !== undefined) return this.#emitCatch(chain, sink, indent, count);
    if (onEnd !== undefined) return this.#emitFinally(chain, sink, indent, count);
    if (onValue !== undefined) return this.#emitThen(chain, onValue, sink, indent, count);
    // No callback: the link is an identity.
    return [...this.#lost(link), ...this.emit(chain, sink, indent, count - 1)];
  }

  /** `await (async () => { ... })()`, for a chain in the middle of an expression. */
  asExpression(chain: Chain, indent: string, count = chain.links.length): Piece[] {
    const deeper = indent + this.#at.style.indent;
    const lines = this.emit(chain, { kind: "return", guarded: false }, deeper, count);
    return [
      fresh("await (async () => {"),
      ...this.#layout.indented(lines, deeper),
      fresh(`${this.#at.style.eol}${indent}})()`),
    ];
  }

  /** Whether control may reach what follows the lines of a returning chain. */
  mayFallOff(chain: Chain): boolean {
    for (const { onValue, onError } of [...chain.links].reverse()) {
      if (onError !== undefined && !this.#leaves(onError)) return true;
      // What comes before this callback gives it its value, and not the chain.
      if (onValue !== undefined) return !this.#leaves(onValue);
    }
    return false;
  }

  /** Whether a callback whose value is returned ends in a `return` whatever happens. */
  #leaves(handler: Handler): boolean {
    if (handler.kind === "name") return true;
    const { body } = handler.node;
    if (ts.isBlock(body)) return alwaysLeaves(body.statements);
    const nested = this.#nested(skipParentheses(body));
    return nested === undefined ? !this.#types.isVoid(body) : !this.mayFallOff(nested);
  }

  // ---------------------------------------------------------------- links

  #emitHead(chain: Chain, sink: Sink, indent: string): Line[] {
    const { file } = this.#at;
    const start = chain.head.getStart(file);
    const held = this.#heldHeads.get(chain.head);
    const head =
      held === undefined ? this.#layout.moved(this.#at.copy(start, chain.head.end), start, indent) : [fresh(held)];
    return [this.#sunk(sink, [fresh("await "), ...head], "waited", false)];
  }

  #emitThen(chain: Chain, handler: Handler, sink: Sink, indent: string, count: number): Line[] {
    const lost = this.#lost(chain.links[count - 1] as Link);
    if (handler.kind === "name") return [...lost, ...this.#callWith(chain, handler, sink, indent, count)];
    const parameter = handler.node.parameters[0];
    const waits =
      parameter === undefined
        ? this.emit(chain, { kind: "discard" }, indent, count - 1)
        : this.emit(chain, this.#declaration(parameter, handler.node), indent, count - 1);
    return [...waits, ...lost, ...this.#body(handler.node, sink, indent)];
  }

  #callWith(chain: Chain, handler: Handler & { kind: "name" }, sink: Sink, indent: string, count: number): Line[] {
    const { file } = this.#at;
    const callee = this.#at.copy(handler.node.getStart(file), handler.node.end);
    if (!handler.takesValue) {
      const waits = this.emit(chain, { kind: "discard" }, indent, count - 1);
      return [...waits, this.#called(sink, handler, [...callee, fresh("()")])];
    }
    const held = this.#heldHeads.get(chain.head);
    if (count === 1) {
      const start = chain.head.getStart(file);
      const head =
        held === undefined ? this.#layout.moved(this.#at.copy(start, chain.head.end), start, indent) : [fresh(held)];
      return [this.#called(sink, handler, [...callee, fresh("(await "), ...head, fresh(")")])];
    }
    const name = this.#at.freshName("value");
    const declared: Sink = { kind: "declare", keyword: "const", name: [fresh(name)], type: [] };
    const waits = this.emit(chain, declared, indent, count - 1);
    return [...waits, this.#called(sink, handler, [...callee, fresh(`(${name})`)])];
  }

  #called(sink: Sink, handler: Handler, call: Piece[]): Line {
    const [signature] = this.#at.checker.getTypeAtLocation(handler.node).getCallSignatures();
    const result = signature === undefined ? undefined : this.#at.checker.getReturnTypeOfSignature(signature);
    return this.#sunk(sink, call, this.#types.isPlain(result) ? "plain" : "open", false);
  }

  #emitCatch(chain: Chain, sink: Sink, indent: string, count: number): Line[] {
    const link = chain.links[count - 1] as Link;
    const handler = link.onError as Handler;
    const { before, attempt } = this.#attempt(chain, sink, indent, count);
    return [...before, [...attempt, ...this.#catchClause(handler, link, sink, indent)]];
  }

  /** `try { ... }` around the links in front, and what has to stand before it. */
  #attempt(chain: Chain, sink: Sink, indent: string, count: number): { before: Line[]; attempt: Piece[] } {
    const deeper = indent + this.#at.style.indent;
    const { before, chain: inner } = this.#calmed(chain, indent);
    const lines = this.emit(inner, guarded(sink), deeper, count - 1);
    return {
      before,
      attempt: [fresh("try {"), ...this.#layout.indented(lines, deeper), fresh(`${this.#at.style.eol}${indent}}`)],
    };
  }

  #catchClause(handler: Handler, link: Link, sink: Sink, indent: string): Piece[] {
    const deeper = indent + this.#at.style.indent;
    const lost = this.#lost(link);
    const end = fresh(`${this.#at.style.eol}${indent}}`);
    if (handler.kind === "name") {
      const callee = this.#at.copy(handler.node.getStart(this.#at.file), handler.node.end);
      if (!handler.takesValue) {
        const line = this.#called(sink, handler, [...callee, fresh("()")]);
        return [fresh(" catch {"), ...this.#layout.indented([...lost, line], deeper), end];
      }
      const name = this.#at.freshName("error");
      const line = this.#called(sink, handler, [...callee, fresh(`(${name})`)]);
      return [
        fresh(` catch (${name}${this.#types.anyError}) {`),
        ...this.#layout.indented([...lost, line], deeper),
        end,
      ];
    }
    const { node } = handler;
    const parameter = node.parameters[0];
    const binding: Piece[] = [];
    const first: Line[] = [];
    if (parameter !== undefined) {
      const { file } = this.#at;
      const name = this.#at.copy(parameter.name.getStart(file), parameter.name.end);
      const type = parameter.type?.getText(file);
      if (type !== undefined && type !== "any" && type !== "unknown") {
        // A catch clause may not say what is thrown.
        const thrown = this.#at.freshName("thrown");
        binding.push(fresh(`(${thrown}) `));
        const keyword = isAssigned(node.body, parameter.name.getText(file)) ? "let" : "const";
        const written = this.#at.copy((parameter.type as TS.Node).getStart(file), (parameter.type as TS.Node).end);
        first.push([
          fresh(`${keyword} `),
          ...name,
          fresh(` = ${thrown} as `),
          ...written,
          fresh(this.#at.style.semicolon),
        ]);
      } else if (type !== undefined) {
        binding.push(fresh("("), ...this.#at.copy(parameter.name.getStart(file), parameter.end), fresh(") "));
      } else {
        const used = usesLoosely(node, parameter.name);
        binding.push(fresh("("), ...name, fresh(`${used ? this.#types.anyError : ""}) `));
      }
    }
    const lines = [...lost, ...first, ...this.#body(node, sink, deeper)];
    return [fresh(" catch "), ...binding, fresh("{"), ...this.#layout.indented(lines, deeper), end];
  }

  #emitFinally(chain: Chain, sink: Sink, indent: string, count: number): Line[] {
    const link = chain.links[count - 1] as Link;
    const handler = link.onEnd as Handler;
    const deeper = indent + this.#at.style.indent;
    const lines = this.#lost(link);
    if (handler.kind === "name") {
      const callee = this.#at.copy(handler.node.getStart(this.#at.file), handler.node.end);
      lines.push(this.#called({ kind: "discard" }, handler, [...callee, fresh("()")]));
    } else {
      lines.push(...this.#body(handler.node, { kind: "discard" }, deeper));
    }
    const { before, attempt } = this.#attempt(chain, sink, indent, count);
    const clause = [
      fresh(" finally {"),
      ...this.#layout.indented(lines, deeper),
      fresh(`${this.#at.style.eol}${indent}}`),
    ];
    return [...before, [...attempt, ...clause]];
  }

  /** `then(a, b)`: an error of `a` is not for `b`. */
  #emitBoth(chain: Chain, sink: Sink, indent: string, count: number): Line[] {
    if (sink.kind !== "return") return [this.#sunk(sink, this.asExpression(chain, indent, count), "waited", false)];
    const link = chain.links[count - 1] as Link;
    const [onValue, onError] = [link.onValue as Handler, link.onError as Handler];
    let inner: Sink = { kind: "discard" };
    const first: Line[] = [];
    const takesValue = onValue.kind === "name" ? onValue.takesValue : onValue.node.parameters.length > 0;
    const lines: Line[] = [];
    const parameter = onValue.kind === "body" ? onValue.node.parameters[0] : undefined;
    const isNamed = parameter !== undefined && ts.isIdentifier(parameter.name) && parameter.type === undefined;
    const name = !takesValue
      ? ""
      : isNamed
        ? textOf(this.#at.copy(parameter.name.getStart(this.#at.file), parameter.name.end))
        : this.#at.freshName("value");
    if (takesValue) {
      inner = { kind: "assign", name };
      first.push([fresh(`let ${name}${this.#types.annotation(link.before, link.call)}${this.#at.style.semicolon}`)]);
    }
    const { before, attempt } = this.#attempt(chain, inner, indent, count);
    const clause = this.#catchClause(onError, link, sink, indent);
    lines.push(...first, ...before, [...attempt, ...this.#leaving(clause, onError, indent)]);
    if (onValue.kind === "name") {
      const callee = this.#at.copy(onValue.node.getStart(this.#at.file), onValue.node.end);
      lines.push(this.#called(sink, onValue, [...callee, fresh(takesValue ? `(${name})` : "()")]));
      return lines;
    }
    if (parameter !== undefined && !isNamed) {
      const declared = this.#declaration(parameter, onValue.node);
      lines.push(this.#sunk(declared, [fresh(name)], "plain", false));
    }
    return [...lines, ...this.#body(onValue.node, sink, indent)];
  }

  /** What handles an error of two callbacks must not go on to where its sibling runs. */
  #leaving(clause: Piece[], handler: Handler, indent: string): Piece[] {
    if (this.#leaves(handler)) return clause;
    const { style } = this.#at;
    const open = clause.slice(0, -1);
    return [
      ...open,
      fresh(`${this.#at.style.eol}${indent}${style.indent}return${this.#at.style.semicolon}`),
      fresh(`${this.#at.style.eol}${indent}}`),
    ];
  }

  // ---------------------------------------------------------------- callbacks

  /** The statements of a callback, with its value in the sink. */
  #body(node: Written, sink: Sink, indent: string): Line[] {
    const { file } = this.#at;
    const { body } = node;
    const declared = this.#resultAnnotation(node, sink);
    if (!ts.isBlock(body)) return this.#value(body, declared, indent, true);
    const inner = { start: body.getStart(file) + 1, end: body.end - 1 };
    if (sink.kind !== "return" && !this.#endsAreTails(body)) {
      const deeper = indent + this.#at.style.indent;
      const lines = this.#block(body, { kind: "return", guarded: false }, deeper);
      const run = [
        fresh("await (async () => {"),
        ...this.#layout.indented(lines, deeper),
        fresh(`${this.#at.style.eol}${indent}})()`),
      ];
      return [this.#sunk(declared, run, "waited", false)];
    }
    if (file.text.slice(inner.start, inner.end).trim() === "") {
      return declared.kind === "declare" || declared.kind === "assign"
        ? [this.#sunk(declared, [fresh("undefined")], "plain", true)]
        : [];
    }
    const lines: Line[] = [];
    let target: Sink = declared;
    if (declared.kind === "declare") {
      const last = body.statements.at(-1);
      if (returnsOf(body).length !== 1 || last === undefined || !ts.isReturnStatement(last)) {
        const name = this.#plainName(declared);
        if (name === undefined) refuse("TR1305", "the value of a callback is taken apart");
        lines.push([fresh(`let ${name}${this.#annotationText(declared)}${this.#at.style.semicolon}`)]);
        target = { kind: "assign", name };
      }
    }
    lines.push(...this.#block(body, target, indent));
    if (target.kind === "assign" && !alwaysLeaves(body.statements)) {
      lines.push([fresh(`${target.name} = undefined${this.#at.style.semicolon}`)]);
    }
    return lines;
  }

  /** The text inside the braces, each own `return` of which goes into the sink. */
  #block(body: TS.Block, sink: Sink, indent: string): Line[] {
    const { file } = this.#at;
    const pieces: Piece[] = [];
    let at = body.getStart(file) + 1;
    const from = this.#indentInside(body);
    for (const statement of returnsOf(body)) {
      const start = statement.getStart(file);
      const copied = this.#at.copy(at, start);
      pieces.push(...this.#layout.reindented(copied, from, indent));
      const own = indentAt(file, start);
      const inside = own.startsWith(from) ? indent + own.slice(from.length) : indent;
      const needsBlock = !ts.isBlock(statement.parent);
      const deeper = inside + this.#at.style.indent;
      const lines = this.#returned(statement, sink, needsBlock ? deeper : inside);
      const isOne = lines.length === 1 && !textOf(lines[0] as Line).includes("\n");
      if (needsBlock && !isOne) {
        pieces.push(fresh("{"), ...this.#layout.indented(lines, deeper), fresh(`${this.#at.style.eol}${inside}}`));
      } else pieces.push(...this.#layout.joined(lines, inside));
      at = statement.end;
    }
    pieces.push(...this.#layout.reindented(this.#at.copy(at, body.end - 1), from, indent));
    const result = trimmed(pieces);
    return result.length === 0 ? [] : [result];
  }

  #returned(statement: TS.ReturnStatement, sink: Sink, indent: string): Line[] {
    const { file } = this.#at;
    const { expression } = statement;
    if (expression === undefined) {
      if (sink.kind === "return") return [[...this.#at.copy(statement.getStart(file), statement.end)]];
      return sink.kind === "discard" ? [] : [this.#sunk(sink, [fresh("undefined")], "plain", true)];
    }
    const outer = [
      ...this.#comments(statement.getStart(file), expression.getStart(file)),
      ...this.#comments(expression.end, statement.end),
    ];
    const lines = this.#value(expression, sink, indent);
    const chain = this.#nested(skipParentheses(expression));
    if (sink.kind === "return" && chain !== undefined && this.mayFallOff(chain))
      lines.push([fresh(`return${this.#at.style.semicolon}`)]);
    return [...outer, ...lines];
  }

  /** Puts the value of an expression into the sink; an own chain is written out in turn. */
  #value(given: TS.Expression, sink: Sink, indent: string, isWhole = false): Line[] {
    const { file, checker } = this.#at;
    const stripped = skipParentheses(given);
    const waits = ts.isAwaitExpression(stripped);
    const inner = waits ? skipParentheses(stripped.expression) : stripped;
    const around = (node: TS.Node): Line[] => [
      ...this.#comments(given.getStart(file), node.getStart(file)),
      ...this.#comments(node.end, given.end),
    ];
    const chain = this.#nested(inner);
    if (chain !== undefined) return [...around(inner), ...this.emit(chain, sink, indent)];
    const rejected = this.#rejected(inner, sink, indent);
    if (rejected !== undefined) return [...around(inner), rejected];
    const keepsParentheses =
      (ts.isObjectLiteralExpression(stripped) && sink.kind === "discard") ||
      (ts.isBinaryExpression(stripped) && stripped.operatorToken.kind === ts.SyntaxKind.CommaToken);
    const written = keepsParentheses ? given : stripped;
    const start = written.getStart(file);
    const value = this.#layout.moved(this.#at.copy(start, written.end), start, indent);
    if (waits) return [...around(written), this.#sunk(sink, value, "waited", false)];
    if (sink.kind === "return" && isWhole && this.#types.isVoid(inner)) {
      return [...around(written), this.#sunk({ kind: "discard" }, value, "plain", false)];
    }
    const kind = waitedKind(inner, checker) === "plain" ? "plain" : "open";
    return [...around(written), this.#sunk(sink, value, kind, isPure(inner), needsParentheses(written))];
  }

  /** `return Promise.reject(e)` throws. */
  #rejected(expression: TS.Expression, sink: Sink, indent: string): Line | undefined {
    const { file } = this.#at;
    if (sink.kind === "declare" || !ts.isCallExpression(expression) || expression.arguments.length !== 1)
      return undefined;
    if (!/^Promise\s*\.\s*reject$/.test(expression.expression.getText(file))) return undefined;
    const error = expression.arguments[0] as TS.Expression;
    const start = error.getStart(file);
    const lost = this.#comments(expression.getStart(file), start).concat(this.#comments(error.end, expression.end));
    const thrown = [
      fresh("throw "),
      ...this.#layout.moved(this.#at.copy(start, error.end), start, indent),
      fresh(this.#at.style.semicolon),
    ];
    return [
      ...this.#layout.joined(lost, indent),
      ...(lost.length > 0 ? [fresh(this.#at.style.eol + indent)] : []),
      ...thrown,
    ];
  }

  #nested(expression: TS.Expression): Chain | undefined {
    try {
      return readChain(expression, this.#at.checker);
    } catch {
      return undefined;
    }
  }

  /** Whether each own `return` is where the block ends anyway, so that it need not leave it. */
  #endsAreTails(body: TS.Block): boolean {
    const tails = new Set<TS.Node>();
    const collect = (statement: TS.Statement | undefined): void => {
      if (statement === undefined) return;
      if (ts.isReturnStatement(statement)) tails.add(statement);
      else if (ts.isBlock(statement)) collect(statement.statements.at(-1));
      else if (ts.isIfStatement(statement)) {
        collect(statement.thenStatement);
        collect(statement.elseStatement);
      }
    };
    const last = body.statements.at(-1);
    collect(last);
    const returns = returnsOf(body);
    if (!returns.every((statement) => tails.has(statement))) return false;
    // Where some ways give a value and others do not, no assignment at the end can tell.
    return returns.length === 0 || alwaysLeaves(body.statements) || returns.every((r) => r.expression === undefined);
  }

  #declaration(parameter: TS.ParameterDeclaration, node: Written): Sink {
    const { file } = this.#at;
    const names = boundNames(parameter.name);
    const reassigned = names.some((name) => isAssigned(node.body, name.text));
    return {
      kind: "declare",
      keyword: reassigned ? "let" : "const",
      name: this.#at.copy(parameter.name.getStart(file), parameter.name.end),
      type: parameter.type === undefined ? [] : this.#at.copy(parameter.type.getStart(file), parameter.type.end),
    };
  }

  /** A variable that more than one place assigns is declared before them. */
  #declareFirst(chain: Chain, sink: Sink & { kind: "declare" }, indent: string, count: number): Line[] {
    const link = chain.links[count - 1] as Link;
    const name = this.#plainName(sink);
    const annotation = sink.type.length > 0 ? this.#annotationText(sink) : this.#types.annotation(link.call, link.call);
    if (name !== undefined) {
      const lines = this.emit(chain, { kind: "assign", name }, indent, count);
      return [[fresh(`let ${name}${annotation}${this.#at.style.semicolon}`)], ...lines];
    }
    const held = this.#at.freshName("value");
    const lines = this.emit(chain, { kind: "assign", name: held }, indent, count);
    const taken = [fresh(`${sink.keyword} `), ...sink.name, fresh(` = ${held}${this.#at.style.semicolon}`)];
    return [[fresh(`let ${held}${annotation}${this.#at.style.semicolon}`)], ...lines, taken];
  }

  #plainName(sink: Sink & { kind: "declare" }): string | undefined {
    const text = textOf(sink.name);
    return /^[\w$]+$/.test(text) ? text : undefined;
  }

  #annotationText(sink: Sink & { kind: "declare" }): string {
    return sink.type.length === 0 ? "" : `: ${textOf(sink.type)}`;
  }

  /** What a callback is declared to give, where its value goes into a variable. */
  #resultAnnotation(node: Written, sink: Sink): Sink {
    if (node.type === undefined || sink.kind !== "declare" || sink.type.length > 0) return sink;
    const text = node.type.getText(this.#at.file);
    const promised = /^Promise<([\s\S]*)>$/.exec(text);
    return { ...sink, type: [fresh(promised?.[1] ?? text)] };
  }

  // ---------------------------------------------------------------- text

  /** What may throw before there is a promise stands in front of the `try`. */
  #calmed(chain: Chain, indent: string): { before: Line[]; chain: Chain } {
    const { file } = this.#at;
    if (neverThrows(chain.head, (call) => this.#at.isOwn(call))) return { before: [], chain };
    const held = this.#heldHeads.get(chain.head);
    if (held !== undefined) return { before: [], chain };
    const name = this.#at.freshName("promise");
    const start = chain.head.getStart(file);
    const head = this.#layout.moved(this.#at.copy(start, chain.head.end), start, indent);
    this.#heldHeads.set(chain.head, name);
    return { before: [[fresh(`const ${name} = `), ...head, fresh(this.#at.style.semicolon)]], chain };
  }

  readonly #heldHeads = new Map<TS.Expression, string>();

  /** A statement that puts a value where it belongs. */
  #sunk(sink: Sink, value: Piece[], kind: "plain" | "waited" | "open", isPure: boolean, wrapped = false): Line {
    const wait =
      kind === "open" ? (wrapped ? [fresh("await ("), ...value, fresh(")")] : [fresh("await "), ...value]) : value;
    const end = fresh(this.#at.style.semicolon);
    switch (sink.kind) {
      case "return":
        return [fresh("return "), ...(sink.guarded ? wait : kind === "waited" ? unwaited(value) : value), end];
      case "discard":
        if (kind === "plain" && isPure) return [];
        return [...wait, end];
      case "declare":
        return [
          fresh(`${sink.keyword} `),
          ...sink.name,
          ...(sink.type.length === 0 ? [] : [fresh(": "), ...sink.type]),
          fresh(" = "),
          ...wait,
          end,
        ];
      case "assign":
        return [fresh(`${sink.name} = `), ...wait, end];
    }
  }

  lines(lines: readonly Line[], indent: string): Piece[] {
    return this.#layout.joined(lines, indent);
  }

  #indentInside(body: TS.Block): string {
    const { file } = this.#at;
    const first = body.statements[0];
    if (first === undefined) return indentAt(file, body.getStart(file)) + this.#at.style.indent;
    return indentAt(file, first.getStart(file));
  }

  /** The comments of a link that are in no part of it that is kept. */
  #lost(link: Link): Line[] {
    const { file } = this.#at;
    const lines: Line[] = [];
    let at = link.before.end;
    for (const argument of link.call.arguments) {
      const handler = skipParentheses(argument);
      if (ts.isArrowFunction(handler) || ts.isFunctionExpression(handler)) {
        const parameter = handler.parameters[0];
        const { body } = handler;
        const start = ts.isBlock(body) ? body.getStart(file) + 1 : body.getStart(file);
        if (parameter === undefined) lines.push(...this.#comments(at, start));
        else {
          lines.push(...this.#comments(at, parameter.getStart(file)));
          if (parameter.type !== undefined) {
            lines.push(...this.#comments(parameter.name.end, parameter.type.getStart(file)));
          }
          lines.push(...this.#comments(parameter.end, start));
        }
        at = ts.isBlock(body) ? body.end - 1 : body.end;
      } else {
        const isKept = handler.kind !== ts.SyntaxKind.NullKeyword && handler.getText(file) !== "undefined";
        lines.push(...this.#comments(at, isKept ? handler.getStart(file) : handler.end));
        at = handler.end;
      }
    }
    lines.push(...this.#comments(at, link.call.end));
    return lines;
  }

  #comments(start: number, end: number): Line[] {
    return commentRanges(this.#at.file, start, end).map((comment) => this.#at.copy(comment.start, comment.end));
  }

  #needsTry(chain: Chain, count: number): boolean {
    const link = chain.links[count - 1] as Link;
    if (link.onError !== undefined) return link.onValue === undefined;
    if (link.onEnd !== undefined) return true;
    return link.onValue === undefined && count > 1 && this.#needsTry(chain, count - 1);
  }
}

function guarded(sink: Sink): Sink {
  return sink.kind === "return" ? { kind: "return", guarded: true } : sink;
}

/** `return await p` outside of any `try` is `return p`. */
function unwaited(value: Piece[]): Piece[] {
  const [first, ...rest] = value;
  return first?.text === "await " && first.origin === undefined ? rest : value;
}

function isPure(expression: TS.Expression): boolean {
  return (
    ts.isIdentifier(expression) ||
    ts.isLiteralExpression(expression) ||
    expression.kind === ts.SyntaxKind.TrueKeyword ||
    expression.kind === ts.SyntaxKind.FalseKeyword ||
    expression.kind === ts.SyntaxKind.NullKeyword ||
    (ts.isVoidExpression(expression) && ts.isNumericLiteral(expression.expression)) ||
    (ts.isArrayLiteralExpression(expression) && expression.elements.length === 0)
  );
}

/** Whether `await` in front of an expression would take only a part of it. */
function needsParentheses(expression: TS.Expression): boolean {
  return (
    ts.isBinaryExpression(expression) ||
    ts.isConditionalExpression(expression) ||
    ts.isArrowFunction(expression) ||
    ts.isYieldExpression(expression) ||
    ts.isAsExpression(expression) ||
    ts.isSatisfiesExpression(expression)
  );
}
