// Keeps the latest events in memory.

import { expectOptions, refuse } from "../engine/describe.js";
import { disposable, type DisposableLike } from "../engine/disposable.js";
import { InvalidArgument } from "../engine/invalid-argument.js";
import { toChromeTrace, type ChromeTrace } from "./chrome.js";
import type { RecordedEvent } from "./event.js";
import { subscribe } from "./trace.js";

/** The options of {@link startRecording}. */
export interface RecordingOptions {
  /** How many events are kept; when there are more the oldest are dropped. By default 65,536, which take about 10 MB. */
  capacity?: number;
}

/** A recording, under way or stopped. `using` stops it at the end of a block. */
export type Recorder = {
  /** The events so far, oldest first. */
  events(): RecordedEvent[];
  /** How many events were dropped because there were more than `capacity`. */
  readonly dropped: number;
  /** Ends the recording; the events stay. */
  stop(): void;
  /** The events as {@link toChromeTrace} gives them. */
  toChromeTrace(): ChromeTrace;
} & DisposableLike;

const DEFAULT_CAPACITY = 65_536;

/**
 * Begins to record what all fibers do. Until then, and after `stop`, tracing costs a null check an event.
 *
 * @example
 * const recorder = Trace.startRecording({ capacity: 100_000 });
 * yield* handle(request);
 * recorder.stop();
 * writeFileSync("trace.json", JSON.stringify(recorder.toChromeTrace()));
 *
 * @throws InvalidArgument when `capacity` is not positive
 */
export function startRecording(options?: RecordingOptions): Recorder {
  expectOptions("Trace.startRecording", options);
  const capacity: unknown = options?.capacity ?? DEFAULT_CAPACITY;
  if (typeof capacity !== "number" || !Number.isInteger(capacity)) {
    refuse("Trace.startRecording", "options.capacity", "an integer", capacity);
  }
  if (capacity <= 0) throw new InvalidArgument(`capacity must be positive (got ${capacity})`);

  // A ring once it is full: `seen % capacity` is the place of the oldest.
  const ring: RecordedEvent[] = [];
  let seen = 0;
  const stop = subscribe((time, event, domain) => {
    ring[seen++ % capacity] = { time, domain, event };
  });
  const events = () => {
    const oldest = seen > capacity ? seen % capacity : 0;
    return [...ring.slice(oldest), ...ring.slice(0, oldest)];
  };
  const recorder = {
    events,
    get dropped() {
      return seen - ring.length;
    },
    stop,
    toChromeTrace: () => toChromeTrace(events()),
  };
  return disposable(recorder, stop);
}
