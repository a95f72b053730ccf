// What debug mode has to say, and to whom: a finding a line, once for each place in the source.

import { firstPlace, locationIn, placesIn } from "../engine/stack-text.js";
import { reportUnhandled } from "../engine/unhandled.js";

/** Something that is probably a mistake. */
export interface Finding {
  /**
   * `op-never-run`: an op was made, and nobody ran it. `op-run-twice`: a generator that had run was run again, which does nothing.
   * `body-never-run`: a `function*` was given to something that never runs its body. `loop-blocked`: a step of a fiber kept the thread
   * for long. `fiber-left-waiting`: the process ends, and a fiber that nobody waits for still waits. `wrong-world`: a fiber waits for a
   * promise that it has made of fiber code itself. `left-to-switch`: something foreign was still there when its switch ended.
   */
  readonly kind:
    | "op-never-run"
    | "op-run-twice"
    | "body-never-run"
    | "loop-blocked"
    | "fiber-left-waiting"
    | "wrong-world"
    | "left-to-switch";
  /** What happened, where, and what to do about it; one line. */
  readonly message: string;
  /** File, line and column in the program, where known. */
  readonly place: string | undefined;
}

/** Is given findings. */
export type Reporter = (finding: Finding) => void;

const toConsole: Reporter = ({ message }) => console.warn(`trestle: ${message}`);

let reporter = toConsole;
let told = new Set<string>();

/** Begins anew: what was told before is told again. */
export function reportTo(next: Reporter | undefined): void {
  reporter = next ?? toConsole;
  told = new Set();
}

/** Reports a finding, unless its like was reported for the same place. */
export function report(kind: Finding["kind"], message: string, place: string | undefined): void {
  const key = `${kind} ${place ?? message}`;
  if (told.has(key)) return;
  told.add(key);
  try {
    reporter({ kind, message, place });
  } catch (error) {
    reportUnhandled(error);
  }
}

/** Frames of ours on top of the program's: operations are made a few calls deep. */
const DEPTH = 12;

interface CapturingError {
  captureStackTrace?(target: object): void;
  stackTraceLimit?: number;
}

/** The stack, to be read when it is needed. */
export interface Capture {
  readonly stack?: string;
}

/** The stack at this moment. */
export function captureStack(): Capture {
  const v8 = Error as CapturingError;
  if (!v8.captureStackTrace) return new Error();
  const limit = v8.stackTraceLimit;
  v8.stackTraceLimit = DEPTH;
  const capture = {};
  v8.captureStackTrace(capture);
  v8.stackTraceLimit = limit;
  return capture;
}

/** The folder of the library, or undefined where everything was put into one file. */
const OWN_FOLDER = /* @__PURE__ */ ownFolder();

function ownFolder(): string | undefined {
  return /^(.*[\\/])debug[\\/]finding\.[cm]?[jt]s:/.exec(firstPlace(new Error().stack) ?? "")?.[1];
}

/** The first place outside of the library: "file:line:column". */
export function placeOf(capture: Capture): string | undefined {
  const places = placesIn(capture.stack);
  const place = OWN_FOLDER === undefined ? belowConstructors(places) : places.find((line) => !isOurs(locationIn(line)));
  return place && locationIn(place).replace(/^file:\/\//, "");
}

function isOurs(location: string): boolean {
  // Calls by the language itself, as of a callback of `forEach`, have no line.
  return location.startsWith(OWN_FOLDER!) || /[\\/]@trestle[\\/]/.test(location) || !/:\d+:\d+$/.test(location);
}

/** In a bundle files say nothing: below the constructors of an op comes the function of ours that called them, then the program. */
function belowConstructors(places: readonly string[]): string | undefined {
  const isConstructor = (place: string | undefined) => /^\s+at new /.test(place ?? "");
  let at = places.findIndex(isConstructor);
  if (at < 0) return undefined;
  while (isConstructor(places[at])) at++;
  return places[at + 1];
}
