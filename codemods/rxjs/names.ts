/** What RxJS exports, and which expressions are observables of it. */
import { libraryName, type LibraryName } from "../analyse/library.js";
import { type TS } from "../compiler.js";

/** The name by which RxJS exports what an expression stands for. */
export function rxName(expression: TS.Node, checker: TS.TypeChecker): LibraryName | undefined {
  const named = libraryName(expression, checker);
  return named !== undefined && /^rxjs(\/|$)/.test(named.module) && named.name !== "*" ? named : undefined;
}

/** The class of RxJS that an expression is an object of, by its type: `Observable`, `Subject`, `Subscription`, ... */
export function rxClass(expression: TS.Expression, checker: TS.TypeChecker): string | undefined {
  return classOfRx(checker.getNonNullableType(checker.getTypeAtLocation(expression)));
}

/** The class of RxJS that a type is. */
export function classOfRx(type: TS.Type): string | undefined {
  const symbol = type.getSymbol();
  const declared = symbol?.declarations?.[0]?.getSourceFile().fileName;
  return declared !== undefined && /\/node_modules\/rxjs\//.test(declared) ? symbol?.name : undefined;
}

/** Whether an expression is an observable, of whatever class. */
export function isObservable(expression: TS.Expression, checker: TS.TypeChecker): boolean {
  const name = rxClass(expression, checker);
  return name !== undefined && /Observable$|Subject$/.test(name);
}
