// Event emitters and event targets, to fibers. By shape: no class is looked for.
//
// |             | `once`                                        | `events`                                          |
// |-------------|-----------------------------------------------|---------------------------------------------------|
// | listens     | from when it is run to the first event        | from when it is run, before it returns            |
// | cancel      | listeners are off in the same turn            | by the switch, in the same turn                   |
// | error       | an emitter's `error` event is thrown          | after the events before it, once                  |
// | buffer      | none                                          | 16, overflow is an error                          |
// | release     | at the first event                            | `until`, an error, `close`, the end of the switch |

import { ClosedError, type Op, type Switch } from "trestle";
import { bound } from "./crossing/bound.js";
import { addListener, CARRY, kindOf, type Carrying, type Listener, type ListenerOptions } from "./crossing/listener.js";
import { oneShot } from "./crossing/one-shot.js";
import type { PlatformEvent } from "./crossing/platform.js";
import { expectBuffer, PushSource } from "./crossing/push-source.js";
import { Recipe, requireFiber } from "./crossing/recipe.js";
import { expectFunction, expectOptions, refuse } from "./crossing/refuse.js";
import type { BufferOptions, Subscribed } from "./crossing/subscribed.js";

export { ClosedError } from "trestle";

/** An object with `addEventListener`. */
export interface EventTargetLike {
  addEventListener(type: never, listener: never, options?: never): unknown;
  removeEventListener(type: never, listener: never, options?: never): unknown;
}

/** An object with `on` and `off`, `addListener` and `removeListener`, or `on` or `subscribe` returning a function that unsubscribes. */
export type EmitterLike =
  | { on(event: never, listener: never): unknown }
  | { addListener(event: never, listener: never): unknown; removeListener(event: never, listener: never): unknown }
  | { subscribe(event: never, listener: never): unknown };

/** The options of {@link once} and {@link events}. */
export interface EventOptions extends ListenerOptions {
  /**
   * The event that means failure: its first argument is thrown. By default `"error"` for emitters, none for event targets. `false`:
   * none; then the emitter's own rule for unheard errors applies.
   */
  error?: string | symbol | false;
  /** Called in the listener itself, before any fiber sees the event: the place for `preventDefault`. */
  intercept?: (...args: unknown[]) => void;
}

/** The options of {@link events}. */
export interface EventsOptions extends EventOptions, BufferOptions {
  /** The event, or events, that mean the end. */
  until?: string | symbol | readonly (string | symbol)[];
}

/** One of several events, as {@link events} gives them when it was given a list of names. */
export interface NamedEvent {
  event: string | symbol;
  args: unknown[];
}

type Name = string | symbol;

function expectTarget(where: string, target: unknown): void {
  if (kindOf(target) === undefined) {
    refuse(where, "target", "an emitter (on and off) or an event target (addEventListener)", target);
  }
}

function expectName(where: string, argument: string, name: unknown): void {
  if (typeof name !== "string" && typeof name !== "symbol") refuse(where, argument, "the name of an event", name);
}

function expectEventOptions(where: string, options: EventOptions | undefined): void {
  expectOptions(where, options);
  if (options?.error !== undefined && options.error !== false) expectName(where, "options.error", options.error);
  expectFunction(where, "options.intercept", options?.intercept, true);
}

function errorEventOf(target: object, options: EventOptions | undefined): Name | undefined {
  if (options?.error === false) return undefined;
  return options?.error ?? (kindOf(target) === "emitter" ? "error" : undefined);
}

function failureOf(event: Name, args: unknown[], awaited: string): unknown {
  return args.length > 0 || event === "error"
    ? args[0]
    : new ClosedError(`"${String(event)}" was emitted while waiting for ${awaited}`);
}

/** Adds all listeners or, if one cannot be added, none; gives what takes them off. */
function addListeners(
  target: object,
  listeners: Iterable<[Name, Listener]>,
  options: ListenerOptions | undefined,
): () => void {
  const removals: (() => void)[] = [];
  const removeAll = () => {
    for (const remove of removals.splice(0)) remove();
  };
  try {
    for (const [event, listener] of listeners) removals.push(addListener(target, event, listener, options));
  } catch (error) {
    removeAll();
    throw error;
  }
  return removeAll;
}

/**
 * Waits for one event. Of an emitter it gives the array of arguments, however many there are; of an event target, the event.
 *
 * While it waits, an `error` event of an emitter is thrown. Other events, and what is emitted between two calls of `once`, are not
 * seen: for sequences use {@link events}. The fiber runs after the emitter's call has returned, before the next timer. A
 * cancellation point: in a cancelled fiber nothing is listened to; cancelling takes the listeners off in the same turn.
 *
 * @example
 * setTimeout(() => socket.emit("message", "hello"));
 * const [message] = yield* once(socket, "message"); // => ["hello"]
 *
 * @param options.error  the event that is thrown; `false` for none
 * @param options.capture  for event targets
 * @param options.intercept  called in the listener itself
 * @throws the first argument of the error event, the same object
 */
export function once(target: EmitterLike, event: Name, options?: EventOptions): Op<unknown[]>;
export function once<E = PlatformEvent>(target: EventTargetLike, event: Name, options?: EventOptions): Op<E>;
export function once(target: EmitterLike | EventTargetLike, event: Name, options?: EventOptions): Op<unknown> {
  expectTarget("once", target);
  expectName("once", "event", event);
  expectEventOptions("once", options);
  const label = `once(${String(event)})`;
  return oneShot<unknown>(
    label,
    (answer) => {
      const isTarget = kindOf(target) === "target";
      const listeners = new Map<Name, Listener>();
      const failing = errorEventOf(target, options);
      const intercept = options?.intercept && bound(options.intercept);
      if (failing !== undefined) listeners.set(failing, (...args) => answer.fail(failureOf(failing, args, label)));
      listeners.set(event, (...args) => {
        intercept?.(...args);
        answer.succeed(isTarget ? args[0] : args);
      });
      return addListeners(target, listeners, options);
    },
    { undoWhenAnswered: true },
  );
}

/**
 * Listens, and gives a {@link Subscribed} to take the events from, in order. The listeners are on when the op returns: no event from then
 * on is missed. The switch owns them: they come off in the turn in which the switch is cancelled, or when it ends.
 *
 * For one name the values are what {@link once} gives; for a list of names, `{ event, args }`. The buffer is bounded, and running
 * over is an error unless `overflow` says otherwise. After an `until` event come the buffered ones, then `Done`; after an error
 * event, the buffered ones, the error once, then `Done`. Not a cancellation point, but a cancelled fiber or switch does not listen.
 *
 * @example
 * yield* Switch.run(function* (sw) {
 *   const lines = yield* events(sw, socket, "line", { until: "close" });
 *   setTimeout(() => ["line", "line", "close"].forEach((name) => socket.emit(name, "text")));
 *   for (let line = yield* lines.next(); line !== Done; line = yield* lines.next()) log(line[0]);
 * });
 *
 * @param options.until  the event, or events, that mean the end
 * @param options.error  the event that means failure; `false` for none
 * @param options.buffer  events that may wait; default 16
 * @param options.overflow  default `"error"`
 * @param options.intercept  called in the listener itself
 */
export function events(
  sw: Switch,
  target: EmitterLike,
  event: Name,
  options?: EventsOptions,
): Op<Subscribed<unknown[]>>;
export function events<E = PlatformEvent>(
  sw: Switch,
  target: EventTargetLike,
  event: Name,
  options?: EventsOptions,
): Op<Subscribed<E>>;
export function events(
  sw: Switch,
  target: EmitterLike | EventTargetLike,
  event: readonly Name[],
  options?: EventsOptions,
): Op<Subscribed<NamedEvent>>;
export function events(
  sw: Switch,
  target: EmitterLike | EventTargetLike,
  event: Name | readonly Name[],
  options?: EventsOptions,
): Op<Subscribed<unknown>> {
  if (typeof (sw as Partial<Switch> | undefined)?.addHook !== "function") refuse("events", "sw", "a Switch", sw);
  expectTarget("events", target);
  for (const name of typeof event === "object" ? event : [event]) expectName("events", "event", name);
  expectEventOptions("events", options);
  expectBuffer("events", options);
  return new Recipe(() => listening(sw, target, event, options)[Symbol.iterator](), "events");
}

function* listening(
  sw: Switch,
  target: object,
  event: Name | readonly Name[],
  options: EventsOptions | undefined,
): Generator<never, Subscribed<unknown>> {
  requireFiber("events").context.check();
  sw.check();
  const label = `events(${typeof event === "object" ? event.map(String).join(", ") : String(event)})`;
  const intercept = options?.intercept && bound(options.intercept);
  const carry = (options as Carrying | undefined)?.[CARRY];
  return new PushSource<unknown>(label, options).attach(sw).start((source) => {
    const isTarget = kindOf(target) === "target";
    const listeners = new Map<Name, Listener>();
    const failing = errorEventOf(target, options);
    if (failing !== undefined) listeners.set(failing, (...args) => source.fail(failureOf(failing, args, label)));
    for (const name of listOf(options?.until)) listeners.set(name, () => source.end());
    for (const name of listOf(event)) {
      const ending = listeners.get(name);
      listeners.set(name, (...args) => {
        if (source.closed) return;
        intercept?.(...args);
        const value = typeof event === "object" ? { event: name, args } : isTarget ? args[0] : args;
        source.push(carry ? carry(value) : value);
        if (name !== failing) ending?.(...args);
      });
    }
    return addListeners(target, listeners, options);
  });
}

function listOf(names: Name | readonly Name[] | undefined): readonly Name[] {
  if (names === undefined) return [];
  return typeof names === "object" ? names : [names];
}
