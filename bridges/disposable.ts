// A switch for async code. For the other direction there is `Switch.own`: a resource with `Symbol.dispose` or `Symbol.asyncDispose`
// becomes one of a switch.
//
// |         | `openSwitch`                                                                      |
// |---------|-----------------------------------------------------------------------------------|
// | cancel  | at the end of the block, of what still runs; `signal`; `sw`                       |
// | owner   | the block that declares it                                                        |
// | error   | the failure of the switch rejects the disposal                                    |
// | turns   | the disposal is over when all fibers and release handlers are                     |

import { asyncDispose, Cancelled, Disposed, startRoot, suspend, Switch, type Op, type Result } from "trestle";
import { expectSignal, ForeignAbort } from "./crossing/foreign-abort.js";
import type { AsyncDisposableLike, Signal } from "./crossing/platform.js";
import { expectOptions, expectSwitch } from "./crossing/refuse.js";

/** The options of {@link openSwitch}. */
export interface OpenSwitchOptions {
  /** Cancels the switch when it is aborted. */
  signal?: Signal;
  /** A switch that waits for this one, and cancels it when it fails itself. */
  sw?: Switch;
  /** Shown in reports. */
  name?: string;
}

/** A switch whose block is one of async code, see {@link openSwitch}. */
export interface OpenSwitch extends AsyncDisposableLike {
  /** For `toPromise(body, { sw })`, and all else that takes a switch. */
  readonly sw: Switch;
}

/**
 * A switch for a block of async code: declared with `await using`, it ends with the block. What still runs in it then is cancelled, and
 * waited for; then its release handlers run. If all its fibers have ended, nothing is cancelled.
 *
 * The disposal rejects with the failure of the switch, if it has failed, as `Switch.run` would throw it.
 *
 * @example
 * async function both(): Promise<string[]> {
 *   const scope = openSwitch();
 *   try {
 *     const ada = toPromise(() => loadUser("ada"), { sw: scope.sw });
 *     const posts = await toPromise(() => loadPosts("ada"), { sw: scope.sw });
 *     return [(await ada).name, ...posts];
 *   } finally {
 *     await scope[asyncDispose](); // what `await using scope = openSwitch()` does
 *   }
 * }
 * yield* fromAsync(both);
 */
export function openSwitch(options?: OpenSwitchOptions): OpenSwitch {
  expectOptions("openSwitch", options, "name");
  if (options?.sw !== undefined) expectSwitch("openSwitch", options.sw);
  expectSignal("openSwitch", "options.signal", options?.signal);
  return new AsyncScope(options);
}

class AsyncScope implements OpenSwitch {
  sw!: Switch;
  private readonly outcome: Promise<Result<void>>;
  private readonly cancel: (reason: unknown) => void;
  private readonly abort: ForeignAbort | undefined;

  constructor(options: OpenSwitchOptions | undefined) {
    const { signal, sw, name = "openSwitch" } = options ?? {};
    this.abort = signal && new ForeignAbort(signal);
    let ended!: (outcome: Result<void>) => void;
    this.outcome = new Promise((resolve) => (ended = resolve));
    const root = startRoot(() => Switch.run((inner) => this.keep(inner), { name }), {
      name,
      sw,
      onDone: (outcome) => {
        this.abort?.detach();
        ended(outcome);
      },
    });
    this.cancel = (reason) => root.cancel(reason);
    this.sw.check();
    this.abort?.attach(root.context);
    if (signal?.aborted) this.cancel(signal.reason);
  }

  private *keep(sw: Switch): Op<void> {
    this.sw = sw;
    yield* suspend<void>("the end of a block of async code", (ctx, enqueue) => {
      ctx.setCancelFn((error) => enqueue({ ok: false, error }));
    });
  }

  async [asyncDispose](): Promise<void> {
    this.cancel(new Disposed());
    const outcome = await this.outcome;
    if (!outcome.ok && !(outcome.error instanceof Cancelled)) throw outcome.error;
  }
}
