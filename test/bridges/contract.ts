// The contract of each adapter, as data: the guide's tables are written from it, and the conformance suites test it.
//
// A cell is a clause, which is tested over every adapter that has it, or words about one adapter alone, together with the beginning of
// the titles of the tests that show them.

/** What a fiber can rely on when it waits for foreign code. */
export const incomingClauses = {
  cancel: {
    undone: "taken back in the same turn",
    watched: "the wait ends at once; what it waits for is left alone",
    settles: "the signal is aborted in the same turn; the fiber goes on when the call has settled",
    abandons: "the signal is aborted in the same turn; the fiber goes on at once",
  },
  error: {
    same: "the very value",
    truthy: "the very `err`, if it is truthy",
    after: "the very value, once, after the values before it",
    again: "the same object, at every further call, too",
  },
  late: {
    dropped: "dropped",
    discards: "dropped, or given to `onDiscard`",
    bounded: "16 values wait; one more is an `OverflowError`, unless `overflow` says otherwise",
    kept: "kept by the stream, for the next call",
  },
  context: {
    own: "the fiber's own, whoever answers",
  },
  release: {
    answered: "with the answer, in the same turn",
    inert: "nothing can be taken back; what stays until the answer is inert",
    ended: "at its end, however it ends",
    switch: "`close`, the end of the source, the end of the switch",
    destroyed: "the end of the switch, unless `owned` is false",
  },
} as const;

/** What foreign code can rely on when it holds a fiber. */
export const outgoingClauses = {
  cancel: {
    told: "cancels the fiber in the same turn",
  },
  error: {
    same: "the same object; an `AbortError` if the fiber's switch is cancelled",
    boxed: "the same object, a falsy one in an `Error`; an `AbortError` if the fiber's switch is cancelled",
  },
  late: {
    joined: "with the reason, in one `AggregateError`",
    told: "told in its place",
    unhandled: "fails `sw`; without one, reported as unhandled",
  },
  context: {
    caller: "the locals of the fiber that makes it",
    attached: "those of the fiber whose `fromAsync` calls it, else none",
  },
  release: {
    settles: "told after the finalizers",
    left: "returns at once; `sw` waits for the finalizers",
  },
} as const;

/** Words about one adapter, and the beginnings of the titles of the tests that show them. */
export interface Particular {
  readonly says: string;
  readonly shown: readonly [string, ...string[]];
}

const only = (says: string, ...shown: [string, ...string[]]): Particular => ({ says, shown });

export type Column = keyof typeof incomingClauses;
export const columns = ["cancel", "error", "late", "context", "release"] as const satisfies readonly Column[];

/** A dash where a column has no meaning for an adapter. */
type Cell<Clauses extends Record<Column, object>, C extends Column> = keyof Clauses[C] | Particular | "-";
export type Incoming = { readonly [C in Column]: Cell<typeof incomingClauses, C> };
/** `by` is what the foreign side cancels with. */
export type Outgoing = { readonly by?: string } & { readonly [C in Column]: Cell<typeof outgoingClauses, C> };

export interface World {
  readonly title: string;
  /** The module, below `@trestle/bridges/`. */
  readonly subpath: string;
  /** Its suite does not run in pages. */
  readonly nodeOnly?: boolean;
  readonly incoming: Readonly<Record<string, Incoming>>;
  readonly outgoing: Readonly<Record<string, Outgoing>>;
}

/** An answer that comes through a subscription or a listener. */
const heard = { cancel: "undone", error: "same", late: "dropped", context: "own", release: "answered" } as const;
/** Values that wait in a buffer of ours. */
const live = { cancel: "undone", error: "after", late: "bounded", context: "own", release: "switch" } as const;
/** Flows that a switch has taken on. */
const adopted = { cancel: "undone", error: "again", late: "kept", context: "own", release: "destroyed" } as const;
const asked = { ...adopted, cancel: "watched" } as const;

const observable = {
  by: "`unsubscribe`",
  cancel: "told",
  error: "same",
  late: "unhandled",
  context: "attached",
  release: "left",
} as const;
const served = { cancel: "told", late: "told", context: "caller", release: "settles" } as const;
const inNode = { ...served, by: "`destroy`", error: "boxed" } as const;

export const worlds: readonly World[] = [
  {
    title: "Promises and async functions",
    subpath: "promise",
    incoming: {
      fromPromise: { cancel: "watched", error: "same", late: "discards", context: "own", release: "inert" },
      adopt: { cancel: "watched", error: "same", late: "dropped", context: "own", release: "inert" },
      fromAsync: { cancel: "settles", error: "same", late: "discards", context: "own", release: "answered" },
      'fromAsync, "abandon"': {
        cancel: "abandons",
        error: "same",
        late: "discards",
        context: "own",
        release: "answered",
      },
    },
    outgoing: {
      toPromise: {
        by: "`signal`",
        cancel: "told",
        error: "same",
        late: "joined",
        context: "attached",
        release: "settles",
      },
      toAsync: {
        cancel: only("only by the fiber whose `fromAsync` calls it", "BP-33 BP-54"),
        error: "same",
        late: "-",
        context: "attached",
        release: "settles",
      },
      promiseOf: {
        cancel: "-",
        error: only("the same object", "BP-57 BP-72"),
        late: "-",
        context: "-",
        release: only("with the answer", "BP-57 gives"),
      },
    },
  },
  {
    title: "`AbortSignal`",
    subpath: "abort",
    incoming: {
      withSignal: {
        cancel: only("an abort cancels the body in the same turn", "BA-01 BA-03"),
        error: only("`signal.reason`, the very value", "BA-01 BA-03"),
        late: only("an abort after the end does nothing", "BA-05 BA-10"),
        context: only("the fiber's own", "BA-04"),
        release: only("the listener comes off with the end of the body", "BA-05 BA-10"),
      },
      waitAborted: {
        cancel: only("the listener comes off in the same turn", "BA-12 a cancelled"),
        error: "-",
        late: "-",
        context: "-",
        release: only("with the abort, whose reason it gives", "BA-12 gives the"),
      },
    },
    outgoing: {
      cancelSignal: {
        cancel: only("a cancellation aborts it, before any fiber resumes", "BA-22 is aborted in the turn"),
        error: only("an `AbortError`; its cause is the reason", "BA-22 is aborted in the turn"),
        late: only("what its listeners throw is uncaught", "BA-26"),
        context: only("one signal a cancellation context", "BA-20 BA-21"),
        release: only("stays as it is when the context ends", "BA-23"),
      },
    },
  },
  {
    title: "Callbacks",
    subpath: "callback",
    incoming: {
      fromCallback: { ...heard, late: "discards" },
      fromNode: { ...heard, cancel: "watched", error: "truthy" },
      fromNodeAll: { ...heard, cancel: "watched", error: "truthy" },
    },
    outgoing: {
      toCallback: {
        by: "the handle",
        cancel: "told",
        error: "boxed",
        late: "told",
        context: "attached",
        release: "settles",
      },
      toNode: {
        by: "the handle",
        cancel: "told",
        error: "boxed",
        late: "told",
        context: "attached",
        release: "settles",
      },
    },
  },
  {
    title: "Events",
    subpath: "events",
    incoming: { once: heard, events: live },
    outgoing: {},
  },
  {
    title: "Handlers of events",
    subpath: "listen",
    incoming: {
      listen: {
        cancel: only("the listener is off first, then handlers are cancelled and waited for", "BE-32"),
        error: only("of a handler or of the emitter: fails the switch", "BE-31"),
        late: only("any number of events wait, unless `buffer` says otherwise", "BE-30 serial"),
        context: only("that of the fiber that listens", "BE-30 BK-09"),
        release: only("`close`, `until`, the end of the switch", "BE-32"),
      },
    },
    outgoing: {
      emitTo: {
        cancel: only("between two values", "BE-33 what a listener throws"),
        error: only("what a listener throws is thrown; of an event target it is uncaught", "BE-33"),
        late: only("the stream's own buffer", "BE-33 what a listener throws"),
        context: only("the fiber itself calls the listeners", "BE-33 what a listener throws"),
        release: "-",
      },
      toEmitter: {
        cancel: only("disposing of it, or the end of the switch", "BE-35 cancels"),
        error: only("`error`; without a listener it fails the switch", "BE-35 emits the failure"),
        late: only("the stream's own buffer: what nobody listens to stays there", "BE-35 emits only"),
        context: "-",
        release: only("its fibers have ended when it is disposed of", "BE-35 cancels"),
      },
    },
  },
  {
    title: "Observables",
    subpath: "observable",
    incoming: {
      firstOf: heard,
      lastOf: { ...heard, release: "ended" },
      singleOf: { ...heard, release: "ended" },
      collect: { ...heard, release: "ended" },
      forEachOf: {
        ...heard,
        late: only("16 values wait while the body runs, as with `fromObservable`", "BX-33"),
        release: "ended",
      },
      fromObservable: live,
      latest: {
        ...live,
        error: only("the very value, at every further call, too", "BX-70 tells the end"),
        late: only("the newest value is kept", "BX-71"),
      },
    },
    outgoing: {},
  },
  {
    title: "RxJS",
    subpath: "rxjs",
    incoming: {
      clockFromScheduler: {
        cancel: only("takes the action back", "BX-85"),
        error: "-",
        late: "-",
        context: only("the fiber's own", "BX-85"),
        release: only("when the action has run", "BX-85"),
      },
      ownSubscription: {
        cancel: only("the end of the switch unsubscribes", "BX-73"),
        error: only("what unsubscribing throws", "BX-73"),
        late: "-",
        context: "-",
        release: only("is forgotten when it closes by itself", "BX-73"),
      },
    },
    outgoing: {
      toObservable: observable,
      observableOf: observable,
      streamToObservable: {
        ...observable,
        late: only("an item that was not delivered goes back to the front", "BX-65 streamToObservable"),
      },
      shareStream: {
        ...observable,
        by: "the last `unsubscribe`",
        late: only("an item that was not delivered goes back to the front", "BX-65 streamToObservable"),
      },
      toObserver: {
        cancel: "-",
        error: only("closes the stream", "BX-66"),
        late: only("a full stream loses nothing silently", "BX-66"),
        context: "-",
        release: only("with `complete` or `error`", "BX-66"),
      },
      "switchMapOp, exhaustMapOp": {
        cancel: only("`unsubscribe`: cancels the fiber in the same turn", "BX-59 switchMapOp passes"),
        error: only("the same object", "BX-59 switchMapOp passes"),
        late: only("reported as unhandled", "BX-59 switchMapOp passes"),
        context: "-",
        release: only("the next fiber starts after the finalizers of the one before", "BX-59 switchMapOp waits"),
      },
      toScheduler: {
        cancel: only("an action that is unsubscribed does not run", "BX-81 BX-82 BX-84"),
        error: only("fails the switch", "BX-80"),
        late: "-",
        context: "-",
        release: only("the end of the switch takes back what waits", "BX-80 operators"),
      },
      toSubscription: {
        cancel: only("`unsubscribe`: cancels the switch in the same turn", "BX-74"),
        error: only("that of the switch", "BX-74"),
        late: only("that of the switch", "BX-74"),
        context: "-",
        release: only("closes when the switch has ended", "BX-74"),
      },
    },
  },
  {
    title: "Limits in the manner of p-limit",
    subpath: "limit",
    incoming: {
      fromLimit: {
        ...heard,
        cancel: "watched",
        late: only("a turn that comes later runs nothing", "BL-02 BL-03 a cancelled"),
        release: only("the slot, when the finalizers are done", "BL-02 BL-03"),
      },
      limited: {
        cancel: only("who waits leaves the queue at once", "BL-02 BL-03 frees"),
        error: only("the very value", "BL-07 frees"),
        late: "-",
        context: only("the fiber's own", "BL-01 runs"),
        release: only("the slot, when the finalizers are done", "BL-02 BL-03 frees"),
      },
    },
    outgoing: {
      toLimit: {
        cancel: only("`clearQueue` forgets who waits", "BL-04 clearQueue"),
        error: only("the very value", "BL-07 a call"),
        late: "-",
        context: only("that of the call to `limit`", "BL-11"),
        release: only("the permit, when the promise has settled", "BL-06"),
      },
    },
  },
  {
    title: "Async iterables",
    subpath: "async-iterable",
    incoming: {
      fromAsyncIterable: { cancel: "watched", error: "same", late: "dropped", context: "own", release: "inert" },
      each: {
        cancel: only("`return()` is called in the same turn", "BI-06", "BI-07 cancelled"),
        error: only("the very value; of the body, too", "BI-04", "BI-10"),
        late: "-",
        context: only("the fiber's own", "BI-01"),
        release: only("`return()` is waited for, unless the source has ended or a pull was pending", "BI-04", "BI-05"),
      },
    },
    outgoing: {
      toAsyncIterable: {
        cancel: only("`return()`, `signal`: in the same turn", "BI-25", "BI-29 BG-20"),
        error: only("the same object, once", "BI-27"),
        late: only("rejects `return()`", "BI-30"),
        context: only("that of whoever asks for an item", "BI-06 a fiber"),
        release: only("`return()` is told after the finalizers; `sw` ends what is left", "BI-24 BG-21", "BI-29 BG-52"),
      },
      "toAsyncGenerator, emit, emitAll": {
        cancel: only("`return()`, after the requests before it", "BI-22 BI-24"),
        error: only("the same object, once", "BI-22 BI-24"),
        late: only("rejects `return()`", "BI-22 BI-24"),
        context: only("that of whoever asks for an item", "BI-06 a fiber"),
        release: only("`return()` is told after the finalizers", "BI-04 a loop"),
      },
    },
  },
  {
    title: "Disposal",
    subpath: "disposable",
    incoming: {},
    outgoing: {
      openSwitch: {
        cancel: only("the end of the block, `signal`, `sw`", "BI-43 cancels what", "BI-43 rejects"),
        error: only("the failure of the switch", "BI-43 rejects"),
        late: only("that of the switch", "BI-43 rejects"),
        context: "-",
        release: only("told after the finalizers", "BI-43 cancels what"),
      },
    },
  },
  {
    title: "Pairs of an async function and a fiber function",
    subpath: "pair",
    incoming: {
      direct: {
        cancel: only("in a cancelled fiber no promise is waited for", "TR1209 a foreign"),
        error: only("the very value", "TR1209 a foreign"),
        late: "-",
        context: only(
          "the calling fiber runs the fiber function itself, without a promise",
          "TR1209 runs the fiber function",
        ),
        release: "-",
      },
    },
    outgoing: {
      "pair, pairMethods": {
        cancel: "-",
        error: only("rejects, never throws", "CM-K12 an error in a default"),
        late: "-",
        context: only("the fiber itself, as long as nobody has replaced the async one", "CM-K12 runs the fiber method"),
        release: "-",
      },
    },
  },
  {
    title: "Context: stores, and whom foreign code works for",
    subpath: "context",
    incoming: {
      trackContext: {
        cancel: only(
          "a fiber that async code starts is cancelled along with the one it works for",
          "BK-11 what an async",
        ),
        error: "-",
        late: only("what has outlived its fiber starts nothing", "BK-12 an async"),
        context: only("the stores that the fiber was started in, in all its steps", "BK-10 BK-02"),
        release: only("the switch waits for what a call has left behind", "BK-11 the switch"),
      },
      withStore: {
        cancel: "-",
        error: "-",
        late: "-",
        context: only("the store has the value in all steps of the body and of what it forks", "BK-05 withStore"),
        release: only("the former value, at the end of the body", "BK-05 withStore"),
      },
    },
    outgoing: {
      captureBridge: {
        cancel: only("the end of the fiber's context", "BK-13 BG-60"),
        error: only("an `AbortError`, if that cancels it", "BK-13 BG-60"),
        late: only("`SwitchFinishedError`, once the fiber has ended", "BK-12 BG-53"),
        context: only("that of the fiber", "BK-13 BG-60"),
        release: only("the switch around the fiber waits", "BK-13 BG-60"),
      },
      createBridge: {
        cancel: only("`close`", "BG-56 cancels"),
        error: only("stays with its promise", "BG-56 a failure"),
        late: only("`RuntimeClosedError`, from `close` on", "BG-57"),
        context: "-",
        release: only("`close` is told after the finalizers", "BG-56 cancels"),
      },
    },
  },
  {
    title: "Timers on the clock of fibers",
    subpath: "timers",
    incoming: {},
    outgoing: {
      toTimers: {
        cancel: only("`clearTimeout` and its like; `clear`", "BT-04 drives foreign", "BT-04 a timer"),
        error: only("what a callback throws is reported as unhandled; other timers go on", "what a callback throws"),
        late: "-",
        context: "-",
        release: only("`clear`, and the end of an `await using` block, end all", "BT-04 a timer"),
      },
    },
  },
  {
    title: "Worker threads and message ports",
    subpath: "worker",
    nodeOnly: true,
    incoming: {
      "fromPort, portPair, parentPort": {
        cancel: only("who waits to send sends nothing", "BZ-10 serves"),
        error: only(
          "an error of the worker, or a message that cannot be read, is thrown by `recv`",
          "BZ-04",
          "BZ-06 an error",
        ),
        late: only(
          "as many messages wait as `buffer` says, one more is an `OverflowError`; with `credit` the sender waits",
          "BZ-10 holds",
          "BZ-10 without",
        ),
        context: "-",
        release: only(
          "the end of the switch closes the port, unless `owned` is false",
          "BZ-11 leaves nothing",
          "BZ-11 leaves a port",
        ),
      },
      "call, transferring, registerError": {
        cancel: only("cancels the remote fiber, and waits for its finalizers", "BZ-08 cancelling"),
        error: only("a copy, with class, code, cause and errors", "BZ-03 errors arrive"),
        late: only("ignored", "BZ-08 an abandoned"),
        context: "-",
        release: only("with the answer; fails when the port is closed", "BZ-09 they fail"),
      },
      runWorker: {
        cancel: only(
          "cancels the body; terminates after the grace, and has waited for that",
          "BZ-07 cancels",
          "BZ-07 terminates",
        ),
        error: only("what the body throws, a copy", "BZ-03 throws what"),
        late: "-",
        context: "-",
        release: only("the worker is gone when the fiber goes on", "BZ-07 cancels"),
      },
    },
    outgoing: {
      "toPort, servePort": {
        cancel: only(
          "the caller's cancellation; the end of the switch; the caller's going away",
          "BZ-08 cancelling",
          "toPort ends",
          "serve cancels",
        ),
        error: only("a copy, with class, code, cause and errors", "BZ-03 errors arrive"),
        late: only("a late reply is ignored", "BZ-08 an abandoned"),
        context: "-",
        release: only("the port is closed after the finalizers", "toPort ends", "BZ-11 toPort"),
      },
      toWorker: {
        cancel: only("its parent's `runWorker` is cancelled", "BZ-07 cancels"),
        error: only("a copy is thrown by `runWorker`", "BZ-03 throws what"),
        late: "-",
        context: "-",
        release: "-",
      },
    },
  },
  {
    title: "Lwt",
    subpath: "lwt",
    incoming: {
      "fromLwt, of a task": { ...heard, late: "dropped" },
      "fromLwt, of a function": {
        ...heard,
        cancel: only(
          "cancels the promise in the same turn, and waits for its end",
          "a fiber that is cancelled cancels",
        ),
      },
    },
    outgoing: {
      toLwt: {
        by: "`Lwt.cancel`",
        cancel: "told",
        error: only("by name and message; the same object when it comes back", "a fiber's failure reaches OCaml"),
        late: "told",
        context: "attached",
        release: "settles",
      },
    },
  },
  {
    title: "Effects",
    subpath: "effect",
    incoming: {
      fromEffect: {
        cancel: only("interrupts the effect in the same turn, and waits for its end", "BO-01 a cancelled fiber"),
        error: "same",
        late: "dropped",
        context: "own",
        release: "answered",
      },
    },
    outgoing: {
      toEffect: {
        by: "an interruption",
        cancel: "told",
        error: only("the same object, or what `catch` makes of it; a cancellation interrupts", "BO-02"),
        late: "told",
        context: "attached",
        release: "settles",
      },
    },
  },
  {
    title: "Operations of Effection",
    subpath: "effection",
    incoming: {
      fromOperation: {
        cancel: only("halts the task in the same turn, and waits for its end", "BO-03 a cancelled fiber"),
        error: "same",
        late: "dropped",
        context: "own",
        release: "answered",
      },
    },
    outgoing: {
      toOperation: {
        by: "`halt`",
        cancel: "told",
        error: "same",
        late: "told",
        context: "attached",
        release: "settles",
      },
    },
  },
  {
    title: "BullMQ",
    subpath: "bullmq",
    nodeOnly: true,
    incoming: {
      queueTransport: {
        cancel: only(
          "takes the job out of the queue, or cancels its fiber and waits for its end, at most for `grace`",
          "are taken out of the queue",
          "are cancelled in the worker",
          "are not waited for longer",
        ),
        error: only(
          "a copy, with class, code and steps, when the attempts are used up; `DomainLost`",
          "throw with class",
          "are tried again",
          "that lose worker after worker",
        ),
        late: "-",
        context: "-",
        release: only("with the switch; jobs that wait fail with `ClosedError`", "fail with ClosedError"),
      },
    },
    outgoing: {
      serveQueue: {
        cancel: only("whoever waits for the job", "are cancelled in the worker"),
        error: only("a copy; tried again while attempts are left", "are tried again"),
        late: "-",
        context: "-",
        release: only(
          "its jobs go back into the queue, as do those of a worker that dies",
          "go back",
          "are done at least once",
        ),
      },
    },
  },
  {
    title: "Node's streams",
    subpath: "streams",
    nodeOnly: true,
    incoming: {
      fromReadable: adopted,
      fromWritable: { ...adopted, late: only("what was given to a write is still written", "BS-10 a write") },
      fromDuplex: adopted,
      fromObjects: adopted,
    },
    outgoing: {
      toReadable: inNode,
      toWritable: inNode,
      toDuplex: inNode,
      toObjectReadable: inNode,
    },
  },
  {
    title: "The streams of the web",
    subpath: "web-streams",
    nodeOnly: true,
    incoming: {
      fromReadableStream: asked,
      fromWritableStream: { ...asked, late: only("what was given to a write is still written", "BS-40 a write") },
      fromObjects: asked,
    },
    outgoing: {
      toReadableStream: { ...served, by: "`cancel`", error: "same" },
      toWritableStream: { ...served, by: "`abort`", error: "same" },
      toObjectStream: { ...served, by: "`cancel`", error: "same" },
      toTransform: {
        cancel: only("`cancel` cancels the body, `abort` aborts it", "BS-44 who reads"),
        error: only("the same object, at both ends", "BS-44 a failure"),
        late: only("that of both ends", "BS-44 a failure"),
        context: only("the locals of the fiber that makes it", "BS-44 changes"),
        release: only("told after the finalizers", "BS-44 who reads"),
      },
    },
  },
];

/** What a cell says, in the guide. */
function wordsOf(
  row: Incoming | Outgoing,
  column: Column,
  clauses: Readonly<Record<Column, Readonly<Record<string, string>>>>,
): string {
  const cell = row[column];
  if (typeof cell === "object") return cell.says;
  if (cell === "-") return "-";
  const words = clauses[column][cell];
  if (words === undefined) throw new Error(`there is no clause ${cell}`);
  return column === "cancel" && "by" in row ? `${row.by}: ${words}` : words;
}

export const incomingHeader = ["waits by", "cancellation", "error", "buffer, late value", "context", "given back"];
export const outgoingHeader = ["held as", "cancelled by", "error", "late error", "context", "end"];

export interface Table {
  readonly header: readonly string[];
  readonly lines: readonly (readonly string[])[];
}

/** The tables of a world in the guide: fibers that wait for it, then fibers that it holds. */
export function tablesOf(world: World): Table[] {
  const lines = (
    rows: Readonly<Record<string, Incoming | Outgoing>>,
    clauses: typeof incomingClauses | typeof outgoingClauses,
  ) =>
    Object.entries(rows).map(([name, row]) => [
      name.replace(/^\w+(, \w+)*$|^\w+/, (names) => names.replace(/\w+/g, "`$&`")),
      ...columns.map((column) => wordsOf(row, column, clauses)),
    ]);
  return [
    { header: incomingHeader, lines: lines(world.incoming, incomingClauses) },
    { header: outgoingHeader, lines: lines(world.outgoing, outgoingClauses) },
  ].filter((table) => table.lines.length > 0);
}
