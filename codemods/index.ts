/** The migration as a library: plan a project's migration in memory, and say why things are as they are. */
export { planMigration, type PlanRequest } from "./migrate.js";
export { MigrationError, ExitCode } from "./failure.js";
export { reasons, type ReasonCode } from "./reasons.js";
export { planPrune, type PrunePlan, type PruneRequest } from "./prune/plan.js";
export type { Config } from "./config.js";
export type { Candidate, CandidateKind, Disposition, FileChange, MigrationPlan, Progress, Reason } from "./plan.js";
