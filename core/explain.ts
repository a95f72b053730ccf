// An error told in full: its stack, the combinators and fibers it came out of, and the errors it is made of.

import { show } from "./engine/describe.js";
import { placesIn } from "./engine/stack-text.js";
import { trailOf, type TrailStep } from "./engine/trail.js";

export { trailOf, type TrailStep } from "./engine/trail.js";

/** Errors that are told; a sum of very many errors, or a very long chain of causes, is cut there. */
const TOLD = 50;

/**
 * `error` as a text for logs and crash reports: its own stack; below it, innermost first, the combinators and fibers it came out of
 * (see {@link trailOf}), with the places where the fibers were forked; then the errors it sums up, or its `cause`, each told in the
 * same way. Any value can be given; printing never throws.
 *
 * @example
 * try {
 *   yield* Switch.run(
 *     function* (sw) {
 *       yield* Fiber.fork(sw, () => fail("disk full"), { name: "worker" });
 *     },
 *     { name: "server" },
 *   );
 * } catch (error) {
 *   console.error(explain(error));
 *   // => Error: disk full
 *   //        at fail (...)...
 *   //      in fiber ... "worker", forked at ...
 *   //      in Switch.run "server"
 * }
 */
export function explain(error: unknown): string {
  const lines: string[] = [];
  const told = new Set<unknown>();
  const tell = (value: unknown, label: string, indent: string): void => {
    if (told.size >= TOLD || told.has(value)) {
      lines.push(`${indent}${label}${firstLine(show(value))}${told.has(value) ? " (see above)" : ""}`);
      return;
    }
    told.add(value);
    const [head, ...stack] = stackOf(value);
    lines.push(`${indent}${label}${head}`);
    for (const line of stack) lines.push(indent + line);
    for (const step of trailOf(value)) lines.push(`${indent}  ${describeStep(step)}`);
    const parts = partsOf(value);
    parts.slice(0, TOLD).forEach((part, i) => tell(part, `${i + 1} of ${parts.length}: `, `${indent}  `));
    if (parts.length > TOLD) lines.push(`${indent}  and ${parts.length - TOLD} more`);
    const cause = parts.length === 0 && value instanceof Error ? value.cause : undefined;
    if (cause !== undefined) tell(cause, "caused by: ", `${indent}  `);
  };
  tell(error, "", "");
  return lines.join("\n");
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0]!;
}

/** The lines of an error's stack, under a first line that has its name. */
function stackOf(value: unknown): string[] {
  const text = show(value).split("\n");
  if (!(value instanceof Error)) return text;
  const stack: unknown = value.stack;
  // The stack begins with the name and message that the error had when it was made, which need not be those it has now.
  return typeof stack === "string" ? [...text, ...placesIn(stack)] : text;
}

/** The errors that `value` sums up. */
function partsOf(value: unknown): readonly unknown[] {
  if (!(value instanceof Error)) return [];
  const { errors, err } = value as { errors?: unknown; err?: { errors?: unknown } };
  const parts = errors ?? err?.errors;
  return Array.isArray(parts) ? parts : [];
}

function describeStep(step: TrailStep): string {
  switch (step.kind) {
    case "frame":
      return `in ${step.name}${step.times > 1 ? ` (${step.times} times)` : ""}`;
    case "fiber": {
      const name = step.name === undefined ? "" : ` ${JSON.stringify(step.name)}`;
      const site = step.forkedAt === undefined ? "" : `, forked at ${step.forkedAt}`;
      return `in fiber ${step.id}${name}${site}`;
    }
    case "omitted":
      return `(${step.count} steps left out)`;
  }
}
