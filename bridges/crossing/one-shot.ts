// One answer from a foreign source: the wrapper under every adapter that registers, waits once, and is done.
//
// | event                                    | consequence                                                                |
// |------------------------------------------|----------------------------------------------------------------------------|
// | run in a cancelled fiber                 | `register` is not called                                                   |
// | the source answers, also while registering | the first answer counts; the fiber is queued and runs after the source    |
// | the source answers again                 | ignored; a value after a cancellation is discarded                         |
// | `register` throws                        | the op fails with that very error; if there was an answer already, that    |
// |                                          | stands and the error is reported as unhandled                              |
// | the fiber is cancelled                   | `undo` runs inside the cancel call; what it sets off is ignored            |
// | it is cancelled while registering        | the same, once `register` has returned                                     |
// | `undo` throws                            | the fiber stops all the same; the error goes to whoever cancelled          |

import { reportUnhandled, suspend, type Op } from "trestle";

/** The two ends of a one-shot source. May be called at any time; the first call counts, and neither throws. */
export interface Answer<T> {
  readonly succeed: (value: T) => void;
  readonly fail: (error: unknown) => void;
}

/** Takes a registration back. */
export type Undo = () => void;

/** How {@link oneShot} behaves beyond its table. */
export interface OneShotOptions<T> {
  /** Take the registration back after an answer as well, not only on cancellation: for listeners and subscriptions. */
  undoWhenAnswered?: boolean;
  /** Is given a value that came after the cancellation; must not throw. */
  discard?: ((value: T) => void) | undefined;
}

/**
 * An op that calls `register` and waits for its answer.
 *
 * @param label  what the fiber waits for, in reports
 */
export function oneShot<T>(
  label: string,
  register: (answer: Answer<T>) => Undo | undefined,
  options?: OneShotOptions<T>,
): Op<T> {
  return suspend<T>(label, (ctx, enqueue) => {
    let registering = true;
    let answered = false;
    let cancelled = false;
    let undo: Undo | undefined;

    // Before the fiber was suspended there was no cancellation: one that is seen while registering has come before the answer.
    const tooLate = () => (cancelled ||= registering && !answered && ctx.getError() !== undefined);
    const undoAnswered = () => {
      const fn = undo;
      undo = undefined;
      if (!fn || !options?.undoWhenAnswered) return;
      try {
        fn();
      } catch (error) {
        // The answer stands, and the source that called us is not to blame.
        reportUnhandled(error);
      }
    };

    const answer: Answer<T> = {
      succeed(value) {
        if (tooLate()) return options?.discard?.(value);
        if (answered) return;
        answered = true;
        if (!registering) undoAnswered();
        enqueue({ ok: true, value });
      },
      fail(error) {
        if (answered || tooLate()) return;
        answered = true;
        if (!registering) undoAnswered();
        enqueue({ ok: false, error });
      },
    };

    try {
      undo = register(answer);
    } catch (error) {
      // A straggler is to find the door shut. (`suspend` tells the two cases of the table apart.)
      cancelled ||= !answered;
      throw error;
    } finally {
      registering = false;
    }
    if (answered) return undoAnswered();
    ctx.setCancelFn((error) => {
      cancelled = true;
      const fn = undo;
      undo = undefined;
      fn?.();
      enqueue({ ok: false, error });
    });
  });
}
