/** Writes a flow as the statements of a fiber function. */

import { calledName, isPropertyName } from "../analyse/syntax.js";
import { commentRanges } from "../rewrite/comments.js";
import { fresh, reindented, textOf, type Piece } from "../chains/pieces.js";
import { ts, type TS } from "../compiler.js";
import { indentAt, type Style } from "../rewrite/style.js";
import type { RuntimeName } from "../runtime-names.js";
import {
  leaves,
  NotSequential,
  type Callee,
  type Complete,
  type Flow,
  type Handler,
  type LocalStep,
  type Nothing,
  type Step,
  type WaitStep,
} from "./flow.js";
import {
  bindingsOf,
  handlingOf,
  isAssignedIn,
  isName,
  knowing,
  nodeMentions,
  outcomeOf,
  refuseResultsOfErrors,
  type Known,
} from "./handling.js";
import type { Shape } from "./shape.js";

type Line = Piece[];

/** What the writer is told about the program. */
export interface Surroundings {
  readonly file: TS.SourceFile;
  readonly checker: TS.TypeChecker;
  readonly style: Style;
  copy(start: number, end: number): Piece[];
  rename(identifier: TS.Identifier, name: string): void;
  /** The file imports this name from now on. */
  use(name: RuntimeName): string;
  /** The fiber function that runs in place of a call, if it can be named there. */
  twinOf(callee: Callee): string | undefined;
  shapeOf(own: TS.Node): Shape;
}

export class Writer {
  readonly #at: Surroundings;
  readonly #shape: Shape;
  readonly #node: TS.Node;
  /** Names that the fiber function has so far. */
  readonly #taken = new Set<string>();
  /** Every name in the function, in whatever scope, and those that were made. */
  readonly #all = new Set<string>();

  constructor(at: Surroundings, node: TS.SignatureDeclaration & { body?: TS.Node | undefined }, shape: Shape) {
    this.#at = at;
    this.#node = node;
    this.#shape = shape;
    this.#takeNames(node);
    const visitAll = (inner: TS.Node): void => {
      if (ts.isIdentifier(inner)) this.#all.add(inner.text);
      ts.forEachChild(inner, visitAll);
    };
    visitAll(node);
  }

  /** A name for a scope of its own. */
  #unusedName(base: string): string {
    let name = base;
    for (let n = 2; this.#all.has(name); n++) name = `${base}${n}`;
    return name;
  }

  #freshName(base: string): string {
    const name = this.#unusedName(base);
    this.#all.add(name);
    return name;
  }

  body(flow: Flow, indent: string): Piece[] {
    const lines = this.#flow(flow, new Map(), indent);
    const last = lines.at(-1);
    // What ends the function need not be said.
    if (last !== undefined && /^return;?$/.test(textOf(last))) lines.pop();
    return this.#joined(lines, indent);
  }

  #joined(lines: readonly Line[], indent: string): Piece[] {
    const { eol } = this.#at.style;
    return lines.flatMap((line, index) => {
      const isBlank = line.length === 0;
      return index === 0 ? line : [fresh(isBlank ? eol : eol + indent), ...line];
    });
  }

  #flow(flow: Flow, known: Known, indent: string): Line[] {
    const lines: Line[] = [];
    for (const step of flow) {
      const node = statementAround(step);
      if (lines.length > 0 && node !== undefined && this.#hasBlankBefore(node)) lines.push([]);
      if (node !== undefined && step.kind !== "plain" && step.kind !== "mixed")
        lines.push(...this.#commentsBefore(node));
      lines.push(...this.#step(step, known, indent));
    }
    return lines;
  }

  #step(step: Step, known: Known, indent: string): Line[] {
    const { semicolon } = this.#at.style;
    switch (step.kind) {
      case "plain":
        return [this.#plain(step.node, indent)];
      case "mixed": {
        const { file } = this.#at;
        const pieces: Piece[] = [];
        let at = this.#startWithComments(step.node);
        for (const { node, flow } of step.exits) {
          const inner = indentAt(file, node.getStart(file));
          const from = indentAt(file, step.node.getStart(file));
          const deeper = indent + (inner.startsWith(from) ? inner.slice(from.length) : "");
          pieces.push(...this.#moved(at, node.getStart(file), from, indent));
          const lines = this.#flow(flow, known, deeper);
          const isAlone = ts.isBlock(node.parent) || ts.isCaseOrDefaultClause(node.parent);
          const { eol, indent: unit } = this.#at.style;
          if (isAlone || lines.length === 1) pieces.push(...this.#joined(lines, deeper));
          else {
            pieces.push(
              fresh(`{${eol}${deeper}${unit}`),
              ...this.#joined(lines, deeper + unit),
              fresh(`${eol}${deeper}}`),
            );
          }
          at = node.end;
        }
        const from = indentAt(file, step.node.getStart(file));
        return [[...pieces, ...this.#moved(at, step.node.end, from, indent)]];
      }
      case "if": {
        const test = this.#expression(step.test);
        const then = this.#flow(step.then, known, indent + this.#at.style.indent);
        const otherwise = this.#flow(step.else, known, indent + this.#at.style.indent);
        const isShort = isUnbraced(step.node) && then.length === 1 && otherwise.length === 0;
        if (isShort && then[0] !== undefined && !textOf(then[0]).includes("\n")) {
          return [[fresh("if ("), ...test, fresh(") "), ...then[0]]];
        }
        if (ts.isConditionalExpression(step.node) && leaves(step.then)) {
          const head = then.length === 1 && then[0] !== undefined && !textOf(then[0]).includes("\n");
          const first: Line = head
            ? [fresh("if ("), ...test, fresh(") "), ...(then[0] ?? [])]
            : [fresh("if ("), ...test, fresh(") "), ...this.#block(then, indent)];
          return [first, ...this.#flow(step.else, known, indent)];
        }
        const line: Line = [fresh("if ("), ...test, fresh(") "), ...this.#block(then, indent)];
        if (otherwise.length > 0) line.push(fresh(" else "), ...this.#block(otherwise, indent));
        return [line];
      }
      case "complete":
        return this.#complete(step, known, semicolon);
      case "wait":
        return this.#wait(step, known, indent);
      case "local":
        return [this.#local(step, indent)];
      case "jump": {
        const { file } = this.#at;
        return [[fresh("return yield* "), ...this.#at.copy(step.node.getStart(file), step.node.end), fresh(semicolon)]];
      }
    }
  }

  /** A function that goes on for this one. */
  #local({ node, flow }: LocalStep, indent: string): Line {
    const { file } = this.#at;
    const { eol, indent: unit } = this.#at.style;
    const inner = indent + unit;
    this.#takeNames(node);
    const head = this.#at.copy((node.name as TS.Node).getStart(file), node.body.getStart(file));
    const lines = this.#flow(flow, new Map(), inner);
    const last = lines.at(-1);
    if (last !== undefined && /^return;?$/.test(textOf(last))) lines.pop();
    return [
      fresh("function* "),
      ...head,
      fresh(`{${eol}${inner}`),
      ...this.#joined(lines, inner),
      fresh(`${eol}${indent}}`),
    ];
  }

  /** The names of a function and those that it takes from around it. */
  #takeNames(node: TS.SignatureDeclaration & { body?: TS.Node | undefined }): void {
    for (const parameter of node.parameters) if (ts.isIdentifier(parameter.name)) this.#taken.add(parameter.name.text);
    const visit = (inner: TS.Node): void => {
      if (ts.isIdentifier(inner) && !isPropertyName(inner)) this.#taken.add(inner.text);
      if (!ts.isFunctionLike(inner)) ts.forEachChild(inner, visit);
    };
    if (node.body !== undefined) visit(node.body);
  }

  #block(lines: readonly Line[], indent: string): Piece[] {
    const { eol, indent: unit } = this.#at.style;
    const inner = indent + unit;
    return [fresh(`{${eol}${inner}`), ...this.#joined(lines, inner), fresh(`${eol}${indent}}`)];
  }

  #complete(step: Complete, known: Known, semicolon: string): Line[] {
    const outcome = outcomeOf(step, known, this.#at.checker);
    const lines: Line[] = [];
    if (outcome !== "nothing" && step.error !== undefined) {
      const error = this.#expression(step.error);
      if (outcome === "error") {
        refuseResultsOfErrors(step);
        return [[fresh("throw "), ...error, fresh(semicolon)]];
      }
      if (ts.isIdentifier(step.error)) {
        lines.push([fresh("if ("), ...error, fresh(") throw "), ...this.#expression(step.error), fresh(semicolon)]);
      } else {
        const name = this.#freshName("failure");
        lines.push([fresh(`const ${name} = `), ...error, fresh(semicolon)]);
        lines.push([fresh(`if (${name}) throw ${name}${semicolon}`)]);
      }
    }
    const values = step.values.map((value) => this.#expression(value));
    lines.push([fresh("return"), ...this.#success(step.nothing, values), fresh(semicolon)]);
    return lines;
  }

  /** What follows `return`. */
  #success(nothing: Nothing, values: readonly Piece[][]): Piece[] {
    const list = (items: readonly Piece[][]): Piece[] => [
      fresh(" ["),
      ...items.flatMap((item, index) => (index === 0 ? item : [fresh(", "), ...item])),
      fresh("]"),
    ];
    switch (this.#shape.kind) {
      case "none":
        return [];
      case "one":
        return [fresh(" "), ...(values[0] ?? [])];
      case "tuple":
        return list(values);
      case "all":
        return list(nothing === "absent" ? [] : [[fresh(nothing)], ...values]);
    }
  }

  #wait(step: WaitStep, known: Known, indent: string): Line[] {
    return step.callback === undefined
      ? this.#forward(step.callee)
      : this.#handled(step.callee, step.callback, known, indent);
  }

  /** The callback is handed on: what the other function gives is what this one gives. */
  #forward(callee: Callee): Line[] {
    const { semicolon } = this.#at.style;
    const given = this.#shapeOf(callee);
    const isTwin = callee.own !== undefined && this.#at.twinOf(callee) !== undefined;
    const op = [fresh("yield* "), ...this.#op(callee, given.kind === "tuple" || given.kind === "all")];
    const line = (before: string, after = ""): Line => [fresh(before), ...op, fresh(after + semicolon)];
    if (this.#shape.kind === "all") {
      // A façade's results come without what it tells for the error.
      if (given.kind === "all") {
        if (!isTwin) throw new NotSequential("TR1810", "what its callback is told is not the same on every path");
        return [line("return ")];
      }
      const nothing = given.nothing === "absent" ? "" : given.nothing;
      if (given.kind === "none") return [line(""), [fresh(`return [${nothing}]${semicolon}`)]];
      return [line(`return [${nothing}, ${given.kind === "tuple" ? "...(" : ""}`, given.kind === "tuple" ? ")]" : "]")];
    }
    if (given.kind === "none") return [line(""), [fresh(`return${semicolon}`)]];
    return [line("return ")];
  }

  #handled(callee: Callee, handler: Handler, known: Known, indent: string): Line[] {
    const { checker, style } = this.#at;
    const { semicolon } = style;
    const handling = handlingOf(handler, checker);
    this.#avoidCollisions(handler, handling.kind === "value");
    const values = [...handler.values];
    while (values.length > 0 && !this.#isUsed(values.at(-1) as TS.BindingName, handler)) values.pop();
    const given = this.#shapeOf(callee);
    const all =
      callee.own !== undefined ? given.kind !== "none" && given.kind !== "one" : values.length > 1 || callee.isNamed;
    const isTwin = callee.own !== undefined && this.#at.twinOf(callee) !== undefined;
    const plainOp = (): Piece[] => this.#op(callee, all && (isTwin || values.length > 0));
    const op = (): Piece[] => [fresh("yield* "), ...plainOp()];
    if (isTwin && values.length > (given.kind === "none" ? 0 : given.kind === "one" ? 1 : Infinity)) {
      throw new NotSequential("TR1810", `\`${calledName(callee.call)}\` gives less than is taken`);
    }
    /** What is assigned: a name, or the pattern of an array. */
    const target = (): Piece[] => {
      const names = values.map((name) => this.#name(name));
      const skip = isTwin && given.kind === "all" ? [[fresh("")], ...names] : names;
      if (!all) return names[0] ?? [];
      return [fresh("["), ...skip.flatMap((name, index) => (index === 0 ? name : [fresh(", "), ...name])), fresh("]")];
    };
    const assigned = values.some((name) => this.#isReassigned(name, handler));
    const bind = (): Line =>
      values.length === 0
        ? [...op(), fresh(semicolon)]
        : [fresh(assigned ? "let " : "const "), ...target(), fresh(" = "), ...op(), fresh(semicolon)];
    if (callee.isTimer) return [bind(), ...this.#flow(this.#bodyOf(handling), known, indent)];
    const remarks = this.#remarksOn(handler, handling);
    if (handling.kind === "pass") {
      const next = this.#flow(handling.success, knowing(handler, known, "nothing", checker), indent);
      return [...remarks, bind(), ...apart(next)];
    }
    const isForeign = callee.own === undefined && callee.results === undefined;
    if (isForeign && values.length > 0 && handling.kind !== "catch") {
      throw new NotSequential("TR1810", `\`${calledName(callee.call)}\` may give results together with an error`);
    }
    // What throws before the call is no answer of it.
    let made: string | undefined;
    const lines: Line[] = [];
    if ([callee.call.expression, ...callee.args].some(mayThrow)) {
      made = this.#freshName("op");
      lines.push([fresh(`const ${made} = `), ...plainOp(), fresh(semicolon)]);
    }
    const attempted = (): Piece[] => (made === undefined ? op() : [fresh(`yield* ${made}`)]);
    // The result outlives the `try` that it is waited for in.
    const inner = indent + style.indent;
    const isValue = handling.kind === "value";
    if (isValue)
      lines.push([fresh("let "), ...this.#name(handler.error as TS.Identifier), fresh(` = null${semicolon}`)]);
    if (values.length > 0) {
      if (values.some((name) => !ts.isIdentifier(name))) {
        throw new NotSequential("TR1810", "a callback takes its result apart");
      }
      lines.push([
        fresh("let "),
        ...values.flatMap((name, index) => (index === 0 ? this.#name(name) : [fresh(", "), ...this.#name(name)])),
        fresh(semicolon),
      ]);
    }
    const attempt: Line =
      values.length === 0
        ? [...attempted(), fresh(semicolon)]
        : [...target(), fresh(" = "), ...attempted(), fresh(semicolon)];
    const catches = handling.kind === "catch";
    const caught = catches ? this.#name(handler.error as TS.Identifier) : [fresh(this.#unusedName("error"))];
    const cancelled = this.#at.use("Cancelled");
    const clause: Line[] = [
      [fresh("if ("), ...caught, fresh(` instanceof ${cancelled}) throw `), ...caught, fresh(semicolon)],
    ];
    if (isValue)
      clause.push([...this.#name(handler.error as TS.Identifier), fresh(" = "), ...caught, fresh(semicolon)]);
    if (catches) {
      clause.push(...remarks);
      const within = knowing(handler, known, "error", checker);
      if (handling.test === undefined) clause.push(...this.#flow(handling.error, within, inner));
      else {
        const then = this.#flow(handling.error, within, inner + style.indent);
        const test = this.#expression(handling.test);
        const only = then[0];
        clause.push(
          then.length === 1 && only !== undefined && !textOf(only).includes("\n")
            ? [fresh("if ("), ...test, fresh(") "), ...only]
            : [fresh("if ("), ...test, fresh(") "), ...this.#block(then, inner)],
        );
      }
    }
    lines.push([
      fresh("try "),
      ...this.#block([attempt], indent),
      fresh(" catch ("),
      ...caught,
      fresh(") "),
      ...this.#block(clause, indent),
    ]);
    const rest = catches ? handling.success : handling.body;
    const restKnown = catches && handling.test === undefined ? knowing(handler, known, "nothing", checker) : known;
    lines.push(...this.#flow(rest, restKnown, indent));
    return lines;
  }

  /** The comments on a test of the error that is written as `catch`, or not at all. */
  #remarksOn(handler: Handler, handling: ReturnType<typeof handlingOf>): Line[] {
    const [first] = handler.body;
    const node = first?.kind === "if" ? statementAround(first) : undefined;
    if (node === undefined || (handling.kind !== "pass" && handling.kind !== "catch")) return [];
    const { file } = this.#at;
    const remarks = this.#commentsBefore(node);
    if (handling.kind === "pass" && ts.isIfStatement(node)) {
      const inside = commentRanges(file, node.thenStatement.getStart(file), node.thenStatement.end);
      remarks.push(...inside.map((comment) => this.#at.copy(comment.start, comment.end)));
    }
    return remarks.filter((line) => !isHint(textOf(line)));
  }

  #bodyOf(handling: ReturnType<typeof handlingOf>): Flow {
    return handling.kind === "ignore" || handling.kind === "value" ? handling.body : handling.success;
  }

  /** The shape of what a function gives. */
  #shapeOf(callee: Callee): Shape {
    if (callee.own !== undefined) return this.#at.shapeOf(callee.own);
    return callee.results === 1 ? { kind: "one", nothing: "null" } : { kind: "none", nothing: "null" };
  }

  #op(callee: Callee, all: boolean): Piece[] {
    const { call, args } = callee;
    const twin = this.#at.twinOf(callee);
    const given = (): Piece[] =>
      args.flatMap((argument, index) =>
        index === 0 ? this.#expression(argument) : [fresh(", "), ...this.#expression(argument)],
      );
    if (twin !== undefined) return [fresh(`${twin}(`), ...given(), fresh(")")];
    const bridge = this.#at.use(all ? "fromNodeAll" : "fromNode");
    const { expression } = call;
    if (!callee.isNamed && ts.isIdentifier(expression)) {
      return [fresh(`${bridge}(`), ...this.#expression(expression), fresh(")("), ...given(), fresh(")")];
    }
    if (!callee.isNamed && ts.isPropertyAccessExpression(expression) && expression.questionDotToken === undefined) {
      const { quote } = this.#at.style;
      const name = `${quote}${expression.name.text}${quote}`;
      return [
        fresh(`${bridge}(`),
        ...this.#expression(expression.expression),
        fresh(`, ${name})(`),
        ...given(),
        fresh(")"),
      ];
    }
    const done = this.#unusedName("done");
    const parts = given();
    const before = callee.isTimer
      ? [fresh(done), ...(parts.length === 0 ? [] : [fresh(", "), ...parts])]
      : [...parts, ...(parts.length === 0 ? [] : [fresh(", ")]), fresh(done)];
    return [fresh(`${bridge}((${done}) => `), ...this.#expression(expression), fresh("("), ...before, fresh("))()")];
  }

  #name(name: TS.BindingName): Piece[] {
    return this.#at.copy(name.getStart(this.#at.file), name.end);
  }

  #isUsed(name: TS.BindingName, handler: Handler): boolean {
    if (!ts.isIdentifier(name)) return true;
    const { checker } = this.#at;
    const symbol = checker.getSymbolAtLocation(name);
    return symbol !== undefined && nodeMentions(handler.node.body, symbol, name.text, checker);
  }

  #isReassigned(name: TS.BindingName, handler: Handler): boolean {
    const names = ts.isIdentifier(name)
      ? [name]
      : name.elements.flatMap((e) => (ts.isBindingElement(e) && ts.isIdentifier(e.name) ? [e.name] : []));
    return names.some((one) => {
      const symbol = this.#at.checker.getSymbolAtLocation(one);
      return symbol === undefined || isAssignedIn(handler.node.body, symbol, one.text, this.#at.checker);
    });
  }

  /** What stood in a scope of its own gets names that nothing around it has. */
  #avoidCollisions(handler: Handler, withError: boolean): void {
    const { checker } = this.#at;
    const names = [...(withError && handler.error !== undefined ? [handler.error] : []), ...bindingsOf(handler)];
    const seen = new Map<TS.Symbol, string>();
    for (const identifier of names) {
      const symbol = checker.getSymbolAtLocation(identifier);
      if (symbol === undefined || seen.has(symbol)) continue;
      let name = identifier.text;
      if (this.#taken.has(name)) {
        name = this.#freshName(name);
        const visit = (node: TS.Node): void => {
          if (isName(node, symbol, identifier.text, checker)) this.#at.rename(node as TS.Identifier, name);
          ts.forEachChild(node, visit);
        };
        visit(handler.node);
      }
      seen.set(symbol, name);
      this.#taken.add(name);
    }
    // What the callback takes from around it is not to be hidden by what comes after.
    const visit = (node: TS.Node): void => {
      if (ts.isIdentifier(node) && !isPropertyName(node)) this.#taken.add(node.text);
      if (!ts.isFunctionLike(node)) ts.forEachChild(node, visit);
    };
    visit(handler.node.body);
  }

  // --- text ---

  #expression(node: TS.Expression): Piece[] {
    const { file } = this.#at;
    return this.#at.copy(node.getStart(file), node.end);
  }

  #plain(node: TS.Statement, indent: string): Line {
    const { file } = this.#at;
    const end = ts.getTrailingCommentRanges(file.text, node.end)?.at(-1)?.end ?? node.end;
    return this.#moved(this.#startWithComments(node), end, indentAt(file, node.getStart(file)), indent);
  }

  #moved(start: number, end: number, from: string, to: string): Piece[] {
    return reindented(this.#at.copy(start, end), from, to, this.#isFixed);
  }

  readonly #isFixed = (position: number): boolean => {
    let found = false;
    const visit = (node: TS.Node): void => {
      if (found || position < node.pos || position >= node.end) return;
      if (ts.isTemplateLiteral(node) || ts.isStringLiteral(node)) {
        found = position >= node.getStart(this.#at.file);
        if (ts.isTemplateExpression(node)) {
          for (const span of node.templateSpans) {
            if (position >= span.expression.pos && position < span.expression.end) found = false;
          }
        }
      }
      if (!found) ts.forEachChild(node, visit);
    };
    visit(this.#node);
    return found;
  };

  #startWithComments(node: TS.Node): number {
    const { text } = this.#at.file;
    return ts.getLeadingCommentRanges(text, node.getFullStart())?.[0]?.pos ?? node.getStart(this.#at.file);
  }

  #commentsBefore(node: TS.Node): Line[] {
    const { text } = this.#at.file;
    const found = ts.getLeadingCommentRanges(text, node.getFullStart()) ?? [];
    return found.map((comment) => this.#at.copy(comment.pos, comment.end));
  }

  #hasBlankBefore(node: TS.Node): boolean {
    return /\n[ \t]*\r?\n[ \t]*$/.test(this.#at.file.text.slice(0, this.#startWithComments(node)));
  }
}

/** Whether evaluating a node calls something. */
function mayThrow(node: TS.Node): boolean {
  if (ts.isFunctionLike(node)) return false;
  if (ts.isCallExpression(node) || ts.isNewExpression(node) || ts.isTaggedTemplateExpression(node)) return true;
  return ts.forEachChild(node, (child) => mayThrow(child) || undefined) ?? false;
}

/** With a line between them and a wait, if they begin with a comment. */
function apart(lines: readonly Line[]): Line[] {
  const [first] = lines;
  return first !== undefined && /^\/[/*]/.test(textOf(first)) ? [[], ...lines] : [...lines];
}

/** Whether a comment is for a tool that looks at the very `if` behind it. */
export function isHint(comment: string): boolean {
  return /^\/[*/]\s*(istanbul|c8|v8)\s+ignore/.test(comment);
}

/** The statement that a step stands in. */
function statementAround(step: Step): TS.Node | undefined {
  const { node } = step;
  if (ts.isStatement(node)) return node;
  let outer: TS.Node = node;
  while (ts.isParenthesizedExpression(outer.parent) || ts.isVoidExpression(outer.parent)) outer = outer.parent;
  return ts.isStatement(outer.parent) && !ts.isIfStatement(outer.parent) ? outer.parent : undefined;
}

/** `if (a) return cb(b)`, on one line. */
function isUnbraced(node: TS.Node): boolean {
  return ts.isIfStatement(node) && !ts.isBlock(node.thenStatement) && node.elseStatement === undefined;
}

/** Whether a function can be written with its parameters as they are. */
export function hasPlainParameters(node: TS.SignatureDeclaration): boolean {
  return node.parameters.every(
    (parameter) =>
      ts.isIdentifier(parameter.name) && parameter.initializer === undefined && parameter.dotDotDotToken === undefined,
  );
}
