// The one judgement of all rules: is this an op, is this a fiber function. With types where there are some; else by what the file
// itself says.

import { typeMatchesSomeSpecifier, type TypeOrValueSpecifier } from "@typescript-eslint/type-utils";
import { AST_NODE_TYPES as T, ESLintUtils, type TSESLint, type TSESTree } from "@typescript-eslint/utils";
import ts from "typescript";
import { names, type Name } from "./names.js";
import { programNames, propertyNameOf, variableOf, type ProgramNames } from "./program-names.js";
import { isFunction, nodesWithin, unwrapped, type FunctionNode } from "./syntax.js";

/** The settings of all rules, under the key `trestle`. */
export interface Settings {
  /**
   * `true`: types are asked, and missing ones are an error; `false`: they are not asked. Left out, they are asked where there are some.
   * The presets set it.
   */
  readonly typed?: boolean;
  /** Further types that are ops, in the form that typescript-eslint has for its own rules. */
  readonly opTypes?: TypeOrValueSpecifier[];
  /** What the fiber function behind a façade is called by: `loadOp` for `load`. By default "Op". */
  readonly twinSuffix?: string;
}

export function settingsOf(context: Pick<TSESLint.RuleContext<string, readonly unknown[]>, "settings">): Settings {
  return context.settings.trestle ?? {};
}

/** An op for sure, one of several things that it may be, or none. */
export type Opness = "op" | "maybe" | "no";

export interface Judge {
  /** There when types are asked. */
  readonly types: Types | undefined;
  opness(node: TSESTree.Node): Opness;
  isOp(node: TSESTree.Node): boolean;
  /** An array of ops, or a tuple with one. */
  isOps(node: TSESTree.Node): boolean;
  /** Whether it is a function that returns an op: written here, or by its type. */
  givesOp(node: TSESTree.Node): boolean;
  isFiberFunction(node: TSESTree.Node): node is FunctionNode;
  /** The fiber function that a node stands in directly: where `yield*` would run an op. */
  fiberAround(node: TSESTree.Node): FunctionNode | undefined;
  /** Whether an op can be run once only, for it is what a generator function returned. */
  isOneShot(call: TSESTree.Node): boolean;
}

const judges = new WeakMap<object, Judge>();

export function judgeOf(context: Readonly<TSESLint.RuleContext<string, readonly unknown[]>>): Judge {
  const { ast } = context.sourceCode;
  let judge = judges.get(ast);
  if (judge === undefined) judges.set(ast, (judge = makeJudge(context)));
  return judge;
}

function makeJudge(context: Readonly<TSESLint.RuleContext<string, readonly unknown[]>>): Judge {
  const { typed, opTypes = [] } = settingsOf(context);
  const untyped = new Untyped(context.sourceCode);
  if (typed === false) return untyped;
  const services =
    typed === true
      ? ESLintUtils.getParserServices(context as never)
      : (context.sourceCode.parserServices as Partial<ReturnType<typeof ESLintUtils.getParserServices>>);
  if (!services?.program || !services.esTreeNodeToTSNodeMap) return untyped;
  return new Typed(context.sourceCode, new Types(services.program, services.esTreeNodeToTSNodeMap, opTypes), untyped);
}

type NodeMap = ReturnType<typeof ESLintUtils.getParserServices>["esTreeNodeToTSNodeMap"];

/** What rules ask of types. */
export class Types {
  readonly checker: ts.TypeChecker;
  private readonly opTypes = new WeakMap<ts.Type, Opness>();

  constructor(
    readonly program: ts.Program,
    private readonly nodes: NodeMap,
    private readonly specifiers: TypeOrValueSpecifier[],
  ) {
    this.checker = program.getTypeChecker();
  }

  nodeOf(node: TSESTree.Node): ts.Node {
    return this.nodes.get(node);
  }

  of(node: TSESTree.Node): ts.Type {
    const type = this.checker.getTypeAtLocation(this.nodeOf(node));
    return this.checker.getBaseConstraintOfType(type) ?? type;
  }

  symbolOf(node: TSESTree.Node): ts.Symbol | undefined {
    const at = this.nodeOf(node);
    const symbol = this.checker.getSymbolAtLocation(ts.isPropertyAccessExpression(at) ? at.name : at);
    return symbol && symbol.flags & ts.SymbolFlags.Alias ? this.checker.getAliasedSymbol(symbol) : symbol;
  }

  opness(type: ts.Type): Opness {
    let known = this.opTypes.get(type);
    if (known === undefined) this.opTypes.set(type, (known = this.judge(type)));
    return known;
  }

  private judge(type: ts.Type): Opness {
    if (type.isUnion()) {
      const parts = type.types.map((part) => this.opness(part));
      if (parts.every((part) => part === "op")) return "op";
      return parts.some((part) => part !== "no") ? "maybe" : "no";
    }
    if (this.specifiers.length > 0 && typeMatchesSomeSpecifier(type, this.specifiers, this.program)) return "op";
    if (!(type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection))) return "no";
    const yielded = this.yieldedBy(type);
    // What yields ops is a fiber function in which a star is missing; a list of ops is no op.
    return yielded !== undefined &&
      this.isInstruction(yielded, (type.symbol as ts.Symbol | undefined)?.name === "Generator")
      ? "op"
      : "no";
  }

  /** What iterating a value of a type yields; undefined when that is nothing, or the type cannot be iterated. */
  private yieldedBy(type: ts.Type): ts.Type | undefined {
    const method = type.getProperties().find((property) => property.name.startsWith("__@iterator@"));
    if (method === undefined) return undefined;
    for (const signature of this.signaturesOf(method)) {
      const iterator = signature.getReturnType();
      const [yielded] = this.argumentsOf(iterator);
      if (yielded !== undefined) return yielded;
    }
    return undefined;
  }

  private signaturesOf(symbol: ts.Symbol): readonly ts.Signature[] {
    const [declaration] = symbol.declarations ?? [];
    const type =
      declaration === undefined
        ? this.checker.getTypeOfSymbol(symbol)
        : this.checker.getTypeOfSymbolAtLocation(symbol, declaration);
    return type.getCallSignatures();
  }

  private argumentsOf(type: ts.Type): readonly ts.Type[] {
    if (!(type.flags & ts.TypeFlags.Object) || !((type as ts.ObjectType).objectFlags & ts.ObjectFlags.Reference))
      return [];
    return this.checker.getTypeArguments(type as ts.TypeReference);
  }

  private isInstruction(type: ts.Type, orOp: boolean): boolean {
    const parts = type.isUnion() ? type.types : [type];
    return parts.every(
      (part) =>
        !(part.flags & (ts.TypeFlags.Any | ts.TypeFlags.Never | ts.TypeFlags.Unknown)) &&
        (this.isPlainInstruction(part) || (orOp && this.opness(part) === "op")),
    );
  }

  /** A primitive is its own instruction, and can be iterated: a list of primitives is no op. */
  private isPlainInstruction(type: ts.Type): boolean {
    const properties = type.getProperties();
    return (
      properties.some((property) => /^__@instruction@/i.test(property.name)) &&
      !properties.some((property) => property.name.startsWith("__@iterator@"))
    );
  }

  /** Functions that return an op, whatever else they are. */
  givesOp(type: ts.Type): boolean {
    const signatures = type.getCallSignatures();
    return signatures.length > 0 && signatures.every((signature) => this.opness(signature.getReturnType()) === "op");
  }

  isPromise(type: ts.Type): boolean {
    const parts = type.isUnion() ? type.types : [type];
    return parts.some((part) => {
      const then = part.getProperty("then");
      return then !== undefined && this.signaturesOf(then).length > 0;
    });
  }
}

class Typed implements Judge {
  constructor(
    private readonly sourceCode: Readonly<TSESLint.SourceCode>,
    readonly types: Types,
    private readonly untyped: Untyped,
  ) {}

  opness(node: TSESTree.Node): Opness {
    return canBeOp(node) ? this.types.opness(this.types.of(node)) : "no";
  }

  isOp(node: TSESTree.Node): boolean {
    return this.opness(node) === "op";
  }

  isOps(node: TSESTree.Node): boolean {
    if (!canBeOp(node) && node.type !== T.ArrayExpression) return false;
    const { checker } = this.types;
    const type = this.types.of(node);
    if (!checker.isArrayType(type) && !checker.isTupleType(type)) return false;
    return checker.getTypeArguments(type as ts.TypeReference).some((item) => this.types.opness(item) === "op");
  }

  givesOp(node: TSESTree.Node): boolean {
    if (isFunction(node) && node.async) return false;
    if (isFunction(node) && node.generator) return this.isFiberFunction(node);
    if (node.type === T.Literal || node.type === T.ObjectExpression || node.type === T.TemplateLiteral) return false;
    return this.types.givesOp(this.types.of(node));
  }

  isFiberFunction(node: TSESTree.Node): node is FunctionNode {
    if (!isFunction(node) || !node.generator || node.async) return false;
    const declaration = this.types.nodeOf(node) as ts.SignatureDeclaration;
    const signature = this.types.checker.getSignatureFromDeclaration(declaration);
    if (signature === undefined) return false;
    if (this.types.opness(signature.getReturnType()) === "op") return true;
    // Nothing is yielded, and nothing is said: a body is what is handed to us as one.
    return node.returnType === undefined && this.untyped.isBody(node);
  }

  fiberAround(node: TSESTree.Node): FunctionNode | undefined {
    return fiberAround(this, node);
  }

  isOneShot(call: TSESTree.Node): boolean {
    if (call.type !== T.CallExpression || !this.isOp(call)) return false;
    const name = programNames({ sourceCode: this.sourceCode }).calledBy(call);
    if (name !== undefined) return false;
    const called = this.types.checker.getResolvedSignature(this.types.nodeOf(call) as ts.CallLikeExpression);
    const declaration = called?.declaration;
    return (
      declaration !== undefined &&
      (ts.isFunctionDeclaration(declaration) ||
        ts.isFunctionExpression(declaration) ||
        ts.isMethodDeclaration(declaration)) &&
      declaration.asteriskToken !== undefined
    );
  }
}

class Untyped implements Judge {
  readonly types = undefined;
  private readonly names: ProgramNames;
  private readonly fibers = new WeakMap<FunctionNode, boolean>();

  constructor(private readonly sourceCode: Readonly<TSESLint.SourceCode>) {
    this.names = programNames({ sourceCode });
  }

  opness(node: TSESTree.Node): Opness {
    return this.isOp(node) ? "op" : "no";
  }

  isOp(node: TSESTree.Node): boolean {
    if (!this.names.any) return false;
    if (node.type !== T.CallExpression) return false;
    const name = this.names.calledBy(node);
    if (name !== undefined) return names[name].gives === "op";
    const target = this.targetOf(node.callee);
    return target !== undefined && this.isFiberFunction(target);
  }

  isOps(node: TSESTree.Node): boolean {
    return node.type === T.ArrayExpression && node.elements.some((element) => element !== null && this.isOp(element));
  }

  givesOp(node: TSESTree.Node): boolean {
    if (!this.names.any) return false;
    if (isFunction(node)) {
      if (node.generator) return this.isFiberFunction(node);
      return !node.async && node.body.type !== T.BlockStatement && this.isOp(node.body);
    }
    const target = node.type === T.Identifier || node.type === T.MemberExpression ? this.targetOf(node) : undefined;
    return target !== undefined && this.isFiberFunction(target);
  }

  isFiberFunction(node: TSESTree.Node): node is FunctionNode {
    if (!this.names.any || !isFunction(node) || !node.generator || node.async) return false;
    let known = this.fibers.get(node);
    if (known === undefined) {
      this.fibers.set(node, false); // for those that call themselves
      this.fibers.set(node, (known = this.looksLikeFiber(node)));
    }
    return known;
  }

  private looksLikeFiber(node: FunctionNode): boolean {
    const annotation = node.returnType?.typeAnnotation;
    if (annotation?.type === T.TSTypeReference) {
      return annotation.typeName.type === T.Identifier && this.names.pathOf(annotation.typeName) === "Op";
    }
    if (annotation !== undefined) return false;
    if (this.isBody(node)) return true;
    for (const within of nodesWithin(this.sourceCode, node.body)) {
      if (within.type === T.YieldExpression && within.argument && this.isOp(unwrapped(within.argument))) return true;
    }
    return false;
  }

  /** Whether a function is written down as an argument that is run as a fiber. */
  isBody(node: FunctionNode): boolean {
    const { parent } = node;
    if (parent.type === T.ArrayExpression && parent.parent.type === T.CallExpression) {
      const name = this.names.calledBy(parent.parent);
      return name !== undefined && bodyListOf(name) === parent.parent.arguments.indexOf(parent);
    }
    if (parent.type !== T.CallExpression) return false;
    const name = this.names.calledBy(parent);
    return name !== undefined && isBodyAt(name, parent.arguments.indexOf(node as TSESTree.Expression));
  }

  fiberAround(node: TSESTree.Node): FunctionNode | undefined {
    return fiberAround(this, node);
  }

  isOneShot(call: TSESTree.Node): boolean {
    return call.type === T.CallExpression && this.names.calledBy(call) === undefined && this.isOp(call);
  }

  /** The function of this file that a name stands for. */
  private targetOf(node: TSESTree.Node): FunctionNode | undefined {
    if (node.type === T.Identifier) {
      const [definition, ...others] = variableOf(this.sourceCode, node)?.defs ?? [];
      if (definition === undefined || others.length > 0) return undefined;
      const at = definition.node;
      if (at.type === T.FunctionDeclaration) return at;
      if (at.type === T.VariableDeclarator && at.parent.kind === "const" && at.init && isFunction(at.init))
        return at.init;
      return undefined;
    }
    if (node.type !== T.MemberExpression || node.object.type !== T.ThisExpression) return undefined;
    const name = propertyNameOf(node);
    for (let at: TSESTree.Node | undefined = node.parent; at; at = at.parent) {
      if (at.type !== T.ClassBody) continue;
      for (const member of at.body) {
        if (member.type !== T.MethodDefinition || member.key.type !== T.Identifier || member.key.name !== name)
          continue;
        return member.value.type === T.FunctionExpression ? member.value : undefined;
      }
      return undefined;
    }
    return undefined;
  }
}

function fiberAround(judge: Judge, node: TSESTree.Node): FunctionNode | undefined {
  let child = node;
  for (let at = node.parent; at; child = at, at = at.parent) {
    if (isFunction(at)) return child === at.body && judge.isFiberFunction(at) ? at : undefined;
    if (at.type === T.PropertyDefinition || at.type === T.StaticBlock) return undefined;
  }
  return undefined;
}

/** Whether a parameter of a function of ours is a body. */
export function isBodyAt(name: Name, index: number): boolean {
  const known = names[name];
  return known.bodies?.includes(index) === true || known.perItem === index;
}

export function bodyListOf(name: Name): number | undefined {
  return names[name].bodyList;
}

/** The filter before any question to the checker: whether an expression of this form can be an op at all. */
function canBeOp(node: TSESTree.Node): boolean {
  switch (node.type) {
    case T.CallExpression:
    case T.NewExpression:
    case T.Identifier:
    case T.MemberExpression:
    case T.ChainExpression:
    case T.ConditionalExpression:
    case T.LogicalExpression:
    case T.SequenceExpression:
    case T.AssignmentExpression:
    case T.AwaitExpression:
    case T.TSAsExpression:
    case T.TSNonNullExpression:
    case T.TSSatisfiesExpression:
    case T.TSTypeAssertion:
      return true;
    default:
      return false;
  }
}
