// How a process ended.

import { refuse } from "./engine/describe.js";

/** How a process ended: by itself, with a code (0 to 255), or by a signal. */
export type ExitStatus = { readonly exited: number } | { readonly signaled: `SIG${string}` };

/**
 * A status as text.
 *
 * @example
 * showStatus({ exited: 3 }); // => "Exited (code 3)"
 * showStatus({ signaled: "SIGKILL" }); // => "Exited (signal SIGKILL)"
 * showStatus({ stopped: "SIGTSTP" }); // => "Stopped (signal SIGTSTP)"
 *
 * @param status  how a process ended, or which signal has stopped it for the time being
 */
export function showStatus(status: ExitStatus | { readonly stopped: `SIG${string}` }): string {
  const { exited, signaled, stopped } = (status ?? {}) as { exited?: unknown; signaled?: unknown; stopped?: unknown };
  if (typeof exited === "number") return `Exited (code ${exited})`;
  if (typeof signaled === "string") return `Exited (signal ${signaled})`;
  if (typeof stopped === "string") return `Stopped (signal ${stopped})`;
  return refuse("showStatus", "status", "{ exited }, { signaled } or { stopped }", status);
}
