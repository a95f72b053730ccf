// @ts-check
// p-map: map over what may be asynchronous, so many at a time.

/** @type {Record<string, import("../stage.js").Check>} */
export const checks = {
  "what it exports": (subject, stage) =>
    stage.shape(subject, [
      "default",
      "pMapSettled",
      "pMapKeyed",
      "pMapSettledKeyed",
      "pMapIterable",
      "pMapSkip",
      "pMapStop",
    ]),

  "all at once, results in order of input": async ({ default: pMap }, stage) =>
    stage.outcome("map", () => pMap([3, 1, 2], slow(stage))),

  "two at a time": async ({ default: pMap }, stage) =>
    stage.outcome("map", () => pMap([5, 2, 4, 1, 3], slow(stage), { concurrency: 2 })),

  "one at a time": async ({ default: pMap }, stage) =>
    stage.outcome("map", () => pMap([3, 1, 2], slow(stage), { concurrency: 1 })),

  "what runs before the call returns": async ({ default: pMap }, stage) => {
    const mapped = pMap([1, 2], (/** @type {number} */ n) => stage.note("mapper", n));
    stage.note("called");
    stage.note("result", await mapped);
  },

  "elements may be promises": async ({ default: pMap }, stage) =>
    stage.outcome("map", () => pMap([stage.after(3, 1), 2, stage.after(1, 3)], slow(stage), { concurrency: 2 })),

  "an element that rejects": async ({ default: pMap }, stage) =>
    stage.outcome("map", () =>
      pMap([1, stage.after(2).then(() => Promise.reject(new Error("bad element"))), 3], slow(stage)),
    ),

  "asynchronous sources": async ({ default: pMap }, stage) =>
    stage.outcome("map", () => pMap(source(stage, 4), slow(stage), { concurrency: 2 })),

  "a source that fails": async ({ default: pMap }, stage) => {
    await stage.outcome("asynchronous", () => pMap(source(stage, 4, 2), slow(stage), { concurrency: 2 }));
    await stage.outcome("synchronous", () =>
      pMap(
        (function* () {
          yield 1;
          throw new Error("dry");
        })(),
        slow(stage),
      ),
    );
  },

  "the first failure ends it, and the source is closed": async ({ default: pMap }, stage) => {
    await stage.outcome("map", () => pMap(source(stage, 9), failing(stage, 2), { concurrency: 2 }));
    await stage.after(20);
  },

  "or all failures are collected": async ({ default: pMap }, stage) =>
    stage.outcome("map", () => pMap([4, 3, 2, 1], failing(stage, 2), { concurrency: 2, stopOnError: false })),

  "a mapper that throws at once, or returns a plain value": async ({ default: pMap }, stage) => {
    await stage.outcome("plain", () => pMap([1, 2], (/** @type {number} */ n) => n * 10));
    await stage.outcome("throws", () =>
      pMap([1, 2], () => {
        throw new TypeError("no");
      }),
    );
  },

  "skipping and stopping": async ({ default: pMap, pMapSkip, pMapStop }, stage) => {
    await stage.outcome("skip", () => pMap([1, 2, 3], async (/** @type {number} */ n) => (n === 2 ? pMapSkip : n)));
    await stage.outcome("stop", () =>
      pMap(
        source(stage, 6),
        async (/** @type {number} */ n) => {
          stage.note("map", n);
          await stage.after(n);
          return n === 3 ? pMapStop : n;
        },
        { concurrency: 2 },
      ),
    );
    await stage.after(10);
  },

  "an abort in the middle": async ({ default: pMap }, stage) => {
    const controller = new AbortController();
    const mapped = stage.outcome("map", () =>
      pMap([2, 4, 6, 8], slow(stage), { concurrency: 2, signal: controller.signal }),
    );
    await stage.after(5);
    controller.abort(new Error("enough"));
    await mapped;
    await stage.after(20);
  },

  "an abort beforehand": async ({ default: pMap }, stage) => {
    await stage.outcome("own reason", () => pMap([1], slow(stage), { signal: AbortSignal.abort(new Error("never")) }));
    await stage.outcome("usual reason", () => pMap([1], slow(stage), { signal: AbortSignal.abort() }));
  },

  "every outcome, none of them fatal": async ({ pMapSettled }, stage) =>
    stage.outcome("settled", () => pMapSettled([4, 3, 2, 1], failing(stage, 2), { concurrency: 2 })),

  "by key": async ({ pMapKeyed }, stage) => {
    const half = async (/** @type {number} */ n, /** @type {string} */ key) => {
      stage.note("map", key, n);
      await stage.after(n);
      if (n > 8) throw new RangeError(`${key} is too large`);
      return n / 2;
    };
    await stage.outcome("object", () =>
      pMapKeyed({ a: 4, b: stage.after(1, 2), __proto__: null }, half, { concurrency: 1 }),
    );
    await stage.outcome("map", () => pMapKeyed(new Map([["a", 4]]), half));
    await stage.outcome("failing", () => pMapKeyed({ a: 2, b: 9 }, half));
  },

  "by key, settled": async ({ pMapSettledKeyed, pMapSkip }, stage) => {
    const pick = async (/** @type {number} */ n) => {
      if (n > 2) throw new RangeError(`${n}`);
      return n === 2 ? pMapSkip : n;
    };
    await stage.outcome("object", () =>
      pMapSettledKeyed({ a: 1, b: 2, c: 3, d: Promise.reject(new Error("d")) }, pick),
    );
  },

  "as an iterable": async ({ pMapIterable }, stage) => {
    for await (const n of pMapIterable([3, 1, 2], slow(stage))) stage.note("got", n);
    for await (const n of pMapIterable(source(stage, 3), slow(stage), { concurrency: 1 })) stage.note("got", n);
  },

  "as an iterable that does not run ahead": async ({ pMapIterable }, stage) => {
    const mapped = pMapIterable(source(stage, 5), slow(stage), { concurrency: 1, backpressure: 2 });
    for await (const n of mapped) {
      stage.note("got", n);
      await stage.after(10);
    }
  },

  "as an iterable in order of completion": async ({ pMapIterable }, stage) => {
    const mapped = pMapIterable([5, 1, 3], slow(stage), { preserveOrder: false });
    for await (const n of mapped) stage.note("got", n);
  },

  "leaving an iterable early closes the source": async ({ pMapIterable }, stage) => {
    for await (const n of pMapIterable(source(stage, 9), slow(stage), { concurrency: 2 })) {
      stage.note("got", n);
      if (n === 20) break;
    }
    await stage.after(10);
  },

  "an iterable that fails": async ({ pMapIterable }, stage) =>
    stage.outcome("loop", async () => {
      for await (const n of pMapIterable([1, 2, 3], failing(stage, 2), { concurrency: 2 })) stage.note("got", n);
    }),

  "skipping and stopping an iterable": async ({ pMapIterable, pMapSkip, pMapStop }, stage) => {
    const pick = async (/** @type {number} */ n) => (n === 2 ? pMapSkip : n === 4 ? pMapStop : n);
    for await (const n of pMapIterable(source(stage, 9), pick, { concurrency: 1 })) stage.note("got", n);
  },

  "bad arguments are refused": async ({ default: pMap, pMapSettled, pMapKeyed, pMapIterable }, stage) => {
    const same = (/** @type {unknown} */ value) => value;
    await stage.outcome("no input", () => pMap(undefined, same));
    await stage.outcome("number", () => pMap(7, same));
    await stage.outcome("no mapper", () => pMap([1]));
    for (const concurrency of [0, 1.5, NaN, "2"]) {
      await stage.outcome(`concurrency ${concurrency}`, () => pMap([1], same, { concurrency }));
    }
    await stage.outcome("settled", () => pMapSettled(null, same));
    await stage.outcome("keyed", () => pMapKeyed(7, same));
    await stage.outcome("keyed, no mapper", () => pMapKeyed({}));
    await stage.outcome("iterable", () => pMapIterable([1], same, { concurrency: 2, backpressure: 1 }));
    await stage.outcome("null options", () => pMap([1], same, null));
  },
};

/** @param {import("../stage.js").Stage} stage */
function slow(stage) {
  return async (/** @type {number} */ n, /** @type {number} */ index) => stage.job(`${n} at ${index}`, n, n * 10)();
}

/**
 * Fails for every multiple of `divisor`.
 * @param {import("../stage.js").Stage} stage
 * @param {number} divisor
 */
function failing(stage, divisor) {
  return async (/** @type {number} */ n) => stage.job(`${n}`, n, n % divisor === 0 ? new Error(`no ${n}`) : n * 10)();
}

/**
 * Counts to `end`, slowly; notes when it is asked and when it is closed.
 * @param {import("../stage.js").Stage} stage
 * @param {number} end
 * @param {number} [dryAfter]
 */
async function* source(stage, end, dryAfter = Infinity) {
  try {
    for (let n = 1; n <= end; n++) {
      stage.note("asked for", n);
      await stage.after(1);
      if (n > dryAfter) throw new Error("dry");
      yield n;
    }
  } finally {
    stage.note("source closed");
  }
}
