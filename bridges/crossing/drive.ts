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

import {
  Cancelled,
  startRoot,
  type Body,
  type CancelContext,
  type FiberHandle,
  type Holder,
  type Result,
  type RootFiber,
  type RootOptions,
  type Switch,
} from "trestle";
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

/** A fiber that is driven for the foreign side: its options, and what is told of its end, in one object. */
class Driven<T> implements RootOptions<T> {
  readonly name: string | undefined;
  readonly sw: Holder | undefined;
  readonly parent: CancelContext | undefined;
  inherit: FiberHandle | undefined;
  /** The switch to fail. */
  private readonly failing: Switch | undefined;
  private readonly abort: ForeignAbort | undefined;
  private readonly resolve: (value: T) => void;
  private readonly reject: (error: unknown) => void;

  constructor(
    where: string,
    name: string | undefined,
    options: DriveOptions | undefined,
    abort: ForeignAbort | undefined,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
  ) {
    const { sw, parent, inherit } = belonging(where, options);
    this.name = name;
    this.sw = sw;
    this.parent = parent;
    this.inherit = inherit;
    this.failing = options?.failSwitch ? options.sw : undefined;
    this.abort = abort;
    this.resolve = resolve;
    this.reject = reject;
  }

  onDone(outcome: Result<T>): void {
    const { abort, failing } = this;
    abort?.detach();
    if (outcome.ok) {
      abort?.succeeded();
      // Read first: neither is to see this object as its `this`.
      const { resolve } = this;
      return resolve(outcome.value);
    }
    const { reject } = this;
    const error = abort ? abort.explain(outcome.error) : outcome.error;
    if (failing && !(error instanceof Cancelled)) failing.fail(error);
    reject(error instanceof Cancelled ? abortErrorOf(error) : error);
  }
}

/**
 * Runs `body` and calls one of `resolve` and `reject`, once. May throw for wrong arguments, before the body is started.
 *
 * @returns the fiber, to cancel it by; undefined when it was not started
 */
export function drive<T>(
  where: string,
  body: Body<T>,
  options: DriveOptions | undefined,
  resolve: (value: T) => void,
  reject: (error: unknown) => void,
): RootFiber | undefined {
  const signal = options?.signal;
  const name = options?.name || undefined;
  if (signal === undefined) return start(body, new Driven(where, name, options, undefined, resolve, reject));
  expectSignal(where, "options.signal", signal);
  if (signal.aborted) {
    reject(signal.reason);
    return undefined;
  }
  const abort = new ForeignAbort(signal);
  // The name that the body would have given is not that of the function around it.
  const driven = new Driven(where, name ?? (body.name || undefined), options, abort, resolve, reject);
  return start(() => attached(where, abort, body), driven);
}

function start<T>(body: Body<T>, driven: Driven<T>): RootFiber {
  const root = startRoot(body, driven);
  // The fiber that called need not live as long as this one.
  driven.inherit = undefined;
  return root;
}

/** The first step: from here on, and not before, the fiber has a context that the signal can cancel. */
function attached<T>(where: string, abort: ForeignAbort, body: Body<T>) {
  abort.attach(requireFiber(where).context);
  return body();
}
