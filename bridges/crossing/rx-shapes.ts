// What objects of RxJS look like: those of version 7, and those of the platform, which version 9 builds on, where subscribing takes a
// signal and gives nothing back.

/** An observer that is told everything. */
export interface RxObserver<T> {
  next: (value: T) => void;
  error: (error: unknown) => void;
  complete: () => void;
}

/** What a subscription of RxJS 7 looks like. */
export interface SubscriptionShape {
  readonly closed: boolean;
  unsubscribe(): void;
  add(teardown: unknown): void;
  remove(teardown: unknown): void;
}

/** What a scheduler of RxJS 7 looks like. */
export interface SchedulerShape {
  now(): number;
  schedule<T>(work: (state: T) => void, delay?: number, state?: T): SubscriptionShape;
}

/** What can be unsubscribed from; where it has `add`, it tells when it closes by itself. */
export interface Unsubscribable {
  unsubscribe(): void;
  add?(teardown: () => void): void;
}

/** What feeds one subscription: RxJS 7's `Subscriber`, or the platform's. */
export interface Sink<T> {
  next(value: T): void;
  error(error: unknown): void;
  complete(): void;
  // Version 7.
  readonly closed?: boolean;
  add?(teardown: unknown): void;
  // The platform.
  readonly active?: boolean;
  readonly signal?: AbortSignal;
  addTeardown?(teardown: () => void): void;
}

/** Whether nobody listens any more. */
export function isClosed(sink: Sink<never>): boolean {
  return sink.closed ?? sink.active !== true;
}

/** Has `teardown` called when nobody listens any more. */
export function onClose(sink: Sink<never>, teardown: () => void): void {
  if (sink.addTeardown) sink.addTeardown(teardown);
  else sink.add!(teardown);
}

/** Subscribes to `source` for as long as somebody listens to `sink`. */
export function subscribeFor<T>(sink: Sink<never>, source: unknown, observer: RxObserver<T>): void {
  const { subscribe } = source as { subscribe: (observer: RxObserver<T>, options?: unknown) => unknown };
  if (sink.add) sink.add(subscribe.call(source, observer));
  else subscribe.call(source, observer, { signal: sink.signal });
}

type Teardown = (() => void) | { unsubscribe(): void };

/** What RxJS 9 does without. */
export class PlainSubscription implements SubscriptionShape {
  closed = false;
  private readonly finalizers = new Set<Teardown>();

  unsubscribe(): void {
    if (this.closed) return;
    this.closed = true;
    let thrown: { error: unknown } | undefined;
    for (const teardown of this.finalizers) {
      try {
        run(teardown);
      } catch (error) {
        thrown ??= { error };
      }
    }
    this.finalizers.clear();
    if (thrown) throw thrown.error;
  }

  add(teardown: Teardown | undefined): void {
    if (!teardown || teardown === this) return;
    if (this.closed) run(teardown);
    else this.finalizers.add(teardown);
  }

  remove(teardown: Teardown): void {
    this.finalizers.delete(teardown);
  }
}

function run(teardown: Teardown): void {
  if (typeof teardown === "function") teardown();
  else teardown.unsubscribe();
}
