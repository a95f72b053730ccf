/** A place that is recognised and stays as it is, for a reason of its own. */
import type { Candidate, CandidateKind, Reason } from "../plan.js";

export interface KeptSite {
  readonly pattern: string;
  readonly kind: CandidateKind;
  readonly reason: Reason;
  readonly disposition?: Candidate["disposition"];
}
