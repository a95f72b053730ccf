// Makes wrong calls, and says what each throws.

import type { Op } from "trestle";

/** A call, and the error that it is to end in. */
export type BadCall = readonly [call: () => unknown, error: string];

/** What the calls throw, and what they are to throw, by their source. */
export function* errorsOf(
  calls: readonly BadCall[],
): Op<[got: Record<string, string>, wanted: Record<string, string>]> {
  const got: Record<string, string> = {};
  const wanted: Record<string, string> = {};
  for (const [call, error] of calls) {
    const source = call.toString();
    wanted[source] = error;
    got[source] = yield* errorOf(call);
  }
  return [got, wanted];
}

function* errorOf(call: () => unknown): Op<string> {
  try {
    const made = call();
    const value = isOp(made) ? yield* made : made;
    return `nothing, and gave ${String(value)}`;
  } catch (error) {
    return String(error);
  }
}

function isOp(value: unknown): value is Op<unknown> {
  return typeof value === "object" && value !== null && Symbol.iterator in value && !ArrayBuffer.isView(value);
}
