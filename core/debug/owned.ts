// What foreign things a switch still has when it ends.

import { listen } from "../engine/probe.js";
import { captureStack, placeOf, report, type Capture } from "./finding.js";

/** Begins to watch what belongs to switches. Returns what ends it. */
export function watchOwned(): () => void {
  const owned = new WeakMap<object, { readonly what: string; readonly capture: Capture }>();
  return listen({
    hookNamed: (hook, what) => void owned.set(hook, { what, capture: captureStack() }),
    switchReleasing(sw, hooks) {
      for (const hook of hooks) {
        const entry = owned.get(hook);
        if (!entry) continue;
        const place = placeOf(entry.capture);
        const where = place === undefined ? "" : `, made at ${place},`;
        const name = sw.name === undefined ? `switch ${sw.id}` : `switch ${JSON.stringify(sw.name)}`;
        report(
          "left-to-switch",
          `${entry.what}${where} was still there when ${name} ended, which closes it now`,
          place,
        );
      }
    },
  });
}
