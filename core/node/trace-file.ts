// Recordings as files that trace viewers open.

import { writeFileSync } from "node:fs";
import { refuse } from "../engine/describe.js";
import { reportUnhandled } from "../engine/unhandled.js";
import type { ChromeTrace } from "../trace/chrome.js";
import { startRecording } from "../trace/recorder.js";

/** What has a recording; a recorder, for instance. */
export interface Recorded {
  toChromeTrace(): ChromeTrace;
}

/**
 * Writes a recording to a file, at once; https://ui.perfetto.dev and chrome://tracing open it. There is one event a line.
 *
 * @example
 * const recorder = Trace.startRecording();
 * await run(() => Fiber.all([work, work]));
 * recorder.stop();
 * writeTrace("trace.json", recorder);
 *
 * @throws the error of the file system
 */
export function writeTrace(path: string, recorder: Recorded): void {
  if (typeof path !== "string") refuse("writeTrace", "path", "a string", path);
  const given = recorder as Partial<Recorded> | null | undefined;
  if (typeof given?.toChromeTrace !== "function") refuse("writeTrace", "recorder", "a recorder", recorder);
  const { displayTimeUnit, traceEvents } = recorder.toChromeTrace();
  const lines = traceEvents.map((event) => JSON.stringify(event)).join(",\n");
  writeFileSync(path, `{"displayTimeUnit":${JSON.stringify(displayTimeUnit)},"traceEvents":[\n${lines}\n]}\n`);
}

/** Records from now on; the file is written when the returned function is called, or at the latest when the process exits. */
export function recordTo(path: string): () => void {
  const recorder = startRecording();
  const save = () => {
    process.off("exit", save);
    recorder.stop();
    try {
      writeTrace(path, recorder);
    } catch (error) {
      reportUnhandled(error);
    }
  };
  process.on("exit", save);
  return save;
}
