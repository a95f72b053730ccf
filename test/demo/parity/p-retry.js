// @ts-check
// p-retry: try again, waiting longer each time. The waits are real, and short.

const quick = { minTimeout: 1, factor: 1 };

/** @type {Record<string, import("../stage.js").Check>} */
export const checks = {
  "what it exports": (subject, stage) => stage.shape(subject, ["default", "AbortError"]),

  "success at once": async ({ default: pRetry }, stage) => {
    const result = stage.outcome("plain", () => pRetry(attempts(stage, 0), quick));
    stage.note("called");
    await result;
    await stage.outcome("without options", () => pRetry(() => "value"));
  },

  "success at the third attempt": async ({ default: pRetry }, stage) =>
    stage.outcome("retry", () => pRetry(attempts(stage, 2), { retries: 5, minTimeout: 2, factor: 2 })),

  "giving up": async ({ default: pRetry }, stage) =>
    stage.outcome("retry", () => pRetry(attempts(stage, 9), { ...quick, retries: 2 })),

  "no retries at all": async ({ default: pRetry }, stage) =>
    stage.outcome("retry", () => pRetry(attempts(stage, 9), { ...quick, retries: 0 })),

  "an abort error ends it": async ({ default: pRetry, AbortError }, stage) => {
    await stage.outcome("with a message", () =>
      pRetry(() => {
        stage.note("attempt");
        throw new AbortError("stop");
      }, quick),
    );
    await stage.outcome("around an error", () =>
      pRetry(() => Promise.reject(new AbortError(new RangeError("far"))), quick),
    );
  },

  "what an abort error is": ({ AbortError }, stage) => {
    const wrapped = new AbortError("plain");
    stage.note(wrapped, wrapped instanceof Error, wrapped.originalError);
    const range = new RangeError("far");
    stage.note(new AbortError(range).originalError === range);
  },

  "a programmer's error is not retried, a network error is": async ({ default: pRetry }, stage) => {
    let calls = 0;
    await stage.outcome("type error", () =>
      pRetry(() => {
        stage.note("attempt", ++calls);
        throw new TypeError("undefined is not a function");
      }, quick),
    );
    calls = 0;
    await stage.outcome("network error", () =>
      pRetry(
        () => {
          stage.note("attempt", ++calls);
          const error = new TypeError("fetch failed");
          error.stack = "TypeError: fetch failed";
          throw error;
        },
        { ...quick, retries: 2 },
      ),
    );
  },

  "what is not an error is refused": async ({ default: pRetry }, stage) => {
    await stage.outcome("text", () => pRetry(() => Promise.reject("text"), quick));
    await stage.outcome("nothing", () => pRetry(() => Promise.reject(undefined), quick));
  },

  "failures are reported as they happen": async ({ default: pRetry }, stage) =>
    stage.outcome("retry", () =>
      pRetry(attempts(stage, 2), {
        ...quick,
        retries: 3,
        onFailedAttempt: async (/** @type {any} */ error) => {
          stage.note("failed", error.message, error.attemptNumber, error.retriesLeft);
          await stage.after(3);
          stage.note("reported");
        },
      }),
    ),

  "a report that fails ends it": async ({ default: pRetry }, stage) => {
    await stage.outcome("throws", () =>
      pRetry(attempts(stage, 2), {
        ...quick,
        onFailedAttempt() {
          throw new Error("cannot report");
        },
      }),
    );
    await stage.outcome("rejects", () =>
      pRetry(attempts(stage, 2), { ...quick, onFailedAttempt: () => Promise.reject(new Error("report lost")) }),
    );
  },

  "whether to go on can be asked": async ({ default: pRetry }, stage) => {
    const shouldRetry = async (/** @type {any} */ error) => {
      await stage.after(1);
      stage.note("asked", error.attemptNumber);
      return error.attemptNumber < 2;
    };
    await stage.outcome("no", () => pRetry(attempts(stage, 9), { ...quick, shouldRetry }));
    await stage.outcome("yes", () => pRetry(attempts(stage, 1), { ...quick, shouldRetry }));
    await stage.outcome("throws", () =>
      pRetry(attempts(stage, 1), {
        ...quick,
        shouldRetry() {
          throw new Error("who knows");
        },
      }),
    );
  },

  "an abort while waiting": async ({ default: pRetry }, stage) => {
    const controller = new AbortController();
    const retrying = stage.outcome("retry", () =>
      pRetry(attempts(stage, 9), { minTimeout: 10_000, signal: controller.signal }),
    );
    await stage.after(3);
    controller.abort(new Error("enough"));
    await retrying;
  },

  "an abort during an attempt": async ({ default: pRetry }, stage) => {
    const controller = new AbortController();
    const retrying = stage.outcome("retry", () =>
      pRetry(stage.job("attempt", 5), { ...quick, signal: controller.signal }),
    );
    await stage.after(2);
    controller.abort();
    await retrying;
    await stage.after(5);
  },

  "two at the same time": async ({ default: pRetry }, stage) => {
    await Promise.all([
      stage.outcome("a", () => pRetry(stage.job("a", 2), quick)),
      stage.outcome("b", () => pRetry(stage.job("b", 1, new TypeError("b")), quick)),
    ]);
  },

  "not a function": async ({ default: pRetry }, stage) =>
    stage.outcome("text", () => pRetry("text", { ...quick, retries: 1 })),
};

/**
 * Fails `failures` times, then succeeds.
 * @param {import("../stage.js").Stage} stage
 * @param {number} failures
 */
function attempts(stage, failures) {
  return async (/** @type {number} */ attempt) => {
    stage.note("attempt", attempt);
    await stage.after(1);
    if (attempt <= failures) throw new Error(`failure ${attempt}`);
    return `success ${attempt}`;
  };
}
