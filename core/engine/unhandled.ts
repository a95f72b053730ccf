// Errors that have nobody to go to.

import { later } from "./platform.js";

type Handler = (error: unknown) => void;

const rethrowLater: Handler = (error) => {
  later(() => {
    throw error;
  });
};

let handler = rethrowLater;

/**
 * Sets what happens to an error that no caller, fiber or switch can be given, such as one thrown by a registration function after
 * the operation had settled. By default it is thrown from a macrotask, so that the platform reports it as uncaught.
 *
 * @param next  the new handler; undefined restores the default
 */
export function onUnhandledError(next: ((error: unknown) => void) | undefined): void {
  handler = next ?? rethrowLater;
}

/** Hands over an error that has nobody to go to. For authors of primitives and bridges. */
export function reportUnhandled(error: unknown): void {
  handler(error);
}
