// Signals that the system sends to the process, as a capability.

import { refuse } from "./engine/describe.js";
import type { Op } from "./engine/op.js";
import type { Switch } from "./switch.js";

/** The name of a signal, such as `"SIGTERM"`. */
export type SignalName = `SIG${string}`;

/** The signals that the process gets. Without a handler, each does what the system has it do by default. */
export interface Signals {
  /**
   * Has `handler` called at each signal from now on, until `sw` ends or the function that this gives is called; then the
   * signal does what it did before. The handler must not wait: have it wake a fiber. Waiting for that keeps no process alive;
   * {@link next} does.
   *
   * @example
   * const reload = new Condition();
   * const stop = env.signals.listen(sw, "SIGHUP", () => reload.broadcast());
   * yield* work();
   * stop();
   */
  listen(sw: Switch, signal: SignalName, handler: () => void): () => void;
  /**
   * Waits for the next `signal`. The process does not end meanwhile, neither by the signal nor for want of anything to do. A cancellation
   * point.
   *
   * @example
   * yield* Fiber.first(
   *   () => env.signals.next("SIGTERM"),
   *   () => work(),
   * );
   */
  next(signal: SignalName): Op<void>;
}

/** @internal */
export function expectSignal(where: string, received: unknown): void {
  if (typeof received !== "string" || !received.startsWith("SIG"))
    refuse(where, "signal", 'the name of a signal, such as "SIGTERM"', received);
  if (received === "SIGKILL" || received === "SIGSTOP")
    refuse(where, "signal", "a signal that a process can handle", received);
}
