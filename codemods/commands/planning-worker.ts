/** What runs in the thread that planning-thread.ts starts. */

import { parentPort, workerData } from "node:worker_threads";
import { MigrationError, type ExitCode } from "../failure.js";
import { planMigration, type PlanRequest } from "../migrate.js";
import type { MigrationPlan, Progress } from "../plan.js";

/** Errors lose their class on the way between threads, so those with an exit code are taken apart. */
export type PlanningMessage =
  | { readonly kind: "progress"; readonly progress: Progress }
  | { readonly kind: "plan"; readonly plan: MigrationPlan }
  | { readonly kind: "failure"; readonly exitCode: ExitCode; readonly text: string };

const send = (message: PlanningMessage) => parentPort?.postMessage(message);

try {
  const onProgress = (progress: Progress) => send({ kind: "progress", progress });
  send({ kind: "plan", plan: await planMigration({ ...(workerData as PlanRequest), onProgress }) });
} catch (error) {
  if (!(error instanceof MigrationError)) throw error;
  send({ kind: "failure", exitCode: error.exitCode, text: error.message });
}
