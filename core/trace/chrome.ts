// Writes events in the format that chrome://tracing and ui.perfetto.dev open: a process a scheduler, a track a fiber.

import type { RecordedEvent, TraceEvent } from "./event.js";

/** An entry of a trace file, as the trace-event format defines it. */
export interface ChromeEvent {
  /**
   * What it is: `B` and `E` begin and end a slice, `i` is an instant, `s` and `f` are the ends of an arrow, `b` and `e` begin and end
   * a slice outside of the tracks, `M` names a process or a track.
   */
  readonly ph: "B" | "E" | "M" | "b" | "e" | "f" | "i" | "s";
  readonly name: string;
  readonly cat?: string;
  /** Microseconds. */
  readonly ts: number;
  /** The scheduler. */
  readonly pid: number;
  /** The fiber. */
  readonly tid: number;
  /** Tells arrows, and slices outside of tracks, from each other. */
  readonly id?: string;
  /** An arrow ends at the slice around it. */
  readonly bp?: "e";
  /** An instant belongs to a track, or to a process. */
  readonly s?: "p" | "t";
  readonly args?: Readonly<Record<string, string | number>>;
}

/** What a trace file holds, before it is text. */
export interface ChromeTrace {
  readonly traceEvents: readonly ChromeEvent[];
  readonly displayTimeUnit: "ms";
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Entry = Mutable<ChromeEvent>;

/** The number of the track of a scheduler itself; no fiber gets as far. */
const LOOP_TRACK = 2 ** 31 - 1;

/** What a fiber does for a while: the innermost slice of its track. */
interface State {
  readonly name: string;
  readonly cat: string;
}

const RUNNING: State = { name: "running", cat: "run" };
/** In the run queue, or about to go on after a fork. */
const READY: State = { name: "ready", cat: "ready" };
const SUSPENDED: State = { name: "suspended", cat: "loop" };

/** To the nanosecond: what a clock can tell apart. */
const rounded = (time: number) => Math.round(time * 1000) / 1000;

/** A track: slices of spans, outermost first, and inside of them one for what the fiber does. */
class Track {
  readonly tid: number;
  readonly pid: number;
  forkedAt: string | undefined = undefined;
  private readonly out: Entry[];
  private state: State | undefined = undefined;
  private readonly spans: string[] = [];
  /** A step is under way. */
  private running = false;
  private ended = false;
  /** What the fiber does when the step is over; undefined when it ends with the step. */
  private next: State | undefined = undefined;
  /** The begins of the arrows that end where the fiber runs next. */
  private arrows: Entry[] = [];

  constructor(out: Entry[], pid: number, tid: number) {
    this.out = out;
    this.pid = pid;
    this.tid = tid;
  }

  emit(ph: ChromeEvent["ph"], time: number, name: string, more?: Partial<ChromeEvent>): Entry {
    const entry = { ph, name, ts: rounded(time), pid: this.pid, tid: this.tid, ...more };
    this.out.push(entry);
    return entry;
  }

  /** Ends the innermost slice and begins another, or none. */
  become(state: State | undefined, time: number): void {
    if (this.state) this.emit("E", time, this.state.name);
    if (state) this.emit("B", time, state.name, { cat: state.cat });
    this.state = state;
  }

  run(time: number): void {
    this.become(RUNNING, time);
    this.running = true;
    this.next = READY;
    for (const { name, id } of this.arrows) this.emit("f", time, name, { cat: "flow", id: id!, bp: "e" });
    this.arrows = [];
  }

  /** The fiber does something: if it is not known to run, its step began before the first event. False when it has ended. */
  acts(time: number): boolean {
    if (!this.running && !this.ended) this.run(time);
    return this.running;
  }

  /** Says what the fiber does next: at once, or when its step is over. */
  go(state: State | undefined, time: number): void {
    if (this.running) this.next = state;
    else this.become(state, time);
  }

  stop(time: number): void {
    if (!this.running) return;
    this.running = false;
    this.become(this.next, time);
  }

  end(time: number): void {
    this.ended = true;
    this.go(undefined, time);
  }

  enter(label: string, time: number): void {
    const { state } = this;
    this.become(undefined, time);
    this.spans.push(label);
    this.emit("B", time, label, { cat: "span" });
    this.become(state, time);
  }

  leave(time: number): void {
    // A span that was entered before the first event is not known.
    if (this.spans.length === 0) return;
    const { state } = this;
    this.become(undefined, time);
    this.emit("E", time, this.spans.pop()!);
    this.become(state, time);
  }

  close(time: number): void {
    this.become(undefined, time);
    while (this.spans.length > 0) this.emit("E", time, this.spans.pop()!);
  }

  instant(name: string, cat: string, time: number): void {
    this.emit("i", time, name, { cat, s: this.tid === LOOP_TRACK ? "p" : "t" });
  }

  /** An arrow from here to where `to` runs next. */
  arrow(name: string, to: Track, time: number, id: string): void {
    to.arrows.push(this.emit("s", time, name, { cat: "flow", id }));
  }

  /** The arrows that led nowhere, because the fiber did not run any more. */
  get loose(): readonly Entry[] {
    return this.arrows;
  }
}

/** A context or object: what its name is made of. */
interface Thing {
  readonly kind: string;
  /** The begin of its slice, if it has one. */
  readonly begin: Entry | undefined;
}

/** The events of one scheduler. */
class Page {
  private readonly out: Entry[];
  private readonly pid: number;
  private readonly tracks = new Map<number, Track>();
  private readonly things = new Map<number, Thing>();
  private readonly names = new Map<number, string>();
  private readonly loop: Track;
  private nextArrow = 1;
  private last = 0;

  constructor(domain: number, out: Entry[]) {
    // Viewers take process 0 for the idle one.
    this.pid = domain + 1;
    this.out = out;
    this.loop = new Track(out, this.pid, LOOP_TRACK);
  }

  private track(fiber: number): Track {
    let track = this.tracks.get(fiber);
    if (!track) this.tracks.set(fiber, (track = new Track(this.out, this.pid, fiber)));
    return track;
  }

  /** The track of a fiber that does something, or that of the scheduler for what no fiber did. */
  private actor(fiber: number | undefined, time: number): Track {
    if (fiber === undefined) return this.loop;
    const track = this.track(fiber);
    track.acts(time);
    return track;
  }

  private arrow(name: string, from: number | undefined, to: number, time: number): void {
    if (from === undefined || from === to || !this.track(from).acts(time)) return;
    this.track(from).arrow(name, this.track(to), time, `${this.pid}.${this.nextArrow++}`);
  }

  private nameOf(id: number): string {
    const name = this.names.get(id);
    const kind = this.things.get(id)?.kind ?? "";
    return `${kind} ${name === undefined ? id : JSON.stringify(name)}`.trim();
  }

  add(event: TraceEvent, time: number): void {
    this.last = time;
    switch (event.type) {
      case "fiber-created":
        this.track(event.fiber).forkedAt = event.forkedAt;
        return this.arrow("fork", event.parent, event.fiber, time);
      case "fiber-running":
        if (event.name !== undefined && !this.names.has(event.fiber)) this.names.set(event.fiber, event.name);
        return this.track(event.fiber).run(time);
      case "fiber-stopped":
        return this.track(event.fiber).stop(time);
      case "fiber-suspended":
        return this.actor(event.fiber, time).go({ name: event.operation, cat: "wait" }, time);
      case "fiber-woken":
        this.arrow("wake", event.by, event.fiber, time);
        if (event.cancelled) this.track(event.fiber).instant("cancelled", "cancel", time);
        return this.track(event.fiber).go(READY, time);
      case "fiber-ended":
        if (event.error !== undefined) this.track(event.fiber).instant(`threw ${event.error}`, "error", time);
        return this.track(event.fiber).end(time);
      case "context-created":
        return this.contextCreated(event, time);
      case "context-cancelled":
        return this.actor(event.fiber, time).instant(
          `cancel ${this.nameOf(event.context)}: ${event.reason}`,
          "cancel",
          time,
        );
      case "context-failed":
        return this.actor(event.fiber, time).instant(
          `${this.nameOf(event.context)} failed: ${event.error}`,
          "error",
          time,
        );
      case "context-ended":
        return this.contextEnded(event.context, time);
      case "object-created":
        return void this.things.set(event.object, { kind: event.kind, begin: undefined });
      case "try-get":
      case "get":
      case "put":
        return this.actor(event.fiber, time).instant(`${event.type} ${this.nameOf(event.object)}`, "object", time);
      case "name":
        return this.named(event.id, event.name);
      case "log":
        return this.actor(event.fiber, time).instant(event.message, "log", time);
      case "span-entered":
        return this.actor(event.fiber, time).enter(event.label, time);
      case "span-left":
        return this.actor(event.fiber, time).leave(time);
      case "loop-suspended":
        return this.loop.become(SUSPENDED, time);
      case "loop-resumed":
        return this.loop.become(undefined, time);
      case "domain-spawned":
        return this.loop.instant("started", "loop", time);
    }
  }

  private contextCreated(
    { context, kind, fiber }: Extract<TraceEvent, { type: "context-created" }>,
    time: number,
  ): void {
    const begin = this.actor(fiber, time).emit("b", time, kind, { cat: "context", id: `${this.pid}.${context}` });
    this.things.set(context, { kind, begin });
    begin.name = this.nameOf(context);
  }

  private contextEnded(context: number, time: number): void {
    const begin = this.things.get(context)?.begin;
    this.things.delete(context);
    if (begin) this.out.push({ ...begin, ph: "e", ts: rounded(time) });
  }

  private named(id: number, name: string): void {
    this.names.set(id, name);
    const begin = this.things.get(id)?.begin;
    if (begin) begin.name = this.nameOf(id);
  }

  /** Ends what is under way at the last event; arrows that led nowhere are added to `loose`. */
  finish(loose: Set<Entry>): void {
    for (const track of [this.loop, ...this.tracks.values()]) {
      track.close(this.last);
      for (const entry of track.loose) loose.add(entry);
    }
    for (const [id, thing] of this.things) if (thing.begin) this.contextEnded(id, this.last);
  }

  /** The entries that name the process and its tracks. */
  titles(): Entry[] {
    const titles: Entry[] = [];
    const title = (name: string, tid: number, args: Record<string, string | number>) =>
      titles.push({ ph: "M", name, ts: 0, pid: this.pid, tid, args });
    title("process_name", LOOP_TRACK, { name: this.pid === 1 ? "fibers" : `fibers of world ${this.pid - 1}` });
    title("thread_name", LOOP_TRACK, { name: "scheduler" });
    title("thread_sort_index", LOOP_TRACK, { sort_index: -1 });
    for (const { tid, forkedAt } of this.tracks.values()) {
      const name = this.names.get(tid);
      title("thread_name", tid, {
        name: name === undefined ? `fiber ${tid}` : `fiber ${tid} ${JSON.stringify(name)}`,
        ...(forkedAt === undefined ? {} : { forked_at: forkedAt }),
      });
      title("thread_sort_index", tid, { sort_index: tid });
    }
    return titles;
  }
}

/**
 * Events as the object that a trace file holds as JSON; https://ui.perfetto.dev and chrome://tracing open it. Each fiber is a track
 * with its name. Slices say when it runs, when it is ready to run, and what it waits for; spans are around them. Arrows lead from
 * the fiber that forks or wakes to the one that is forked or woken. Cancellations, errors and logs are marks.
 *
 * @example
 * const recorder = Trace.startRecording();
 * yield* work();
 * recorder.stop();
 * writeFileSync("trace.json", JSON.stringify(toChromeTrace(recorder.events())));
 *
 * @param events  in order of time, as a recorder gives them; what began before the first of them is left open on the left
 */
export function toChromeTrace(events: readonly RecordedEvent[]): ChromeTrace {
  const out: Entry[] = [];
  const pages = new Map<number, Page>();
  for (const { domain, event, time } of events) {
    let page = pages.get(domain);
    if (!page) pages.set(domain, (page = new Page(domain, out)));
    page.add(event, time);
  }
  const loose = new Set<Entry>();
  const titles: Entry[] = [];
  for (const page of pages.values()) {
    page.finish(loose);
    titles.push(...page.titles());
  }
  return { traceEvents: [...titles, ...out.filter((entry) => !loose.has(entry))], displayTimeUnit: "ms" };
}
