// Two copies of this library in one program do not know each other's fibers and classes; errors that come of it say so.

import { firstPlace } from "./stack-text.js";

/** What a copy tells the others. */
interface Copy {
  isRunning(): boolean;
  /** Made when the copy was loaded: its stack says from where. */
  readonly loaded: { readonly stack?: string };
}

const COPIES = Symbol.for("trestle.copies");
// Held by the constructor of symbols: test runners that look for leaks take a new global for one.
const meeting = Symbol as { readonly [COPIES]?: Copy[] };
if (meeting[COPIES] === undefined) Reflect.defineProperty(meeting, COPIES, { value: [] });
// Where nothing may be added to it, every copy believes to be the only one.
const copies = meeting[COPIES] ?? [];
const here: Copy = { isRunning: () => false, loaded: new Error() };
copies.push(here);

/** @param isRunning  whether a fiber of this copy is running */
export function registerCopy(isRunning: () => boolean): void {
  here.isRunning = isRunning;
}

/** Whether another copy was loaded. */
export function hasOtherCopies(): boolean {
  return copies.length > 1;
}

/** Whether a fiber of another copy is running now. */
export function isOtherCopyRunning(): boolean {
  return copies.some((copy) => copy !== here && copy.isRunning());
}

/** For messages: where this copy and the others are, and what to do. */
export function otherCopies(): string {
  const others = copies.filter((copy) => copy !== here).map(placeOf);
  return (
    `one was loaded from ${placeOf(here)}, another from ${others.join(" and ")}; ` +
    "see that one version is installed, and that everything imports it in the same way"
  );
}

function placeOf({ loaded }: Copy): string {
  const place = firstPlace(loaded.stack) ?? "an unknown place";
  return place.replace(/[/\\]engine[/\\]copies\..*$/, "");
}
