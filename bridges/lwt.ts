// Lwt, the promises of OCaml, both ways: for programs compiled by js_of_ocaml and linked with `Trestle_lwt`, whose sources come with this
// package in `ocaml/`. Both sides share one event loop.
//
// |              | `fromLwt(task)`           | `fromLwt(() => task)`                   | `toLwt`                                 |
// |--------------|---------------------------|-----------------------------------------|-----------------------------------------|
// | cancels      | the Lwt promise, and goes | the Lwt promise, and waits until it has | `Lwt.cancel` cancels the fiber          |
// |              | on at once                | ended, clean-up included                |                                         |
// | owner        | whoever made the task     | the fiber                               | `sw`; the fiber in `fromAsync`; nobody  |
// | error        | `LwtError` with the OCaml constructor and message; an error that       | `Fiber_failed` with name and message;   |
// |              | came from this side is the same object                                 | an exception of OCaml's is itself       |
// | cancellation | `Lwt.Canceled` is `Cancelled`                                          | `Cancelled` is `Lwt.Canceled`           |
// | turns        | queued when the promise ends                                           | begins at once, as Lwt functions do     |

import { Cancelled, reportUnhandled, startRoot, suspend, type Body, type Op, type Result } from "trestle";
import { belonging, type OwnerOptions } from "./crossing/caller.js";
import { expectBody, expectFunction, expectOptions, refuse } from "./crossing/refuse.js";

/** Why a task failed, as both sides see it. */
export interface LwtFailure {
  /** The exception is `Lwt.Canceled`, or the error a `Cancelled`. */
  readonly canceled: boolean;
  /** The constructor of the exception, such as `"Program.Out_of_stock"`; or the name of the error. */
  readonly name: string;
  readonly message: string;
  /** The exception or error itself. */
  readonly origin: unknown;
  /** The OCaml program that `origin` is an exception of; null for JavaScript errors. */
  readonly owner: unknown;
}

/** What crosses between OCaml and JavaScript: `Trestle_lwt.to_js` and {@link toLwt} make such tasks, either side waits for them. */
export interface LwtTask<T> {
  /**
   * Calls one of the two once, at once if the task has ended already. The function that comes back takes them back.
   */
  onSettled(ok: (value: T) => void, fail: (failure: LwtFailure) => void): () => void;
  /** Asks the task to stop; nothing happens if it has ended, or cannot be stopped. */
  cancel(): void;
}

/**
 * An exception of an OCaml program. `constructorName` says which; `message` is its text, for `Failure` and `Invalid_argument` the
 * plain argument. When it crosses back into the program that raised it, it is the original exception.
 *
 * @example
 * try {
 *   yield* fromLwt(() => program.pick("nothing"));
 * } catch (error) {
 *   if (error instanceof LwtError && error.constructorName.endsWith(".Out_of_stock")) return 0;
 *   throw error;
 * }
 */
export class LwtError extends Error {
  override readonly name = "LwtError";
  readonly code = "LWT_ERROR";
  readonly constructorName: string;
  /** What came over the border. */
  readonly failure: LwtFailure;

  /** @internal */
  constructor(failure: LwtFailure) {
    super(failure.message);
    this.constructorName = failure.name;
    this.failure = failure;
  }
}

/** The options of {@link fromLwt}. */
export interface FromLwtOptions {
  /**
   * What the fiber does after a cancellation has cancelled the Lwt promise. `"settle"`: it waits until that has ended, clean-up
   * included; a promise that cannot be cancelled, such as one of `Lwt.wait`, is waited for, too. `"abandon"`: it goes on at once. By
   * default it waits for what it has started itself, by a function.
   */
  onCancel?: "settle" | "abandon";
  /** Shown in reports: "fromLwt(label)". */
  label?: string;
}

/**
 * Waits for a Lwt promise and gives its value, or throws its exception as a {@link LwtError}. When the fiber is cancelled, so is the
 * promise.
 *
 * Given a function, calls it when the op is run, each time anew: what it starts belongs to the fiber, which waits for its clean-up
 * when it is cancelled. A cancellation point: in a cancelled fiber neither is the function called nor the promise touched.
 *
 * @example
 * const length = yield* fromLwt(() => program.pick("apple")); // an OCaml function, compiled by js_of_ocaml
 *
 * @param source  a task made by `Trestle_lwt.to_js`, or a function that gives one
 * @throws LwtError when the promise fails
 * @throws Cancelled when the promise was cancelled (`Lwt.Canceled`)
 * @throws TypeError at once, when `source` is neither; when it is run, if the function gives something else
 */
export function fromLwt<T>(source: LwtTask<T> | (() => LwtTask<T>), options?: FromLwtOptions): Op<T> {
  if (typeof source !== "function" && !isTask(source)) refuse("fromLwt", "source", "a Lwt task", source, WAY_OUT);
  expectOptions("fromLwt", options, "label");
  const onCancel: unknown = options?.onCancel ?? (typeof source === "function" ? "settle" : "abandon");
  if (onCancel !== "settle" && onCancel !== "abandon")
    refuse("fromLwt", "options.onCancel", '"settle" or "abandon"', onCancel);
  const label = options?.label;
  return suspend<T>(label === undefined ? "fromLwt" : `fromLwt(${label})`, (ctx, enqueue) => {
    const task: unknown = typeof source === "function" ? source() : source;
    if (!isTask<T>(task)) refuse("fromLwt", "source", "a function that gives a Lwt task", task, WAY_OUT);
    let cancelled: Cancelled | undefined;
    const stop = task.onSettled(
      (value) => enqueue(cancelled ? { ok: false, error: cancelled } : { ok: true, value }),
      (failure) => enqueue({ ok: false, error: cancelled && failure.canceled ? cancelled : errorOf(failure) }),
    );
    ctx.setCancelFn((error) => {
      cancelled = error;
      if (onCancel === "abandon") {
        stop();
        enqueue({ ok: false, error });
      }
      task.cancel();
    });
  });
}

const WAY_OUT = "convert the promise in OCaml with Trestle_lwt.to_js";

function isTask<T>(value: unknown): value is LwtTask<T> {
  const task = value as Partial<LwtTask<T>> | null | undefined;
  return typeof task === "object" && typeof task?.onSettled === "function" && typeof task.cancel === "function";
}

function errorOf(failure: LwtFailure): unknown {
  // It was one of ours that has gone through OCaml code.
  if (failure.owner === null) return failure.origin;
  const error = new LwtError(failure);
  return failure.canceled ? new Cancelled(error) : error;
}

function failureOf(error: unknown): LwtFailure {
  if (error instanceof LwtError) return error.failure;
  const canceled = error instanceof Cancelled;
  if (error instanceof Error) return { canceled, name: error.name, message: error.message, origin: error, owner: null };
  return { canceled, name: typeof error, message: String(error), origin: error, owner: null };
}

/** The reason of a fiber that OCaml code has cancelled with `Lwt.cancel`. */
export class LwtCanceled extends Error {
  override readonly name = "LwtCanceled";
  readonly code = "LWT_CANCELED";

  constructor() {
    super("cancelled by Lwt.cancel");
  }
}

/** The options of {@link toLwt}. */
export interface ToLwtOptions extends OwnerOptions {
  /** Shown in reports; by default the name of the body. */
  name?: string;
}

class FiberTask<T> implements LwtTask<T> {
  private outcome: Result<T> | undefined = undefined;
  private readonly watchers = new Set<(outcome: Result<T>) => void>();
  private seen = false;
  private readonly stop: (reason: unknown) => void;

  constructor(body: Body<T>, options: ToLwtOptions | undefined) {
    const root = startRoot(body, {
      name: options?.name ?? (body.name || undefined),
      ...belonging("toLwt", options),
      onDone: (outcome) => this.ended(outcome),
    });
    this.stop = (reason) => root.cancel(reason);
  }

  onSettled(ok: (value: T) => void, fail: (failure: LwtFailure) => void): () => void {
    expectFunction("LwtTask.onSettled", "ok", ok);
    expectFunction("LwtTask.onSettled", "fail", fail);
    this.seen = true;
    const watcher = (outcome: Result<T>) => (outcome.ok ? ok(outcome.value) : fail(failureOf(outcome.error)));
    if (this.outcome) watcher(this.outcome);
    else this.watchers.add(watcher);
    return () => void this.watchers.delete(watcher);
  }

  cancel(): void {
    this.stop(new LwtCanceled());
  }

  private ended(outcome: Result<T>): void {
    this.outcome = outcome;
    const watchers = [...this.watchers];
    this.watchers.clear();
    for (const watcher of watchers) watcher(outcome);
    if (outcome.ok || outcome.error instanceof Cancelled) return;
    // As with promises: whoever is to see the failure has this turn to say so.
    void Promise.resolve().then(() => {
      if (!this.seen) reportUnhandled(outcome.error);
    });
  }
}

/**
 * Runs `body` as a fiber, and gives a task that OCaml code makes a Lwt promise of, with `Trestle_lwt.of_js`. The body runs at once, up
 * to its first suspension, as a Lwt function does. `Lwt.cancel` cancels the fiber; a `Cancelled` that it ends with is `Lwt.Canceled`.
 *
 * A failure that no one ever looks at is reported as unhandled.
 *
 * @example
 * const answer = yield* fromLwt(() => program.limit(0.5, toLwt(() => download(url))));
 *
 * @throws TypeError when `body` is not a function returning an op
 * @throws SwitchFinishedError when the block of `sw` has ended
 */
export function toLwt<T>(body: Body<T>, options?: ToLwtOptions): LwtTask<T> {
  expectBody("toLwt", "body", body);
  expectOptions("toLwt", options, "name");
  return new FiberTask<T>(body, options);
}
