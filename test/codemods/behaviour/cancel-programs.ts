/**
 * Cancels migrated programs at each of their suspensions. Nothing after it may run but clean-up, once and to its end;
 * no handler may see the cancellation, and nothing may go on when the program has ended.
 */
import * as bridges from "@trestle/bridges";
import * as trestle from "trestle";
import { Cancel, type Op } from "trestle";
import { comparePrograms, drawn, type Batch, type Variant } from "./compare-programs.js";
import { load } from "./run-program.js";
import { watch, type Run, type World } from "./virtual-world.js";

export interface Cancelled {
  /** How often a program was cancelled. */
  readonly cancelled: number;
  readonly mistakes: readonly string[];
}

const { toPromise } = bridges;
const reason = new Error("stop");

/** Programs of one task, none of whose functions stays async: what they bridge is only the world. */
export async function cancelBatch(batch: Batch): Promise<Cancelled> {
  const programs = drawn(batch).filter(({ leavesCleanup }) => !leavesCleanup);
  const { variants } = await comparePrograms({ ...batch, borders: 1 }, programs);
  const mistakes: string[] = [];
  let cancelled = 0;
  for (const variant of variants) {
    if (/\basync\b|\.(then|catch|finally)\b/.test(Object.values(variant.after).join("\n"))) continue;
    const found = await cancelEverywhere(variant);
    cancelled += found.cancelled;
    mistakes.push(...found.mistakes);
  }
  return { cancelled, mistakes };
}

async function cancelEverywhere(variant: Variant): Promise<Cancelled> {
  const whole = await run(variant, Infinity);
  // What a façade has started is not part of the program that is cancelled.
  if (whole === undefined || whole.crosses) return { cancelled: 0, mistakes: [] };
  const mistakes: string[] = [];
  let cancelled = 0;
  for (let at = 0; at < 30; at++) {
    const cut = await run(variant, at);
    if (cut === undefined || cut.at === undefined) break;
    cancelled++;
    const wrong = mistakesIn(cut, cut.at, whole.run);
    if (wrong.length > 0) {
      mistakes.push(
        `${variant.batch.kind} program ${variant.index} of seed ${variant.batch.seed}, cancelled at ${at}: ${wrong.join("; ")}\n` +
          `${variant.after.lib}\n${variant.after.main}\n${JSON.stringify(cut.run, null, 1)}`,
      );
    }
  }
  return { cancelled, mistakes };
}

interface Cut {
  readonly run: Run;
  /** How much had been logged when it was cancelled; undefined when it had ended by itself. */
  readonly at: number | undefined;
  /** Whether clean-up was under way then. */
  readonly isProtected: boolean;
  /** What was said afterwards, and not by clean-up. */
  readonly stray: readonly string[];
  /** Whether it has called a façade of its own. */
  readonly crosses: boolean;
}

/** Runs the program and cancels it before its step of this number. */
async function run(variant: Variant, step: number): Promise<Cut | undefined> {
  let crosses = false;
  const crossing =
    <A extends unknown[], R>(make: (...given: A) => R) =>
    (...given: A): R => {
      crosses = true;
      return make(...given);
    };
  let protecting = 0;
  const protect = (body: () => Op<unknown>): Op<unknown> =>
    Cancel.protect(function* () {
      protecting++;
      try {
        return yield* body();
      } finally {
        protecting--;
      }
    });
  const loaded = await load(variant.after, {
    trestle: { ...trestle, Cancel: { ...Cancel, protect } },
    "@trestle/bridges": { ...bridges, toPromise: crossing(toPromise), toAsync: crossing(bridges.toAsync) },
  });
  const controller = new AbortController();
  let at: number | undefined;
  let isProtected = false;
  let cleaning = false;
  const stray: string[] = [];
  let ended = false;
  const outcome = await watch(
    async (world) => {
      const log: World["log"] = (task, event) => {
        // A cancellation during clean-up is noticed at the first wait behind it, and a clean-up says what it likes.
        if (at !== undefined) {
          cleaning ||= isProtected || protecting > 0 || /^(clean up|finally|left)/.test(String(event));
          if (!cleaning) stray.push(String(event));
        }
        world.log(task, event);
      };
      const { mainOp } = loaded({ ...world, log });
      try {
        return await toPromise(mainOp as () => Op<unknown>, { signal: controller.signal });
      } finally {
        ended = true;
      }
    },
    (now, log) => {
      if (now !== step || ended) return;
      at = log.length;
      isProtected = protecting > 0;
      controller.abort(reason);
    },
  );
  return outcome && { run: outcome, at, isProtected, stray, crosses };
}

function mistakesIn(cut: Cut, at: number, whole: Run): string[] {
  const wrong: string[] = [];
  const { log, outcome, settledAfter } = cut.run;
  const events = log.map(({ event }) => event);
  const before = JSON.stringify(log.slice(0, at)) === JSON.stringify(whole.log.slice(0, at));
  if (!before) wrong.push("it did something else before it was cancelled");
  // One that comes during clean-up may find nothing more to cancel.
  if (!outcome.startsWith("threw ") && !cut.isProtected) wrong.push(`the cancellation was swallowed: it ${outcome}`);
  if (events.some((event) => /Cancelled|AbortError|Error: stop/.test(event)))
    wrong.push("a handler saw the cancellation");
  if (log.length > settledAfter) wrong.push("something went on when it had ended");
  const counts = new Map<string, number>();
  for (const event of events) {
    const [, what, mark] = /^"(enter|clean up) (\w+)"$/.exec(event) ?? [];
    if (mark !== undefined) counts.set(mark, (counts.get(mark) ?? 0) + (what === "enter" ? 1 : -1));
  }
  for (const [mark, left] of counts)
    if (left !== 0) wrong.push(`${mark} was cleaned up ${left < 0 ? "twice" : "never"}`);
  for (const event of cut.stray) wrong.push(`${event} was run after the cancellation`);
  return wrong;
}
