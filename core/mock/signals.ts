// Signals that a test sends.

import { expectFunction, refuse } from "../engine/describe.js";
import type { Op } from "../engine/op.js";
import { suspend } from "../engine/suspend.js";
import { Failure } from "../failure.js";
import { expectSignal, type SignalName, type Signals } from "../signals.js";
import { Switch } from "../switch.js";
import { traceln } from "../traceln.js";

/**
 * Signals for tests: there are those that the test raises.
 *
 * @example
 * const signals = new MockSignals("signals");
 * yield* Fiber.both(
 *   () => signals.next("SIGTERM"),
 *   function* () {
 *     signals.raise("SIGTERM");
 *   },
 * );
 * // +signals: SIGTERM
 */
export class MockSignals implements Signals {
  readonly label: string;
  private readonly handlers = new Map<SignalName, Set<() => void>>();

  /** @param label  begins each line of the trace */
  constructor(label = "signals") {
    if (typeof label !== "string") refuse("new MockSignals", "label", "a string", label);
    this.label = label;
  }

  listen(sw: Switch, signal: SignalName, handler: () => void): () => void {
    if (!(sw instanceof Switch)) refuse("Signals.listen", "sw", "a Switch", sw);
    expectSignal("Signals.listen", signal);
    expectFunction("Signals.listen", "handler", handler);
    // Those who come twice are called twice.
    const heard = () => handler();
    const stop = () => {
      hook.remove();
      this.remove(signal, heard);
    };
    const hook = sw.addHook(() => stop());
    this.add(signal, heard);
    return stop;
  }

  next(signal: SignalName): Op<void> {
    expectSignal("Signals.next", signal);
    return suspend<void>(`signal ${signal}`, (ctx, enqueue) => {
      const heard = () => {
        this.remove(signal, heard);
        enqueue({ ok: true, value: undefined });
      };
      this.add(signal, heard);
      ctx.setCancelFn((error) => {
        this.remove(signal, heard);
        enqueue({ ok: false, error });
      });
    });
  }

  private add(signal: SignalName, handler: () => void): void {
    const handlers = this.handlers.get(signal);
    if (handlers) handlers.add(handler);
    else this.handlers.set(signal, new Set([handler]));
  }

  private remove(signal: SignalName, handler: () => void): void {
    this.handlers.get(signal)?.delete(handler);
  }

  /** Whether somebody listens for `signal`, or waits for it. */
  isHeard(signal: SignalName): boolean {
    expectSignal("MockSignals.isHeard", signal);
    return (this.handlers.get(signal)?.size ?? 0) > 0;
  }

  /**
   * Sends `signal`: handlers are called at once, in the order in which they came, and who waits is woken.
   *
   * @example
   * const signals = new MockSignals();
   * signals.isHeard("SIGHUP"); // => false
   * signals.raise("SIGHUP"); // throws Failure: signals: nobody listens for SIGHUP
   *
   * @throws Failure when nobody hears it: the system would have ended the program
   */
  raise(signal: SignalName): void {
    expectSignal("MockSignals.raise", signal);
    if (!this.isHeard(signal)) throw new Failure(`${this.label}: nobody listens for ${signal}`);
    traceln("%s: %s", this.label, signal);
    for (const handler of [...this.handlers.get(signal)!]) handler();
  }
}
