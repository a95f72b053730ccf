/**
 * `same-as`: methods that stand for one another through inheritance. A fiber function called on a base class must
 * reach the override, so either every member of a group has one, or nobody calls it directly.
 */
import { ts, type TS } from "../compiler.js";
import type { AsyncFunction } from "./functions.js";

class UnionFind<T> {
  readonly #parent = new Map<T, T>();

  find(item: T): T {
    let root = item;
    for (let up = this.#parent.get(root); up !== undefined && up !== root; up = this.#parent.get(root)) root = up;
    for (let at = item; at !== root;) {
      const up = this.#parent.get(at) ?? root;
      this.#parent.set(at, root);
      at = up;
    }
    return root;
  }

  union(a: T, b: T): void {
    this.#parent.set(this.find(a), this.find(b));
  }
}

export interface Groups {
  /** The functions that must have a fiber function together, `fn` included. */
  membersOf(fn: AsyncFunction): readonly AsyncFunction[];
  /** Why the fiber function of `fn`'s group must not be called directly: an override of another kind exists. */
  obstacle(fn: AsyncFunction): string | undefined;
  /** Whether `fn` overrides a method of another class that is in the group. */
  overrides(fn: AsyncFunction): boolean;
}

export function findGroups(
  functions: readonly AsyncFunction[],
  files: readonly TS.SourceFile[],
  checker: TS.TypeChecker,
): Groups {
  const byNode = new Map<TS.Node, AsyncFunction>(functions.map((fn) => [fn.node, fn]));
  const union = new UnionFind<AsyncFunction>();
  const obstacles = new Map<AsyncFunction, string>();
  const overriding = new Set<AsyncFunction>();
  const methodNames = new Set(functions.filter((fn) => fn.form === "method").map((fn) => fn.name));

  for (const file of files) {
    if (!/\bextends\b/.test(file.text)) continue;
    const visit = (node: TS.Node): void => {
      if (ts.isClassLike(node)) inspect(node);
      ts.forEachChild(node, visit);
    };
    visit(file);
  }

  const members = new Map<AsyncFunction, AsyncFunction[]>();
  for (const fn of functions) {
    const root = union.find(fn);
    const group = members.get(root);
    if (group === undefined) members.set(root, [fn]);
    else group.push(fn);
  }
  return {
    membersOf: (fn) => members.get(union.find(fn)) ?? [fn],
    obstacle: (fn) => (members.get(union.find(fn)) ?? [fn]).map((m) => obstacles.get(m)).find((o) => o !== undefined),
    overrides: (fn) => overriding.has(fn),
  };

  function inspect(derived: TS.ClassLikeDeclaration): void {
    const heritage = derived.heritageClauses?.find((clause) => clause.token === ts.SyntaxKind.ExtendsKeyword)?.types[0];
    if (heritage === undefined) return;
    const constructor = checker.getTypeAtLocation(heritage.expression);
    const instance = checker.getTypeAtLocation(heritage);
    for (const member of derived.members) {
      const name = member.name;
      if (name === undefined || !ts.isIdentifier(name) || !methodNames.has(name.text)) continue;
      const isStatic =
        ts.canHaveModifiers(member) && ts.getModifiers(member)?.some((m) => m.kind === ts.SyntaxKind.StaticKeyword);
      const inherited = checker.getPropertyOfType(isStatic === true ? constructor : instance, name.text);
      const own = byNode.get(member);
      for (const declaration of inherited?.declarations ?? []) {
        const base = byNode.get(declaration);
        if (base !== undefined && own !== undefined) {
          union.union(own, base);
          overriding.add(own);
        } else if (base !== undefined && !isSignature(member)) {
          obstacles.set(
            base,
            `${className(derived)}.${name.text} overrides it with something that is not an async method`,
          );
        }
      }
    }
  }

  function isSignature(member: TS.ClassElement): boolean {
    return ts.isMethodDeclaration(member) && member.body === undefined;
  }

  function className(node: TS.ClassLikeDeclaration): string {
    return node.name?.text ?? "an anonymous class";
  }
}
