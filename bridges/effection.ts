// The operations of the `effection` package, both ways.
//
// |              | `fromOperation`                                | `toOperation`                                          |
// |--------------|------------------------------------------------|--------------------------------------------------------|
// | cancels      | halts the task, then waits                     | a halt cancels the fiber, and waits for it             |
// | owner        | the fiber                                      | `sw`; the fiber that runs the operation; nobody        |
// | error        | the same object                                | the same object                                        |
// | cancellation | a halt of somebody else is Effection's `halted`| `Cancelled` is an `AbortError`                         |
// | turns        | those of a promise                             | begins at once when the operation is run               |

import { run, withResolvers, type Operation, type Scope } from "effection";
import { Cancelled, startRoot, type Body, type Op, type Result } from "trestle";
import { abortErrorOf, isEcho } from "./crossing/abort-error.js";
import { belonging, type OwnerOptions } from "./crossing/caller.js";
import { ownedCall } from "./crossing/owned-call.js";
import { Recipe } from "./crossing/recipe.js";
import { expectBody, expectOptions, refuse } from "./crossing/refuse.js";

/** The options of {@link fromOperation}. */
export interface FromOperationOptions {
  /** Where the operation runs and finds its contexts: a child of this scope. By default a scope of its own. */
  scope?: Pick<Scope, "run">;
  /**
   * What the fiber does after a cancellation has halted the operation. `"settle"`, the default: it waits until that has shut down.
   * `"abandon"`: it goes on at once.
   */
  onCancel?: "settle" | "abandon";
  /** Shown in reports: "fromOperation(label)". */
  label?: string;
}

/**
 * Runs an operation as a task of its own and gives its value, or throws its error. When the fiber is cancelled, the task is halted in
 * the same turn, and the fiber waits until it has shut down, with all that it has spawned.
 *
 * After a cancellation the op throws `Cancelled`, unless shutting down failed: then the error of that.
 *
 * A cancellation point: in a cancelled fiber the operation is not run. Given a function, it is called each time the op is run.
 *
 * @example
 * const answer = yield* fromOperation(() => until(Promise.resolve(42))); // => 42
 *
 * @param operation  an operation, or a function that gives one, such as a `function*`
 * @param options.scope  whose child the task is; by default nobody's
 * @param options.onCancel  `"settle"` (default) or `"abandon"`
 * @param options.label  shown in reports
 * @throws TypeError at once, when `operation` is neither
 */
export function fromOperation<T>(
  operation: Operation<T> | (() => Operation<T>),
  options?: FromOperationOptions,
): Op<T> {
  if (typeof operation !== "function" && !isOperation(operation)) {
    refuse("fromOperation", "operation", "an operation, or a function that gives one", operation);
  }
  expectOptions("fromOperation", options, "label");
  const onCancel: unknown = options?.onCancel ?? "settle";
  if (onCancel !== "settle" && onCancel !== "abandon") {
    refuse("fromOperation", "options.onCancel", '"settle" or "abandon"', onCancel);
  }
  const scope = options?.scope;
  if (scope !== undefined && typeof (scope as Partial<Scope> | null)?.run !== "function") {
    refuse("fromOperation", "options.scope", "a scope of Effection", scope);
  }
  const body = typeof operation === "function" ? operation : () => operation;
  const label = options?.label;
  const call = {
    what: "fromOperation",
    fn: (signal: AbortSignal) => runTask(body, scope, signal),
    label: label === undefined ? "fromOperation" : `fromOperation(${label})`,
    abandon: onCancel === "abandon",
    cancel: undefined,
    discard: undefined,
  };
  return new Recipe(() => ownedCall<T>(call)[Symbol.iterator](), "fromOperation");
}

function isOperation(value: unknown): boolean {
  return typeof value === "object" && value !== null && Symbol.iterator in value;
}

/** A task whose promise, once it is halted, waits for its end and tells what went wrong in it. */
function runTask<T>(body: () => Operation<T>, scope: Pick<Scope, "run"> | undefined, signal: AbortSignal): Promise<T> {
  const task = scope ? scope.run(body) : run(body);
  return new Promise((resolve, reject) => {
    const halt = () => {
      task.halt().then(() => reject(signal.reason as Error), reject);
    };
    signal.addEventListener("abort", halt, { once: true });
    task.then(
      (value) => {
        signal.removeEventListener("abort", halt);
        resolve(value);
      },
      (error: unknown) => {
        // A task that is being halted fails before it has shut down.
        if (!signal.aborted) reject(error);
      },
    );
  });
}

/** The reason of a fiber that has been cancelled because its operation was halted. */
export class OperationHalted extends Error {
  override readonly name = "OperationHalted";
  readonly code = "OPERATION_HALTED";

  constructor() {
    super("halted by its operation");
  }
}

/** The options of {@link toOperation}. */
export interface ToOperationOptions extends OwnerOptions {
  /** Shown in reports; by default the name of the body. */
  name?: string;
}

/**
 * An operation that runs `body` as a fiber: at once when the operation is run, up to its first suspension, and anew each time. A halt
 * cancels the fiber and waits until it has ended, finalizers included; what those throw fails the halt. A fiber that is cancelled from
 * its own side, by its switch, makes the operation throw an `AbortError`.
 *
 * @example
 * const [scope, destroy] = createScope();
 * await scope.run(() => toOperation(() => download(url)));
 * await destroy();
 *
 * @param options.sw  the switch that the fiber belongs to
 * @param options.inherit  whether it belongs to the fiber that runs the operation by {@link fromOperation}, without a switch; default
 *   true
 * @param options.name  shown in reports
 * @throws TypeError at once, when `body` is not a function returning an op
 */
export function toOperation<T>(body: Body<T>, options?: ToOperationOptions): Operation<T> {
  expectBody("toOperation", "body", body);
  expectOptions("toOperation", options, "name");
  return { [Symbol.iterator]: () => running(body, options)[Symbol.iterator]() };
}

function* running<T>(body: Body<T>, options: ToOperationOptions | undefined): Operation<T> {
  const end = withResolvers<Result<T>>();
  let ended = false;
  const root = startRoot(body, {
    name: options?.name ?? (body.name || undefined),
    ...belonging("toOperation", options),
    onDone: (outcome) => {
      ended = true;
      end.resolve(outcome);
    },
  });
  let outcome: Result<T> | undefined;
  try {
    outcome = yield* end.operation;
  } finally {
    if (!ended) {
      const reason = new OperationHalted();
      root.cancel(reason);
      const last = yield* end.operation;
      if (!last.ok && !isEcho(last.error, new Cancelled(reason))) throw last.error;
    }
  }
  if (outcome.ok) return outcome.value;
  throw outcome.error instanceof Cancelled ? abortErrorOf(outcome.error) : outcome.error;
}
