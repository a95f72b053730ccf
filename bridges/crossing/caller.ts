// Whom foreign code works for: a fiber that it starts belongs to the fiber that has called it.
//
// | foreign code runs                                  | what it starts belongs to                               |
// |----------------------------------------------------|---------------------------------------------------------|
// | in the call of `fromAsync`, before it has waited   | the calling fiber                                       |
// | after that, context tracked                        | the same; once that has ended, it is refused            |
// | in `bridge.run`                                    | the fiber of the bridge, or the bridge itself           |
// | in a fiber's step otherwise, or anywhere else      | nobody                                                  |

import {
  findFiber,
  SwitchFinishedError,
  type CancelContext,
  type FiberHandle,
  type Holder,
  type RootOptions,
  type Switch,
} from "trestle";

/** What a fiber that foreign code starts gets from whom it works for: options of `startRoot`. */
export type Belonging = Pick<RootOptions<never>, "sw" | "parent" | "inherit">;

/** Somebody that foreign code may work for. */
export interface Caller {
  /** @throws when there is nobody left */
  owner(where: string): Belonging;
  /** Whose fiber-locals and context a fiber gets that has another owner. */
  readonly fiber: FiberHandle | undefined;
}

/** A store of `AsyncLocalStorage`, as much of it as is used. */
export interface StoreLike<T> {
  run<R>(value: T, fn: () => R): R;
  getStore(): T | undefined;
}

/** A fiber that has called foreign code. */
export class CallingFiber implements Caller {
  readonly fiber: FiberHandle;
  private readonly context: CancelContext;
  /** The fiber does not wait for the call any more. */
  over: boolean;

  constructor(fiber: FiberHandle, over: boolean) {
    this.fiber = fiber;
    this.context = fiber.context;
    this.over = over;
  }

  owner(where: string): Belonging {
    const { fiber, context } = this;
    if (fiber.hasEnded || context.isFinished) {
      const name = fiber.name === undefined ? "" : ` ${JSON.stringify(fiber.name)}`;
      throw new SwitchFinishedError(
        undefined,
        `${where}: called on behalf of fiber ${fiber.id}${name}, which has ended or left the scope of the call; ` +
          "pass { inherit: false } or a switch",
      );
    }
    // While the fiber waits for the call nobody else need wait for what the call has started.
    const holder = this.over ? context.holder : undefined;
    if (!holder) return { parent: context, inherit: fiber };
    return { sw: new Held(context, holder), inherit: fiber };
  }
}

/** Cancelled along with `context`, waited for by the switch around it. */
class Held implements Holder {
  readonly context: CancelContext;
  private readonly holder: Holder;

  constructor(context: CancelContext, holder: Holder) {
    this.context = context;
    this.holder = holder;
  }

  hold(): void {
    this.holder.hold();
  }

  release(): void {
    this.holder.release();
  }
}

/** For foreign code on the stack: valid while the same fiber, or none, is running. */
let onStack: { readonly caller: Caller; readonly running: FiberHandle | undefined } | undefined;

/** Follows foreign code through its waits, where there is such a thing. */
let tracked: StoreLike<Caller | undefined> | undefined;

/** From now on foreign code is followed through its waits. */
export function trackCallers(store: StoreLike<Caller | undefined> | undefined): void {
  tracked = store;
}

/** Calls foreign code on behalf of `caller`. */
export function callFor<R>(caller: Caller, fn: () => R): R {
  const outer = onStack;
  onStack = { caller, running: findFiber() };
  try {
    return tracked ? tracked.run(caller, fn) : fn();
  } finally {
    onStack = outer;
  }
}

/** Whom the foreign code that is running works for. */
export function callerNow(): Caller | undefined {
  const running = findFiber();
  if (onStack?.running === running && onStack) return onStack.caller;
  // What a fiber calls in passing works for nobody.
  return running ? undefined : tracked?.getStore();
}

/** The options by which the owner of a fiber is chosen. */
export interface OwnerOptions {
  /** The switch that waits for the fiber and cancels it when it fails itself. */
  sw?: Switch;
  /** Whether the fiber belongs to the fiber that the calling code works for, if that is known and no switch is given. Default true. */
  inherit?: boolean;
}

/**
 * What a fiber that is started now gets from whom.
 *
 * @throws SwitchFinishedError when the calling code has outlived its fiber
 */
export function belonging(where: string, options: OwnerOptions | undefined): Belonging {
  const caller = options?.inherit === false ? undefined : callerNow();
  const sw = options?.sw;
  if (sw) {
    if (sw.context.isFinished) throw new SwitchFinishedError(sw.name, where);
    return { sw, inherit: caller?.fiber };
  }
  return caller ? caller.owner(where) : NOBODY;
}

const NOBODY: Belonging = {};
