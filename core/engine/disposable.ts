// Things that `using` takes back at the end of a block, where the language has it.

/** The type of `Symbol.dispose`; `never` for a project whose library does not know it. */
type Dispose = SymbolConstructor[Extract<"dispose", keyof SymbolConstructor>];

/** An object with `[Symbol.dispose]()`, where the symbol is known. */
export type DisposableLike = { [K in Dispose]: () => void };

/** Lets `using` call `dispose` at the end of the block that holds `object`. */
export function disposable<T extends object>(object: T, dispose: () => void): T & DisposableLike {
  // An older platform has no such symbol.
  const symbol = Symbol.dispose as symbol | undefined;
  if (symbol) Object.defineProperty(object, symbol, { value: dispose });
  return object as T & DisposableLike;
}
