// Effects, for the conformance suites.

import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import { fromEffect, toEffect } from "@trestle/bridges/effect";
import type { Source } from "../incoming.js";
import type { Outcome, Sides } from "./world.js";

/** An effect that is answered from outside, and can be interrupted. */
function answered(): Source {
  type Waiter = (answer: Effect.Effect<unknown, unknown>) => void;
  const waiters = new Set<Waiter>();
  let touched = 0;
  const effect = Effect.callback<unknown, unknown>((resume) => {
    touched++;
    waiters.add(resume);
    return Effect.sync(() => void waiters.delete(resume));
  });
  const answer = (given: Effect.Effect<unknown, unknown>) => {
    for (const waiter of [...waiters]) {
      waiters.delete(waiter);
      waiter(given);
    }
  };
  return {
    op: fromEffect(effect),
    settle: (value) => answer(Effect.succeed(value)),
    fail: (error) => answer(Effect.fail(error)),
    touched: () => touched,
    registered: () => waiters.size,
  };
}

export const effect: Sides = {
  incoming: { fromEffect: [answered, { answersLater: true }] },
  outgoing: {
    toEffect: [
      (body, sw) => {
        const controller = new AbortController();
        const exit = Effect.runPromiseExit(toEffect(body, sw ? { sw } : {}), { signal: controller.signal });
        const outcome = exit.then((ended): Outcome => {
          if (ended._tag === "Success") return { value: ended.value };
          const [reason] = ended.cause.reasons.filter(({ _tag }) => _tag !== "Interrupt");
          if (reason === undefined) return { error: ended.cause };
          return { error: Cause.isFailReason(reason) ? reason.error : (reason as Cause.Die).defect };
        });
        return {
          outcome,
          stop: () => controller.abort(),
          stopped: outcome.then((ended) => ("error" in ended ? ended.error : undefined)),
        };
      },
    ],
  },
};
