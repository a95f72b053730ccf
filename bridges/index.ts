// The portable bridges: no foreign library, nothing of Node.

export * from "./promise.js";
export * from "./pair.js";
export * from "./abort.js";
export * from "./callback.js";
export * from "./observable.js";
export * from "./events.js";
export * from "./listen.js";
export * from "./limit.js";
export * from "./context.js";
export * from "./timers.js";
export * from "./async-iterable.js";
export * from "./disposable.js";
