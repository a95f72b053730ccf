/**
 * Plans in a thread of its own. The compiler computes for seconds on end; meanwhile this thread draws the progress
 * and answers an interruption at once.
 */

import { Worker } from "node:worker_threads";
import { ExitCode, MigrationError } from "../failure.js";
import { errorCode } from "../file-system.js";
import type { MigrationPlan } from "../plan.js";
import type { Engine } from "./invocation.js";
import type { PlanningMessage } from "./planning-worker.js";

/** Works from the build only: a thread starts from a JavaScript file. */
export const planInThread: Engine["planMigration"] = ({ onProgress, signal, ...request }) =>
  new Promise<MigrationPlan>((done, fail) => {
    const worker = new Worker(new URL("./planning-worker.js", import.meta.url), { workerData: request });
    const interrupt = () => {
      void worker.terminate();
      fail(signal?.reason);
    };
    if (signal?.aborted) interrupt();
    signal?.addEventListener("abort", interrupt, { once: true });

    worker.on("message", (message: PlanningMessage) => {
      if (message.kind === "progress") onProgress?.(message.progress);
      else if (message.kind === "plan") done(message.plan);
      else fail(new MigrationError(message.exitCode, message.text));
    });
    worker.on("error", (error) => fail(errorCode(error) === "ERR_WORKER_OUT_OF_MEMORY" ? tooLarge(error) : error));
    worker.on("exit", (code) => {
      signal?.removeEventListener("abort", interrupt);
      // Has no effect if the plan has arrived.
      fail(new Error(`the planning thread ended early, with code ${code}`));
    });
  });

function tooLarge(cause: Error): MigrationError {
  return new MigrationError(
    ExitCode.badInput,
    "the project does not fit into the memory that Node may use; " +
      "allow more with the environment variable NODE_OPTIONS=--max-old-space-size=8192 (megabytes), " +
      "or migrate it in parts, each with a tsconfig.json of its own",
    { cause },
  );
}
