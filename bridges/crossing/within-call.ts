// Fibers that keep the turns of the callback functions they stand for.
//
// | event                                        | consequence                                                             |
// |----------------------------------------------|-------------------------------------------------------------------------|
// | an error-first callback is called            | the fiber goes on inside that call, whoever makes it                    |
// | it is called before the function has returned | the fiber goes on when that function has returned, in the same turn    |
// | the fiber ends                               | its own callback is called there, inside the call that ended the wait   |
// | that callback throws                         | the call that ended the wait throws it                                  |
// | the fiber fails before its first wait        | the call that started it throws that, and the callback is not called    |
// | a function that it called throws instead of calling back | the same, wherever that is; the fiber is cancelled      |

import { Cancelled, reportUnhandled, type FiberHandle } from "trestle";

const runs = new WeakMap<FiberHandle, WithinCall>();

/** One such fiber. */
export class WithinCall {
  /** Calls under way that the fiber runs inside of. */
  private calls = 0;
  private hasWaited = false;
  /** What a called function threw. */
  private thrown: { readonly error: unknown } | undefined;
  /** What the innermost of those calls is to throw. */
  private leaving: { readonly error: unknown } | undefined;

  /** That of a fiber, if it is such a fiber. */
  static of(fiber: FiberHandle): WithinCall | undefined {
    return runs.get(fiber);
  }

  attach(fiber: FiberHandle): void {
    runs.set(fiber, this);
  }

  /** Makes `call`, which starts or resumes the fiber, and throws what left the fiber inside. */
  around<R>(call: () => R): R {
    this.calls++;
    let result: R;
    try {
      result = call();
    } finally {
      this.calls--;
    }
    const { leaving } = this;
    this.leaving = undefined;
    if (leaving) throw leaving.error;
    return result;
  }

  /** Calls a function that will call back; `hasAnswered` says whether it did. */
  begin(call: () => unknown, hasAnswered: () => boolean): void {
    this.hasWaited = true;
    try {
      call();
    } catch (error) {
      if (hasAnswered()) throw error;
      // Nothing of the fiber is to take this for an answer.
      this.thrown = { error };
      throw new Cancelled(error);
    }
  }

  /** What the callback function itself would have thrown, where its fiber fails with `error`. */
  thrownFor(error: unknown): { readonly error: unknown } | undefined {
    return this.thrown ?? (this.hasWaited ? undefined : { error });
  }

  /** Lets an error out of the call under way; with none, nobody could catch it. */
  leave(error: unknown): void {
    if (this.calls === 0) reportUnhandled(error);
    else this.leaving = { error };
  }
}
