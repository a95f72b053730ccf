// Async iterators with a producing body behind them.
//
// | event                                   | `FiberGenerator`                 | `FiberIteration`                                |
// |-----------------------------------------|----------------------------------|-------------------------------------------------|
// | `return()` while a request is served    | waits until it is                | cancels it, now: it ends with `done`            |
// | a finalizer fails then                  | the request rejects              | `return()` rejects                              |
// | the signal is aborted                   | -                                | the body is cancelled, or left, now; one `next` |
// |                                         |                                  | rejects with the reason                         |
// | the switch ends                         | -                                | the body is left, by a release handler          |

import {
  asyncDispose,
  Cancelled,
  combine,
  currentFiber,
  Disposed,
  reportUnhandled,
  type CancelContext,
  type Switch,
} from "trestle";
import { AbortError } from "./abort-error.js";
import { drive } from "./drive.js";
import { expectSignal } from "./foreign-abort.js";
import type { Signal } from "./platform.js";
import { Production, type Producing, type Request } from "./production.js";

/** The production of one of our own generators that any fiber may run, also of one of another copy of the library. */
export const PRODUCTION: unique symbol = Symbol.for("trestle.production") as never;

type Step<T, R> = IteratorResult<T, R | undefined>;

/** An async generator object. Requests are served one at a time, in order. */
export class FiberGenerator<T, R> implements AsyncGenerator<T, R | undefined> {
  protected readonly where: string;
  protected readonly name: string | undefined;
  protected readonly production: Production<T, R>;

  constructor(where: string, name: string | undefined, production: Production<T, R>) {
    this.where = where;
    this.name = name;
    this.production = production;
  }

  get [PRODUCTION](): Production<T, R> | undefined {
    return this.production;
  }

  get [Symbol.toStringTag](): string {
    return "AsyncGenerator";
  }

  next(value?: unknown): Promise<Step<T, R>> {
    return this.request("next", value);
  }

  return(value?: unknown): Promise<Step<T, R>> {
    return this.request("return", value);
  }

  throw(error: unknown): Promise<Step<T, R>> {
    return this.request("throw", error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [asyncDispose](): Promise<void> {
    await this.return();
  }

  protected request(request: Request, value: unknown): Promise<Step<T, R>> {
    return new Promise((resolve, reject) => {
      drive(this.where, () => this.production.ask(request, value, false), { name: this.name }, resolve, reject);
    });
  }
}

/** What an iteration belongs to. */
export interface Owners {
  readonly signal?: Signal;
  readonly sw?: Switch;
}

const DONE = { done: true, value: undefined } as const;

/** {@link FiberGenerator} that can be broken off, and that a switch or a signal may own. */
export class FiberIteration<T, R> extends FiberGenerator<T, R> {
  private readonly owners: Owners | undefined;
  private readonly onStart: (iteration: FiberIteration<T, R>) => void;
  private readonly release: (() => void)[];
  private started = false;
  /** The request that is being served. */
  private running: CancelContext | undefined = undefined;
  /** It was broken off; what finalizers threw is for `return()` to tell. */
  private stopped: { failure: { error: unknown } | undefined } | undefined = undefined;
  /** The signal was aborted, and nobody has been told yet. */
  private aborted: { reason: unknown } | undefined = undefined;

  constructor(
    name: string | undefined,
    make: () => Producing<T, R>,
    owners: Owners | undefined,
    onStart: (iteration: FiberIteration<T, R>) => void,
    onEnd: (iteration: object) => void,
  ) {
    const release: (() => void)[] = [() => onEnd(this)];
    const label = name ? `toAsyncIterable(${name})` : "toAsyncIterable";
    super("toAsyncIterable", name, new Production(label, make, () => release.splice(0).forEach((undo) => undo())));
    this.owners = owners;
    this.onStart = onStart;
    this.release = release;
  }

  /** A fiber that runs the body itself is ended neither by a switch nor by a signal. */
  override get [PRODUCTION](): Production<T, R> | undefined {
    return this.owners?.sw || this.owners?.signal ? undefined : this.production;
  }

  protected override request(request: Request, value: unknown): Promise<Step<T, R>> {
    return new Promise((resolve, reject) => {
      if (request === "next") this.start();
      if (this.aborted && request === "next") return reject(this.takeReason());
      if (request === "return" && this.running) this.stop(new Disposed());
      const begin = () => {
        if (this.stopped && request !== "return") throw new Cancelled(new Disposed());
        this.running = currentFiber().context;
      };
      const ended = () => (this.running = undefined);
      drive(
        this.where,
        () => this.production.ask(request, value, false, begin),
        { name: this.name, sw: this.owners?.sw },
        (step) => {
          ended();
          const failure = request === "return" ? this.stopped?.failure : undefined;
          if (!failure) return resolve(step);
          this.stopped!.failure = undefined;
          reject(failure.error);
        },
        (error) => {
          ended();
          if (this.aborted) {
            const reason = this.takeReason();
            return reject(error instanceof AbortError ? reason : combine(reason, error));
          }
          if (!this.stopped || request === "return") return reject(error);
          if (!(error instanceof AbortError)) this.stopped.failure ??= { error };
          resolve(DONE);
        },
      );
    });
  }

  private takeReason(): unknown {
    const { reason } = this.aborted!;
    this.aborted = undefined;
    return reason;
  }

  private start(): void {
    if (this.started || this.production.hasEnded) return;
    const { signal, sw } = this.owners ?? {};
    if (sw) {
      const hook = sw.addHook(() => this.production.ask("return", undefined, true) as never, "toAsyncIterable");
      this.release.push(() => hook.remove());
    }
    this.started = true;
    this.onStart(this);
    if (!signal) return;
    const abort = () => this.abort(signal.reason);
    expectSignal(this.where, "options.signal", signal);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    this.release.push(() => signal.removeEventListener("abort", abort));
  }

  private abort(reason: unknown): void {
    this.aborted = { reason };
    if (this.running) return this.stop(reason);
    this.stopped = { failure: undefined };
    drive(
      this.where,
      () => this.production.ask("return", undefined, false),
      { name: this.name, sw: this.owners?.sw },
      () => {},
      reportUnhandled,
    );
  }

  private stop(reason: unknown): void {
    this.stopped ??= { failure: undefined };
    try {
      this.running!.cancel(reason);
    } catch (error) {
      this.stopped.failure ??= { error };
    }
  }
}
