/**
 * Where our functions go as values: to which parameters, fields, variables, function types and members of interfaces. What is called
 * through one of these may be any of the functions that have come there.
 */
import { ts, type TS } from "../compiler.js";
import type { AsyncFunction } from "./functions.js";
import { isAsyncFunctionNode, skipParentheses, withParentheses } from "./syntax.js";

export interface Flows {
  /**
   * The functions of ours that may be called by `call`, whose callee is no declared function but something that holds
   * functions. Undefined where that is declared by somebody else, or by nobody.
   */
  behind(call: TS.CallExpression): readonly AsyncFunction[] | undefined;
}

export function findFlows(
  functions: readonly AsyncFunction[],
  files: readonly TS.SourceFile[],
  checker: TS.TypeChecker,
): Flows {
  const byNode = new Map<TS.Node, AsyncFunction>();
  const byDeclaration = new Map<TS.Node, AsyncFunction>();
  const byMember = new Map<string, Set<AsyncFunction>>();
  /** By what holds functions: what flows into it, our functions and what holds functions itself. */
  const sources = new Map<TS.Node, Set<TS.Node>>();
  for (const fn of functions) {
    byNode.set(fn.node, fn);
    for (const declaration of fn.declarations) byDeclaration.set(declaration, fn);
    const member = memberNameOf(fn);
    if (member !== undefined) addTo(byMember, member, fn);
  }
  let isFollowed = false;
  const known = new Map<TS.Node, ReadonlySet<AsyncFunction>>();
  return { behind };

  function behind(call: TS.CallExpression): readonly AsyncFunction[] | undefined {
    const callee = skipWrappers(call.expression);
    if (ts.isPropertyAccessExpression(callee) && callee.expression.kind === ts.SyntaxKind.SuperKeyword)
      return undefined;
    const type = checker.getTypeAtLocation(callee);
    const isUntyped = (type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) !== 0;
    const signatures = signaturesOf(type);
    const symbol = symbolAt(callee);
    const declarations = symbol?.declarations ?? [];
    const held = [...signatures, ...declarations].filter(isOurs);
    if (declarations.some((declaration) => isMadeByOthers(declaration))) return undefined;
    if (held.length === 0 && !(isUntyped && isLocal(callee))) return undefined;
    follow();
    const found = new Set<AsyncFunction>();
    for (const node of held) for (const fn of flowingInto(node)) found.add(fn);
    if (ts.isPropertyAccessExpression(callee)) {
      const receiver = checker.getTypeAtLocation(callee.expression);
      for (const fn of byMember.get(callee.name.text) ?? []) if (canBeMemberOf(fn, receiver)) found.add(fn);
    }
    return [...found].sort((a, b) => a.id - b.id);
  }

  /** Whether a variable holds what a function of others has made, for instance of one of ours. */
  function isMadeByOthers(declaration: TS.Declaration): boolean {
    if (!ts.isVariableDeclaration(declaration) || declaration.initializer === undefined) return false;
    const made = skipWrappers(declaration.initializer);
    if (!ts.isCallExpression(made)) return false;
    const maker = checker.getResolvedSignature(made)?.declaration as TS.Node | undefined;
    return maker !== undefined && !("body" in maker && maker.body !== undefined);
  }

  /** The functions that have come to `node`, by any number of steps. */
  function flowingInto(node: TS.Node): ReadonlySet<AsyncFunction> {
    const ready = known.get(node);
    if (ready !== undefined) return ready;
    const found = new Set<AsyncFunction>();
    const seen = new Set<TS.Node>([node]);
    for (const current of seen) {
      const fn = byNode.get(current) ?? byDeclaration.get(current);
      if (fn !== undefined) found.add(fn);
      for (const source of sources.get(current) ?? []) seen.add(source);
    }
    known.set(node, found);
    return found;
  }

  /** Finds every place where a function is handed on; only once something is called through a value. */
  function follow(): void {
    if (isFollowed) return;
    isFollowed = true;
    for (const file of files) {
      const visit = (node: TS.Node): void => {
        if (ts.isExpression(node) && isHandedOn(node)) noteValue(node);
        else if (ts.isShorthandPropertyAssignment(node)) noteShorthand(node);
        else if (ts.isMethodDeclaration(node) && ts.isObjectLiteralExpression(node.parent))
          noteMember(node, node.parent);
        ts.forEachChild(node, visit);
      };
      visit(file);
    }
  }

  function noteValue(expression: TS.Expression): void {
    const from = heldBy(expression);
    if (from.length === 0) return;
    for (const to of receiversOf(expression)) for (const source of from) if (source !== to) addTo(sources, to, source);
    // A name that an object knows it by, or gets assigned.
    const { parent } = withParentheses(expression);
    const name = ts.isPropertyAssignment(parent)
      ? parent.name
      : ts.isBinaryExpression(parent) && ts.isPropertyAccessExpression(parent.left)
        ? parent.left.name
        : undefined;
    if (name === undefined || !ts.isIdentifier(name)) return;
    for (const source of from) {
      const fn = byNode.get(source) ?? byDeclaration.get(source);
      if (fn !== undefined) addTo(byMember, name.text, fn);
    }
  }

  function noteShorthand(node: TS.ShorthandPropertyAssignment): void {
    const symbol = checker.getShorthandAssignmentValueSymbol(node);
    for (const declaration of resolved(symbol)?.declarations ?? []) {
      const fn = byDeclaration.get(declaration);
      if (fn !== undefined) addTo(byMember, node.name.text, fn);
      if (!isOurs(declaration)) continue;
      for (const to of memberReceivers(node.parent, node.name.text)) addTo(sources, to, declaration);
    }
  }

  function noteMember(node: TS.MethodDeclaration, literal: TS.ObjectLiteralExpression): void {
    if (!byNode.has(node) || !ts.isIdentifier(node.name)) return;
    for (const to of memberReceivers(literal, node.name.text)) addTo(sources, to, node);
  }

  function memberReceivers(literal: TS.ObjectLiteralExpression, name: string): TS.Node[] {
    const type = checker.getContextualType(literal);
    const property = type === undefined ? undefined : checker.getPropertyOfType(type, name);
    if (property === undefined) return [];
    const held = signaturesOf(checker.getTypeOfSymbolAtLocation(property, literal));
    return [...held, ...(property.declarations ?? [])].filter(isOurs);
  }

  /** What a value is: one of our functions, or what holds functions. */
  function heldBy(expression: TS.Expression): TS.Node[] {
    const node = skipWrappers(expression);
    if (isAsyncFunctionNode(node)) return byNode.has(node) ? [node] : [];
    if (!ts.isIdentifier(node) && !ts.isPropertyAccessExpression(node)) return [];
    const declarations = resolved(symbolAt(node))?.declarations ?? [];
    const own = declarations.filter((declaration) => byDeclaration.has(declaration));
    if (own.length > 0) return own;
    const type = checker.getTypeAtLocation(node);
    const isUntyped = (type.flags & ts.TypeFlags.Any) !== 0;
    const signatures = signaturesOf(type);
    if (signatures.length === 0 && !isUntyped) return [];
    return [...signatures, ...declarations.filter((declaration) => isHolder(declaration))].filter(isOurs);
  }

  /** What holds a value from where it stands. */
  function receiversOf(expression: TS.Expression): TS.Node[] {
    const found: TS.Node[] = [];
    const contextual = checker.getContextualType(expression);
    if (contextual !== undefined) found.push(...signaturesOf(contextual));
    const outer = withParentheses(expression);
    const { parent } = outer;
    if ((ts.isCallExpression(parent) || ts.isNewExpression(parent)) && parent.expression !== outer) {
      const index = parent.arguments?.indexOf(outer) ?? -1;
      const declaration = checker.getResolvedSignature(parent)?.declaration;
      const parameter = declaration?.parameters[index];
      if (parameter !== undefined && ts.isParameter(parameter)) found.push(parameter);
    } else if (ts.isVariableDeclaration(parent) || ts.isPropertyDeclaration(parent) || ts.isParameter(parent)) {
      found.push(parent);
    } else if (ts.isBinaryExpression(parent)) {
      found.push(...(symbolAt(parent.left)?.declarations ?? []));
    }
    return found.filter(isOurs);
  }

  /** The declarations of the function types in a type. */
  function signaturesOf(type: TS.Type): TS.Node[] {
    const types = type.isUnion() ? type.types : [type];
    return types.flatMap((one) => {
      const apparent = (one.flags & ts.TypeFlags.Instantiable) !== 0 ? checker.getApparentType(one) : one;
      return apparent.getCallSignatures().flatMap((signature) => {
        const declaration = signature.getDeclaration() as TS.Node | undefined;
        return declaration === undefined ? [] : [declaration];
      });
    });
  }

  function symbolAt(node: TS.Node): TS.Symbol | undefined {
    return resolved(checker.getSymbolAtLocation(ts.isPropertyAccessExpression(node) ? node.name : node));
  }

  function resolved(symbol: TS.Symbol | undefined): TS.Symbol | undefined {
    return symbol !== undefined && (symbol.flags & ts.SymbolFlags.Alias) !== 0
      ? checker.getAliasedSymbol(symbol)
      : symbol;
  }

  /** Whether an object that `fn` is a member of can be what has the type `receiver`. */
  function canBeMemberOf(fn: AsyncFunction, receiver: TS.Type): boolean {
    if ((receiver.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) !== 0) return true;
    // A function of the file itself has nothing around its parent.
    const owner = (
      ts.isFunctionLike(fn.node) && ts.isMethodDeclaration(fn.node) ? fn.node.parent : fn.node.parent.parent
    ) as TS.Node | undefined;
    if (owner === undefined || (!ts.isClassLike(owner) && !ts.isObjectLiteralExpression(owner))) return true;
    if (ts.isClassLike(owner) && (owner.typeParameters?.length ?? 0) > 0) return true;
    const { isTypeAssignableTo } = checker as Partial<Pick<TS.TypeChecker, "isTypeAssignableTo">>;
    if (isTypeAssignableTo === undefined) return true;
    const wanted = checker.getNonNullableType(receiver);
    if ((wanted.flags & ts.TypeFlags.Instantiable) !== 0 || isGeneric(wanted)) return true;
    return isTypeAssignableTo(checker.getTypeAtLocation(owner), wanted);
  }

  function isGeneric(type: TS.Type): boolean {
    return checker
      .getTypeArguments(type as TS.TypeReference)
      .some((one) => (one.flags & ts.TypeFlags.Instantiable) !== 0);
  }
}

/** The name that an object has a function by. */
function memberNameOf(fn: AsyncFunction): string | undefined {
  if (ts.isMethodDeclaration(fn.node)) return ts.isIdentifier(fn.node.name) ? fn.node.name.text : undefined;
  const { parent } = withParentheses(fn.node as TS.Expression);
  const named = ts.isPropertyAssignment(parent) || ts.isPropertyDeclaration(parent);
  return named && ts.isIdentifier(parent.name) ? parent.name.text : undefined;
}

/** A declaration whose value may be a function that was made elsewhere. */
function isHolder(node: TS.Node): boolean {
  return (
    ts.isParameter(node) ||
    ts.isVariableDeclaration(node) ||
    ts.isBindingElement(node) ||
    ts.isPropertyDeclaration(node) ||
    ts.isPropertySignature(node)
  );
}

/** Something in the sources that holds functions without being one: no code of its own, or a function of ours. */
function isOurs(node: TS.Node): boolean {
  const file = node.getSourceFile();
  if (file.isDeclarationFile || file.fileName.includes("/node_modules/")) return false;
  return isHolder(node) || isAsyncFunctionNode(node) || !("body" in node) || node.body === undefined;
}

/** Whether an expression is handed to something: an argument, an initial value, a member, an element, a result. */
function isHandedOn(expression: TS.Expression): boolean {
  if (!ts.isIdentifier(expression) && !ts.isPropertyAccessExpression(expression) && !isAsyncFunctionNode(expression)) {
    return false;
  }
  const outer = withParentheses(expression);
  const { parent } = outer;
  if (ts.isCallExpression(parent) || ts.isNewExpression(parent)) return parent.expression !== outer;
  if (ts.isBinaryExpression(parent)) return parent.right === outer;
  if (ts.isConditionalExpression(parent)) return parent.condition !== outer;
  if (
    ts.isPropertyAssignment(parent) ||
    ts.isVariableDeclaration(parent) ||
    ts.isPropertyDeclaration(parent) ||
    ts.isParameter(parent)
  ) {
    return parent.initializer === outer;
  }
  if (ts.isArrowFunction(parent)) return parent.body === outer;
  return (
    ts.isReturnStatement(parent) ||
    ts.isArrayLiteralExpression(parent) ||
    ts.isSatisfiesExpression?.(parent) ||
    ts.isAsExpression(parent)
  );
}

/** Whether what a callee starts with is of these sources: a parameter, a variable, `this`. */
function isLocal(callee: TS.Expression): boolean {
  return ts.isIdentifier(callee) || ts.isPropertyAccessExpression(callee) || ts.isElementAccessExpression(callee);
}

function skipWrappers(expression: TS.Expression): TS.Expression {
  let current = expression;
  for (;;) {
    const next = skipParentheses(current);
    if (ts.isNonNullExpression(next)) current = next.expression;
    else if (next === current) return current;
    else current = next;
  }
}

function addTo<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, new Set([value]));
  else values.add(value);
}
