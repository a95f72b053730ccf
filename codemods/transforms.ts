/** The transforms, by the ids that reports name. */

export const transforms: Readonly<Record<string, string>> = {
  "CM-A01": "async function declarations become fiber functions",
  "CM-A02": "async function expressions and callbacks become fiber functions inside `toAsync`",
  "CM-A03": "`await` becomes `yield*`, of a fiber function directly and of a promise through a bridge",
  "CM-A05": "async arrow functions in constants become fiber functions",
  "CM-A10": "`return` of a promise becomes `return yield*`",
  "CM-A13": "a wait for one of several calls becomes one `yield*` for each",
  "CM-A27": "`await null` and the like give others a turn",
  "CM-K01": "async methods become fiber methods",
  "CM-P01": "`then`, `catch` and `finally`",
  "CM-P13": "`Promise.all` becomes fibers of one scope",
  "CM-P14": "`Promise.allSettled`",
  "CM-P15": "`Promise.race`",
  "CM-P16": "`Promise.any`",
  "CM-P17": "`new Promise(...)` becomes the registration of a callback",
  "CM-P28": "`promisify`",
  "CM-R01": "`firstValueFrom` and `lastValueFrom` of RxJS",
  "CM-R03": "`subscribe` of an observable",
  "CM-R04": "`new Observable(...)`",
  "CM-E04": "listeners of events",
  "CM-L02": "limiters such as p-limit",
};
