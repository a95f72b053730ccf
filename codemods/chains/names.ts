/** Names that callbacks bring into the block around them, when their statements are written there. */
import { isPropertyName } from "../analyse/syntax.js";
import { ts, type TS } from "../compiler.js";
import { boundNames, declaredNames, type Written } from "./chain.js";

/** What is known of names in the file, and done about them. */
export interface FileNames {
  readonly checker: TS.TypeChecker;
  /** Plans another name for an identifier. */
  rename(identifier: TS.Identifier, name: string): void;
  /** A name that the whole file does not have. */
  freshName(base: string): string;
  /** The names that chains already brought into a block. */
  claimed(container: TS.Node): Set<string>;
}

export class BroughtNames {
  readonly #file: FileNames;
  readonly #container: TS.Node;
  readonly #brought = new Set<TS.Node>();

  constructor(file: FileNames, container: TS.Node) {
    this.#file = file;
    this.#container = container;
  }

  /** Names that a callback brings into the block get others where they are taken. */
  bring(node: Written): void {
    if (this.#brought.has(node)) return;
    this.#brought.add(node);
    const parameter = node.parameters[0];
    const names = [
      ...(parameter === undefined ? [] : boundNames(parameter.name)),
      ...(ts.isBlock(node.body) ? declaredNames(node.body) : []),
    ];
    const claimed = this.#file.claimed(this.#container);
    for (const name of names) {
      if (!claimed.has(name.text) && !this.#isTaken(name.text, node)) {
        claimed.add(name.text);
        continue;
      }
      const other = this.#file.freshName(name.text);
      claimed.add(other);
      this.#renameAll(node, name, other);
    }
  }

  #isTaken(name: string, node: Written): boolean {
    let taken = false;
    const visit = (inner: TS.Node): void => {
      if (taken || inner === node) return;
      if (ts.isFunctionLike(inner) && inner !== this.#container) {
        const own = inner.parameters.flatMap((p) => boundNames(p.name));
        if (own.some((identifier) => identifier.text === name)) return;
      }
      if (ts.isIdentifier(inner) && inner.text === name && !isPropertyName(inner)) taken = true;
      else ts.forEachChild(inner, visit);
    };
    ts.forEachChild(this.#container, visit);
    return taken;
  }

  #renameAll(root: TS.Node, declared: TS.Identifier, name: string): void {
    const { checker } = this.#file;
    const symbol = checker.getSymbolAtLocation(declared);
    const visit = (node: TS.Node): void => {
      if (ts.isIdentifier(node) && node.text === declared.text) {
        const own = ts.isShorthandPropertyAssignment(node.parent)
          ? checker.getShorthandAssignmentValueSymbol(node.parent)
          : checker.getSymbolAtLocation(node);
        const isKey = isPropertyName(node) && !(ts.isBindingElement(node.parent) && node.parent.name === node);
        if (own === symbol && !isKey) this.#file.rename(node, name);
      }
      ts.forEachChild(node, visit);
    };
    visit(root);
  }
}
