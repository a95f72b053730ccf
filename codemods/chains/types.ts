/** Types of chains, as they are written in the file. */
import { isJavaScriptFile, isPropertyName, short } from "../analyse/syntax.js";
import { ts, type TS } from "../compiler.js";
import { refuse, type Written } from "./chain.js";

export class WrittenTypes {
  readonly #file: TS.SourceFile;
  readonly #checker: TS.TypeChecker;
  readonly #options: TS.CompilerOptions;

  constructor(file: TS.SourceFile, checker: TS.TypeChecker, options: TS.CompilerOptions) {
    this.#file = file;
    this.#checker = checker;
    this.#options = options;
  }

  /** The type of what a promise gives, as `: T`; nothing in JavaScript. */
  annotation(promise: TS.Expression, at: TS.Node): string {
    if (isJavaScriptFile(this.#file)) return "";
    const text = this.#text(this.#checker.getAwaitedType(this.#checker.getTypeAtLocation(promise)), at);
    if (text === undefined) refuse("TR1305", `the type of what ${short(promise)} gives cannot be written here`);
    return `: ${text}`;
  }

  #text(type: TS.Type | undefined, at: TS.Node): string | undefined {
    if (type === undefined) return undefined;
    const flags = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.WriteArrowStyleSignature;
    const text = this.#checker.typeToString(type, at, flags);
    return /import\(|\btypeof import|\.\.\. \d+ more|<anonymous|\b__/.test(text) ? undefined : text;
  }

  /** Errors of promises have no type; those of a catch clause may have to be unknown. */
  get anyError(): string {
    const isStrict = this.#options.useUnknownInCatchVariables ?? this.#options.strict ?? false;
    return isStrict && !isJavaScriptFile(this.#file) ? ": any" : "";
  }

  isVoid(expression: TS.Expression): boolean {
    return (this.#checker.getTypeAtLocation(expression).flags & ts.TypeFlags.Void) !== 0;
  }

  /** Whether nothing of a type has to be waited for. */
  isPlain(type: TS.Type | undefined): boolean {
    if (type === undefined) return false;
    const types = type.isUnion() ? type.types : [type];
    const plain =
      ts.TypeFlags.StringLike |
      ts.TypeFlags.NumberLike |
      ts.TypeFlags.BooleanLike |
      ts.TypeFlags.VoidLike |
      ts.TypeFlags.Null |
      ts.TypeFlags.BigIntLike;
    return types.every((one) => (one.flags & plain) !== 0);
  }
}

/** Whether an error is used for more than being passed on, which its type then has to allow. */
export function usesLoosely(node: Written, name: TS.BindingName): boolean {
  if (!ts.isIdentifier(name)) return false;
  let loosely = false;
  const visit = (inner: TS.Node): void => {
    if (ts.isIdentifier(inner) && inner.text === name.text && inner !== name && !isPropertyName(inner)) {
      const { parent } = inner;
      const isTested =
        ts.isBinaryExpression(parent) &&
        parent.left === inner &&
        parent.operatorToken.kind === ts.SyntaxKind.InstanceOfKeyword;
      if (!isTested && !ts.isThrowStatement(parent)) loosely = true;
    }
    ts.forEachChild(inner, visit);
  };
  visit(node.body);
  return loosely;
}
