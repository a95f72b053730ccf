/** Writes a function with a callback as the façade of a fiber function. */
import { fresh, textOf, type Piece } from "../chains/pieces.js";
import { ts, type TS } from "../compiler.js";
import { indentAt, type Style } from "../rewrite/style.js";
import type { RuntimeName } from "../runtime-names.js";
import { isNamedCall, type CallbackFunction, type CallbackFunctions } from "./find.js";
import { NotSequential } from "./flow.js";
import type { Shape } from "./shape.js";
import { isHint, Writer } from "./write.js";

export interface FunctionSurroundings {
  readonly file: TS.SourceFile;
  readonly checker: TS.TypeChecker;
  readonly style: Style;
  readonly functions: CallbackFunctions;
  copy(start: number, end: number): Piece[];
  rename(identifier: TS.Identifier, name: string): void;
  use(name: RuntimeName): string;
  /** The name of the fiber function beside a function of this file. */
  fiberNameOf(fn: CallbackFunction): string;
}

/** The node that is written anew. */
export function placeOfFunction(fn: CallbackFunction): TS.Node {
  return fn.twin?.statement ?? fn.node.body;
}

export function writeFunction(fn: CallbackFunction, at: FunctionSurroundings): Piece[] {
  const { file, style } = at;
  const { node } = fn;
  const { eol, indent: unit, semicolon } = style;
  const writer = new Writer(
    {
      ...at,
      twinOf(callee) {
        const step = fn.read.waits.find((wait) => wait.callee === callee);
        if (step !== undefined && !at.functions.atOnce.allowsTwin(step)) return undefined;
        const target = callee.own === undefined ? undefined : at.functions.converted.get(callee.own);
        return target !== undefined && isNamedCall(callee, target, file) ? at.fiberNameOf(target) : undefined;
      },
      shapeOf(own) {
        const target = at.functions.converted.get(own);
        if (target === undefined) throw new NotSequential("TR1807", "a function it waits for is left");
        return target.shape;
      },
    },
    node,
    fn.shape,
  );
  const place = placeOfFunction(fn);
  const indent = indentAt(file, place.getStart(file));
  const inner = indent + unit;
  const run = at.use("toCallback");
  const told = adapter(fn);
  const options = "{ inline: true }";
  if (fn.twin === undefined) {
    const body: Piece[] = [fresh("{")];
    const [first] = fn.read.prologue;
    if (first !== undefined && ts.isBlock(node.body)) {
      body.push(...at.copy(node.body.getStart(file) + 1, (fn.read.prologue.at(-1) as TS.Node).end), fresh(eol));
    }
    const lines = writer.body(fn.read.flow, inner + unit);
    const self = fn.usesThis ? ".bind(this)" : "";
    // A generator with a `this` of its own is called in parentheses.
    body.push(
      fresh(`${eol}${inner}${run}(function* () {${eol}${inner}${unit}`),
      ...lines,
      fresh(`${eol}${inner}}${self}, ${told}, ${options})${semicolon}${eol}${indent}}`),
    );
    return body;
  }
  const parameters = node.parameters.slice(0, -1);
  const names = parameters.map((parameter) => parameter.name.getText(file)).join(", ");
  const name = at.fiberNameOf(fn);
  return [
    ...at.copy(place.getStart(file), node.body.getStart(file)),
    fresh(`{${eol}${inner}${run}(() => ${name}(${names}), ${told}, ${options})${semicolon}${eol}${indent}}`),
    ...at.copy(node.body.end, place.end),
    fresh(`${eol}${eol}${indent}function* ${name}(${names}) {${eol}${inner}`),
    ...writer.body(fn.read.flow, inner),
    fresh(`${eol}${indent}}`),
  ];
}

/** What tells the callback what it has always been told. */
function adapter({ shape, callback }: CallbackFunction): string {
  const cb = callback.text;
  const [err, value] = ["err", "results"];
  const nothing = (kind: Exclude<Shape, { kind: "all" }>): string => (kind.nothing === "absent" ? "" : kind.nothing);
  switch (shape.kind) {
    case "none":
      return shape.nothing === "null"
        ? `(${err}) => ${cb}(${err})`
        : `(${err}) => (${err} ? ${cb}(${err}) : ${cb}(${nothing(shape)}))`;
    case "one":
      if (shape.nothing === "null") return cb;
      return `(${err}, ${value}) => (${err} ? ${cb}(${err}) : ${cb}(${nothing(shape)}, ${value}))`;
    case "tuple":
      return `(${err}, ${value}) => (${err} ? ${cb}(${err}) : ${cb}(${nothing(shape)}, ...${value}))`;
    case "all":
      return `(${err}, ${value}) => (${err} ? ${cb}(${err}) : ${cb}(...${value}))`;
  }
}

/** A comment of the function that is in nothing that was written. */
export function lostComment(written: readonly Piece[], comments: readonly string[]): string | undefined {
  const text = textOf(written);
  return comments.find((comment) => !isHint(comment) && !text.includes(comment));
}
