// How `using` and `await using` end a lifetime, where the language has them or a compiler makes up for it.

/** The type of a symbol of the language, or of ours where the project's library does not know it. */
type Known<Name extends string, Ours extends symbol> = [Extract<Name, keyof SymbolConstructor>] extends [never]
  ? Ours
  : SymbolConstructor[Extract<Name, keyof SymbolConstructor>];

// What compilers that lower `using` look for when the platform has no such symbol.
const ourDispose: unique symbol = /* @__PURE__ */ Symbol.for("Symbol.dispose") as never;
const ourAsyncDispose: unique symbol = /* @__PURE__ */ Symbol.for("Symbol.asyncDispose") as never;

const platform = Symbol as { readonly dispose?: symbol; readonly asyncDispose?: symbol };

/** `Symbol.dispose`; on platforms without it, the symbol that compilers use in its place. */
export const dispose: Known<"dispose", typeof ourDispose> = (platform.dispose ?? ourDispose) as never;

/** `Symbol.asyncDispose`; on platforms without it, the symbol that compilers use in its place. */
export const asyncDispose: Known<"asyncDispose", typeof ourAsyncDispose> = (platform.asyncDispose ??
  ourAsyncDispose) as never;

/** What `using` takes: the `Disposable` of projects whose library has it. */
export interface DisposableLike {
  [dispose](): void;
}

/** What `await using` takes: the `AsyncDisposable` of projects whose library has it. */
export interface AsyncDisposableLike {
  [asyncDispose](): PromiseLike<unknown>;
}

/** Lets `using` call `end` at the end of the block that holds `object`. */
export function disposable<T extends object>(object: T, end: () => void): T & DisposableLike {
  return Object.defineProperty(object, dispose, { value: end }) as T & DisposableLike;
}
