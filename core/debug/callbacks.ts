// Fiber functions given to what only calls them: the call makes an op, and nobody runs it.

import { captureStack, placeOf, report, type Capture } from "./finding.js";
import { dropped, isGenerator } from "./ops.js";

type Callback = (this: unknown, ...args: unknown[]) => unknown;

interface Watched {
  readonly owner: object;
  readonly name: string;
  readonly way: string;
}

const LOOP = "use Fiber.forEach, or a loop with yield*";
const TIMER = "sleep in a fiber, with clock.sleep, or start one in a callback, with toPromise";

/** What ignores the results of the callbacks that it is given. */
const WATCHED: readonly Watched[] = [
  { owner: Array.prototype, name: "forEach", way: LOOP },
  { owner: Map.prototype, name: "forEach", way: LOOP },
  { owner: Set.prototype, name: "forEach", way: LOOP },
  { owner: globalThis, name: "setTimeout", way: TIMER },
  { owner: globalThis, name: "setInterval", way: TIMER },
  { owner: globalThis, name: "setImmediate", way: TIMER },
  { owner: globalThis, name: "queueMicrotask", way: TIMER },
  { owner: globalThis, name: "requestAnimationFrame", way: TIMER },
];

function isGeneratorFunction(callback: Callback): boolean {
  return (callback as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] === "GeneratorFunction";
}

/** Calls `callback` and looks at what it returns, which is for nobody else. */
function seeing(callback: Callback, name: string, capture: Capture): Callback {
  return function (this: unknown, ...args) {
    const result = callback.apply(this, args);
    if (isGenerator(result)) dropped(result, `the op that a callback of ${name} returned`, capture);
  };
}

function watch({ owner, name, way }: Watched): () => void {
  const property = Object.getOwnPropertyDescriptor(owner, name);
  const original: unknown = property?.value;
  if (typeof original !== "function" || !property?.configurable) return () => {};
  const value = new Proxy(original as Callback, {
    apply(target, self: unknown, args: unknown[]) {
      const [callback, ...rest] = args;
      if (typeof callback !== "function") return Reflect.apply(target, self, args);
      const capture = captureStack();
      if (isGeneratorFunction(callback as Callback)) {
        const place = placeOf(capture);
        const at = place === undefined ? "" : ` at ${place}`;
        report("body-never-run", `${name} was given a function*${at}, and nobody runs its body: ${way}`, place);
      }
      return Reflect.apply(target, self, [seeing(callback as Callback, name, capture), ...rest]);
    },
  });
  Object.defineProperty(owner, name, { ...property, value });
  return () => {
    // Whoever has put something else there in the meantime takes ours away, too.
    if ((owner as Record<string, unknown>)[name] === value) Object.defineProperty(owner, name, property);
  };
}

/** Begins to watch over callbacks. Returns what ends it. */
export function watchCallbacks(): () => void {
  const ends = WATCHED.map(watch);
  return () => {
    for (const end of ends) end();
  };
}
