// @ts-check
// p-queue: a queue of jobs with priorities, pauses, timeouts, intervals and events.

/** @type {Record<string, import("../stage.js").Check>} */
export const checks = {
  "what it exports": ({ default: PQueue }, stage) => {
    stage.shape({ PQueue }, ["PQueue"]);
    const methods = [
      "setPriority",
      "add",
      "addAll",
      "start",
      "pause",
      "clear",
      "onEmpty",
      "onSizeLessThan",
      "onIdle",
      "sizeBy",
    ];
    stage.shape(PQueue.prototype, methods);
    stage.note("defaults", state(new PQueue()));
  },

  "all at once by default": async ({ default: PQueue }, stage) => {
    const queue = new PQueue();
    stage.note("all", await Promise.all([3, 1, 2].map((ms) => queue.add(stage.job(`${ms} ms`, ms)))));
  },

  "two at a time": async ({ default: PQueue }, stage) => {
    const queue = new PQueue({ concurrency: 2 });
    const jobs = [4, 3, 2, 1].map((ms) => queue.add(stage.job(`${ms} ms`, ms)));
    stage.note("called", state(queue));
    stage.note("all", await Promise.all(jobs));
    stage.note("done", state(queue));
  },

  "a job starts before add returns": async ({ default: PQueue }, stage) => {
    const added = new PQueue().add(() => stage.note("job"));
    stage.note("called");
    await added;
  },

  "the most important first": async ({ default: PQueue }, stage) => {
    const queue = new PQueue({ concurrency: 1 });
    const priorities = [0, 1, 3, 1, 2];
    await Promise.all(priorities.map((priority, index) => queue.add(stage.job(`job ${index}`, 1), { priority })));
  },

  "importance can change": async ({ default: PQueue }, stage) => {
    const queue = new PQueue({ concurrency: 1 });
    const jobs = ["a", "b", "c"].map((id) => queue.add(stage.job(id, 1), { id }));
    queue.setPriority("c", 5);
    await stage.outcome("unknown", () => queue.setPriority("z", 1));
    await Promise.all(jobs);
  },

  "failures reach their own caller": async ({ default: PQueue }, stage) => {
    const queue = new PQueue({ concurrency: 1 });
    await Promise.all([
      stage.outcome("a", () => queue.add(stage.job("a", 2, new Error("a failed")))),
      stage.outcome("b", () => queue.add(stage.job("b", 1))),
      stage.outcome("c", () =>
        queue.add(() => {
          throw new RangeError("at once");
        }),
      ),
    ]);
  },

  "many in one call": async ({ default: PQueue }, stage) => {
    const queue = new PQueue({ concurrency: 2 });
    await stage.outcome("all", () => queue.addAll([stage.job("a", 2), stage.job("b", 1), () => "plain"]));
    await stage.outcome("one fails", () => queue.addAll([stage.job("c", 2), stage.job("d", 1, new Error("d failed"))]));
    await stage.outcome("none", () => queue.addAll([]));
    await stage.outcome("no list", () => queue.addAll(undefined));
    await queue.onIdle();
  },

  "pausing and starting": async ({ default: PQueue }, stage) => {
    const queue = new PQueue({ concurrency: 1, autoStart: false });
    const jobs = ["a", "b", "c"].map((name) => queue.add(stage.job(name, 2)));
    stage.note("waiting", state(queue));
    await stage.after(5);
    queue.start();
    await stage.after(1);
    queue.pause();
    await stage.after(5);
    stage.note("paused", state(queue));
    stage.note("chained", queue.start() === queue);
    await Promise.all(jobs);
  },

  clearing: async ({ default: PQueue }, stage) => {
    const queue = new PQueue({ concurrency: 1 });
    const first = queue.add(stage.job("first", 2));
    void queue.add(stage.job("never", 1));
    queue.clear();
    stage.note("cleared", state(queue));
    await first;
    await stage.outcome("idle", () => queue.onIdle());
  },

  "waiting until empty, smaller, idle": async ({ default: PQueue }, stage) => {
    const queue = new PQueue({ concurrency: 1 });
    await stage.outcome("empty at once", () => queue.onEmpty());
    await stage.outcome("idle at once", () => queue.onIdle());
    await stage.outcome("smaller at once", () => queue.onSizeLessThan(1));
    for (const name of ["a", "b", "c", "d"]) void queue.add(stage.job(name, 2));
    await Promise.all([
      stage.outcome("fewer than 2", () => queue.onSizeLessThan(2)),
      stage.outcome("empty", () => queue.onEmpty()),
      stage.outcome("idle", () => queue.onIdle()),
    ]);
  },

  "events in order": async ({ default: PQueue }, stage) => {
    const queue = new PQueue({ concurrency: 1 });
    for (const event of ["add", "active", "completed", "error", "next", "empty", "idle"]) {
      queue.on(event, (/** @type {unknown[]} */ ...args) => stage.note(`event ${event}`, args, state(queue)));
    }
    await Promise.all([
      stage.outcome("a", () => queue.add(stage.job("a", 1))),
      stage.outcome("b", () => queue.add(stage.job("b", 1, new Error("b failed")))),
    ]);
    await stage.after(1);
  },

  "a job that takes too long": async ({ default: PQueue }, stage) => {
    const queue = new PQueue({ concurrency: 1, timeout: 20 });
    const forever = () => new Promise(() => {});
    await stage.outcome("silently", () => queue.add(forever));
    await stage.outcome("loudly", () => queue.add(forever, { throwOnTimeout: true, timeout: 5 }));
    await stage.outcome("in time", () => queue.add(stage.job("quick", 1)));
    const strict = new PQueue({ timeout: 5, throwOnTimeout: true });
    await stage.outcome("strict", () => strict.add(forever));
  },

  "a signal": async ({ default: PQueue }, stage) => {
    const queue = new PQueue({ concurrency: 1 });
    const controller = new AbortController();
    const running = stage.outcome("running", () => queue.add(stage.job("running", 5), { signal: controller.signal }));
    const waiting = stage.outcome("waiting", () => queue.add(stage.job("waiting", 1), { signal: controller.signal }));
    const other = stage.outcome("other", () => queue.add(stage.job("other", 1)));
    await stage.after(2);
    controller.abort(new Error("enough"));
    await Promise.all([running, waiting, other]);
    await stage.outcome("beforehand", () => queue.add(stage.job("never", 1), { signal: AbortSignal.abort() }));
    await stage.outcome("handed on", () =>
      queue.add((/** @type {any} */ { signal }) => signal === controller.signal, { signal: undefined }),
    );
    await stage.after(5);
  },

  "jobs that add jobs": async ({ default: PQueue }, stage) => {
    const queue = new PQueue({ concurrency: 1 });
    await queue.add(async () => {
      stage.note("outer starts");
      void queue.add(stage.job("inner", 1));
      await stage.after(1);
      stage.note("outer ends");
    });
    await queue.onIdle();
    stage.note("idle", state(queue));
  },

  "the limit can change": async ({ default: PQueue }, stage) => {
    const queue = new PQueue({ concurrency: 1 });
    const jobs = [4, 3, 2, 1].map((ms) => queue.add(stage.job(`${ms} ms`, ms)));
    queue.concurrency = 3;
    stage.note("raised", state(queue));
    await Promise.all(jobs);
  },

  "so many in an interval": async ({ default: PQueue }, stage) => {
    const queue = new PQueue({ intervalCap: 2, interval: 30 });
    let started = 0;
    const jobs = Array.from({ length: 5 }, () => queue.add(() => started++));
    stage.note("at once", started, state(queue));
    await jobs[3];
    stage.note("after one interval", started, state(queue));
    stage.note("all", await Promise.all(jobs));
  },

  "sizes by priority": async ({ default: PQueue }, stage) => {
    const queue = new PQueue({ concurrency: 1, autoStart: false });
    for (const priority of [1, 0, 1, 2]) void queue.add(stage.job(`priority ${priority}`, 1), { priority });
    stage.note([0, 1, 2, 3].map((priority) => queue.sizeBy({ priority })));
    queue.start();
    await queue.onIdle();
  },

  "a queue of one's own": async ({ default: PQueue }, stage) => {
    class Stack {
      /** @type {(() => unknown)[]} */
      jobs = [];
      get size() {
        return this.jobs.length;
      }
      enqueue(/** @type {() => unknown} */ job) {
        this.jobs.push(job);
      }
      dequeue() {
        return this.jobs.pop();
      }
      filter() {
        return this.jobs;
      }
      setPriority() {}
    }
    const queue = new PQueue({ concurrency: 1, queueClass: Stack });
    await Promise.all(["a", "b", "c"].map((name) => queue.add(stage.job(name, 1))));
  },

  "as a base class": async ({ default: PQueue }, stage) => {
    class Counting extends PQueue {
      added = 0;
      constructor(/** @type {object} */ options) {
        super(options);
      }
      async add(/** @type {any} */ job, /** @type {any} */ options) {
        this.added += 1;
        return super.add(job, options);
      }
    }
    const queue = new Counting({ concurrency: 1 });
    await stage.outcome("all", () => queue.addAll([stage.job("a", 1), stage.job("b", 1)]));
    stage.note("added", queue.added);
  },

  "bad options are refused": async ({ default: PQueue }, stage) => {
    for (const options of [
      { concurrency: 0 },
      { concurrency: "1" },
      { interval: -1 },
      { interval: NaN },
      { intervalCap: 0 },
    ]) {
      await stage.outcome(JSON.stringify(options), () => new PQueue(options) && "made");
    }
    await stage.outcome("not a function", () => new PQueue().add("job"));
    await stage.outcome("no options", () => new PQueue().add(() => 1, null));
  },
};

/** @param {any} queue */
function state({ size, pending, isPaused }) {
  return { size, pending, isPaused };
}
