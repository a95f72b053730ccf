// The outgoing driver: runs a fiber for the foreign side, and tells it the outcome.
//
// | event                              | consequence                                                                      |
// |------------------------------------|----------------------------------------------------------------------------------|
// | start                              | the body runs at once, up to its first suspension                                |
// | the fiber has ended, finalizers done | `resolve` or `reject` is called in that very step                              |
// | the foreign signal is aborted      | cancelled in the same turn; `reject` gets `signal.reason` itself                 |
// | cancelled from the fiber side      | `reject` gets an `AbortError` whose cause is the reason                          |
// | wrong arguments, finished switch   | `reject`, never a throw: one channel of errors                                   |
// | owner                              | the switch that is given; whom the calling code works for; else nobody           |

import { Cancelled, startRoot, type Body } from "trestle";
import { abortErrorOf } from "./abort-error.js";
import { belonging, type OwnerOptions } from "./caller.js";
import { expectSignal, ForeignAbort } from "./foreign-abort.js";
import type { Signal } from "./platform.js";
import { requireFiber } from "./recipe.js";

/** How {@link drive} runs a body. */
export interface DriveOptions extends OwnerOptions {
  /** Cancels the fiber when it is aborted. One that is aborted already keeps the body from starting. */
  signal?: Signal;
  /** A failure of the fiber fails `sw`, too. Default false: it has a consumer, the foreign side. */
  failSwitch?: boolean;
  /** Shown in reports; by default the name of the body. */
  name?: string;
}

/** Cancels the driven fiber; nothing happens if it has ended. */
export type Cancel = (reason: unknown) => void;

/**
 * Runs `body` and calls one of `resolve` and `reject`, once. May throw for wrong arguments, before the body is started.
 *
 * @returns what cancels the fiber
 */
export function drive<T>(
  where: string,
  body: Body<T>,
  options: DriveOptions | undefined,
  resolve: (value: T) => void,
  reject: (error: unknown) => void,
): Cancel {
  const sw = options?.sw;
  const signal = options?.signal;
  let abort: ForeignAbort | undefined;
  if (signal !== undefined) {
    expectSignal(where, "options.signal", signal);
    if (signal.aborted) {
      reject(signal.reason);
      return () => {};
    }
    abort = new ForeignAbort(signal);
  }
  const root = startRoot(abort ? () => attached(where, abort, body) : body, {
    name: options?.name || body.name || undefined,
    ...belonging(where, options),
    onDone(outcome) {
      abort?.detach();
      if (outcome.ok) {
        abort?.succeeded();
        return resolve(outcome.value);
      }
      const error = abort ? abort.explain(outcome.error) : outcome.error;
      if (options?.failSwitch && sw && !(error instanceof Cancelled)) sw.fail(error);
      reject(error instanceof Cancelled ? abortErrorOf(error) : error);
    },
  });
  return (reason) => root.cancel(reason);
}

/** The first step: from here on, and not before, the fiber has a context that the signal can cancel. */
function attached<T>(where: string, abort: ForeignAbort, body: Body<T>) {
  abort.attach(requireFiber(where).context);
  return body();
}
