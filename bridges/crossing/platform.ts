// What a project may have or not: from the DOM's types, from Node's, from a later library of the language. Where it has one, these
// are that very type; where not, the least that is needed, so that our declarations compile in every project.

/** `AbortSignal`. */
export type Signal = typeof globalThis extends { AbortSignal: { prototype: infer S } } ? S : AbortSignalLike;

/** As much of an `AbortSignal` as is known where neither the DOM's types nor Node's are there. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason?: unknown;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** `Event`. */
export type PlatformEvent = typeof globalThis extends { Event: { prototype: infer E } } ? E : { readonly type: string };

/** The type of a symbol of the language, such as `Symbol.dispose`; `never` where that is not known. */
type WellKnown<Name extends string> = SymbolConstructor[Extract<Name, keyof SymbolConstructor>];

/** An object with `[Symbol.dispose]()`; there is none where the symbol is not known. */
export type DisposableLike = [WellKnown<"dispose">] extends [never]
  ? never
  : { [K in WellKnown<"dispose">]: () => void };

/** An object with `[Symbol.asyncDispose]()`, where the symbol is known. */
export type AsyncDisposableLike = { [K in WellKnown<"asyncDispose">]: () => PromiseLike<void> };
