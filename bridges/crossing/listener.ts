// Listening to whatever has listeners. However many fibers wait for one event of one emitter, the emitter has one listener of ours:
// a thousand of them are no leak, and must not look like one.

import { describe } from "./refuse.js";

export type Listener = (...args: unknown[]) => void;

/** An option of `events` for `listen` alone: makes, in the listener, of an event what is to be buffered. */
export const CARRY: unique symbol = Symbol("carry");
export interface Carrying {
  [CARRY]?: ((value: unknown) => unknown) | undefined;
}

/** What event targets can be told when a listener is added; emitters ignore it. */
export interface ListenerOptions {
  /** Listen in the capture phase. Default false. */
  capture?: boolean;
  /** Promise not to call `preventDefault`. Default: the platform's. */
  passive?: boolean;
}

/** Whether `value` speaks as an emitter, as an event target, or not at all. */
export function kindOf(value: unknown): "emitter" | "target" | undefined {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return undefined;
  const has = (name: string) => typeof (value as Record<string, unknown>)[name] === "function";
  // As `events.once` of Node does: what is both is an emitter.
  if (has("on")) return "emitter";
  if (has("addEventListener") && has("removeEventListener")) return "target";
  if (has("addListener") && has("removeListener")) return "emitter";
  return has("subscribe") ? "emitter" : undefined;
}

type Method = (...args: unknown[]) => unknown;

/** Adds `listener` to `target` itself, and gives what takes it off. */
function register(
  target: object,
  event: string | symbol,
  listener: Listener,
  options: ListenerOptions | undefined,
): () => void {
  const object = target as Record<string, Method | undefined>;
  if (isNodes(target)) {
    target.on(event, listener);
    return () => void target.off(event, listener);
  }
  if (kindOf(target) === "target") {
    object["addEventListener"]!(event, listener, options);
    return () => void object["removeEventListener"]!(event, listener, options);
  }
  const add = ["on", "addListener", "subscribe"].find((name) => typeof object[name] === "function")!;
  const returned = object[add]!(event, listener);
  const remove = ["off", "removeListener"].find((name) => typeof object[name] === "function");
  if (remove) return () => void object[remove]!(event, listener);
  if (typeof returned === "function") return () => void (returned as Method)();
  throw new TypeError(
    `"target" cannot be listened to: it has neither "off" nor "removeListener", and its "${add}" returned ${describe(returned)} ` +
      "instead of a function that unsubscribes",
  );
}

/** Nearly all emitters are like those of Node. */
function isNodes(target: object): target is Record<"on" | "off", Method> {
  const { on, off } = target as Record<string, unknown>;
  return typeof on === "function" && typeof off === "function";
}

/** The listeners that share one registration. */
class Hub {
  private readonly listeners = new Set<Listener>();
  private readonly remove: () => void;
  private readonly onEmpty: () => void;

  constructor(target: object, event: string | symbol, options: ListenerOptions | undefined, onEmpty: () => void) {
    this.onEmpty = onEmpty;
    this.remove = register(target, event, (...args) => this.dispatch(args), options);
  }

  private dispatch(args: unknown[]): void {
    if (this.listeners.size === 1) {
      const [only] = this.listeners;
      only!(...args);
      return;
    }
    // Those who leave during the event are not called any more, those who come are not called yet.
    for (const listener of [...this.listeners]) if (this.listeners.has(listener)) listener(...args);
  }

  /** `listener` must be an object of its own. */
  add(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => {
      if (!this.listeners.delete(listener) || this.listeners.size > 0) return;
      this.onEmpty();
      this.remove();
    };
  }
}

const hubs = new WeakMap<object, Map<string | symbol, Hub>>();

/** Adds a listener, and gives what takes it off. */
export function addListener(
  target: object,
  event: string | symbol,
  listener: Listener,
  options: ListenerOptions | undefined,
): () => void {
  // With options a registration is not like the others.
  if (options?.capture || options?.passive !== undefined) {
    const given: ListenerOptions = { capture: options.capture === true };
    if (options.passive !== undefined) given.passive = options.passive;
    return register(target, event, listener, given);
  }
  let byEvent = hubs.get(target);
  if (!byEvent) hubs.set(target, (byEvent = new Map<string | symbol, Hub>()));
  let hub = byEvent.get(event);
  if (!hub) {
    const events = byEvent;
    hub = new Hub(target, event, undefined, () => events.delete(event));
    byEvent.set(event, hub);
  }
  return hub.add(listener);
}
