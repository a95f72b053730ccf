// @ts-check
// p-limit: no more than so many jobs at once.

/** @type {Record<string, import("../stage.js").Check>} */
export const checks = {
  "what it exports": (subject, stage) => stage.shape(subject, ["default", "limitFunction"]),

  "two at a time, in the order they came": async ({ default: pLimit }, stage) => {
    const limit = pLimit(2);
    const jobs = [5, 3, 4, 1, 2].map((ms, index) => limit(stage.job(`job ${index}`, ms)));
    stage.note("all", await Promise.all(jobs));
  },

  "one at a time": async ({ default: pLimit }, stage) => {
    const limit = pLimit({ concurrency: 1 });
    stage.note("all", await Promise.all([3, 2, 1].map((ms) => limit(stage.job(`${ms} ms`, ms)))));
  },

  "a job starts after the call has returned": async ({ default: pLimit }, stage) => {
    const started = pLimit(1)(() => stage.note("job"));
    stage.note("called");
    await started;
  },

  "arguments are handed on": async ({ default: pLimit }, stage) => {
    const limit = pLimit(1);
    await stage.outcome("three", () => limit((/** @type {number[]} */ ...args) => args, 1, 2, 3));
  },

  "failures reach their own caller only": async ({ default: pLimit }, stage) => {
    const limit = pLimit(2);
    const thrower = () => {
      throw new RangeError("at once");
    };
    await Promise.all([
      stage.outcome("a", () => limit(stage.job("a", 2, new Error("later")))),
      stage.outcome("b", () => limit(thrower)),
      stage.outcome("c", () => limit(stage.job("c", 1))),
      stage.outcome("d", () => limit(() => Promise.reject(undefined))),
    ]);
  },

  "counts while it works": async ({ default: pLimit }, stage) => {
    const limit = pLimit(2);
    const counts = (/** @type {string} */ when) => stage.note(when, [limit.activeCount, limit.pendingCount]);
    counts("idle");
    const jobs = [1, 3, 2].map((ms) => limit(stage.job(`${ms} ms`, ms)));
    counts("called");
    await Promise.resolve();
    counts("a moment later");
    await jobs[0];
    counts("after the first");
    await Promise.all(jobs);
    counts("after all");
  },

  "clearing forgets what has not started": async ({ default: pLimit }, stage) => {
    const limit = pLimit(1);
    const first = limit(stage.job("first", 2));
    for (const name of ["second", "third"]) void limit(stage.job(name, 1));
    await stage.after(1);
    limit.clearQueue();
    stage.note("pending", limit.pendingCount);
    stage.note("first", await first);
    await stage.outcome("fourth", () => limit(stage.job("fourth", 1)));
  },

  "clearing can reject instead": async ({ default: pLimit }, stage) => {
    const limit = pLimit({ concurrency: 1, rejectOnClear: true });
    const outcomes = ["first", "second", "third"].map((name) => stage.outcome(name, () => limit(stage.job(name, 2))));
    await stage.after(1);
    limit.clearQueue();
    await Promise.all(outcomes);
  },

  "the limit can be raised while it works": async ({ default: pLimit }, stage) => {
    const limit = pLimit(1);
    const jobs = [4, 3, 2, 1].map((ms) => limit(stage.job(`${ms} ms`, ms)));
    await stage.after(1);
    limit.concurrency = 3;
    stage.note("limit", limit.concurrency);
    await Promise.all(jobs);
  },

  "map gives value and index, results in order": async ({ default: pLimit }, stage) => {
    const limit = pLimit(2);
    await stage.outcome("map", () =>
      limit.map(new Set(["a", "b", "c"]), async (/** @type {string} */ value, /** @type {number} */ index) => {
        stage.note("map", value, index);
        await stage.after(3 - index);
        return value + index;
      }),
    );
    await stage.outcome("empty", () => limit.map([], stage.job("never", 1)));
  },

  "map fails as its function or its iterable does": async ({ default: pLimit }, stage) => {
    const limit = pLimit(2);
    const odd = async (/** @type {number} */ n) => {
      await stage.after(n);
      if (n % 2 === 1) throw new Error(`odd ${n}`);
      return n;
    };
    await stage.outcome("function", () => limit.map([2, 3, 1], odd));
    await stage.outcome("iterable", () =>
      limit.map(
        (function* () {
          yield 2;
          throw new Error("no more");
        })(),
        odd,
      ),
    );
    await stage.outcome("not iterable", () => limit.map(7, odd));
  },

  "a limited function": async ({ limitFunction }, stage) => {
    const limited = limitFunction(
      async (/** @type {string} */ name, /** @type {number} */ ms) => stage.job(name, ms)(),
      { concurrency: 2 },
    );
    stage.note("all", await Promise.all([limited("a", 3), limited("b", 2), limited("c", 1)]));
  },

  "bad arguments are refused": async ({ default: pLimit, limitFunction }, stage) => {
    for (const limit of [0, -1, 1.5, NaN, "2", undefined, { concurrency: 0 }, { concurrency: 1, rejectOnClear: 1 }]) {
      await stage.outcome(`pLimit ${JSON.stringify(limit)}`, () => pLimit(limit));
    }
    await stage.outcome("limitFunction", () => limitFunction(() => {}, { concurrency: 0 }));
    const limit = pLimit(1);
    await stage.outcome("resizing to 0", () => (limit.concurrency = 0));
    await stage.outcome("not a function", () => limit("job"));
  },
};
