// The signals of Node.

import { constants } from "node:os";
import { expectFunction, refuse } from "../engine/describe.js";
import type { Op } from "../engine/op.js";
import { suspend } from "../engine/suspend.js";
import { expectSignal, type SignalName, type Signals } from "../signals.js";
import { Switch } from "../switch.js";

/** Longer than any process lives; all that counts is that a timer is there. */
const LONG_MS = 2 ** 30;

class SystemSignals implements Signals {
  listen(sw: Switch, signal: SignalName, handler: () => void): () => void {
    if (!(sw instanceof Switch)) refuse("Signals.listen", "sw", "a Switch", sw);
    expectKnown("Signals.listen", signal);
    expectFunction("Signals.listen", "handler", handler);
    const onSignal = () => handler();
    const stop = () => {
      hook.remove();
      process.off(signal, onSignal);
    };
    const hook = sw.addHook(() => stop());
    process.on(signal, onSignal);
    return stop;
  }

  next(signal: SignalName): Op<void> {
    expectKnown("Signals.next", signal);
    return suspend<void>(`signal ${signal}`, (ctx, enqueue) => {
      const alive = setInterval(() => {}, LONG_MS);
      const stop = () => {
        clearInterval(alive);
        process.off(signal, onSignal);
      };
      const onSignal = () => {
        stop();
        enqueue({ ok: true, value: undefined });
      };
      process.on(signal, onSignal);
      ctx.setCancelFn((error) => {
        stop();
        enqueue({ ok: false, error });
      });
    });
  }
}

/** Node takes any name for that of an event, which then never happens. */
function expectKnown(where: string, signal: SignalName): void {
  expectSignal(where, signal);
  if (!(signal in constants.signals)) refuse(where, "signal", "a signal of this system", signal);
}

/** The signals of this process. */
export const signals: Signals = new SystemSignals();
