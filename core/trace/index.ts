// `trestle/trace`: following a program, recording it, and writing what viewers open. `import * as Trace from "trestle/trace"`.

export { log, mintId, name, subscribe, withSpan, type Unsubscribe } from "./trace.js";
export type { ContextKind, RecordedEvent, Subscriber, TraceEvent } from "./event.js";
export { startRecording, type Recorder, type RecordingOptions } from "./recorder.js";
export { toChromeTrace, type ChromeEvent, type ChromeTrace } from "./chrome.js";
