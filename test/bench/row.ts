/** What a row of the benchmark is made of. */

/** For contenders that have to prepare something first: only what is between the two calls is measured. */
export interface Watch {
  start(): void;
  stop(): void;
}

/** The same work written for one library; resolves to what shows that the work was done. */
export type Contender = (size: number, watch: Watch) => Promise<unknown>;

/** What is promised: our time over theirs, or merely that it completes. */
export type Bar = { readonly against: string; readonly most: number } | { readonly completes: true };

export interface Row {
  /** For `--only`. */
  readonly key: string;
  /** The work, for people. */
  readonly title: string;
  /** How often it is done, and what that counts. */
  readonly size: number;
  readonly of: string;
  /** By default time. */
  readonly measures?: "heap";
  /** The contender that the bars are about; by default `trestle`. */
  readonly ours?: string;
  readonly contenders: Readonly<Record<string, Contender>>;
  /** What each contender has to resolve to. */
  expected(size: number, contender: string): unknown;
  /** Contenders that cannot do the work and may say so by an error. */
  readonly mayFail?: readonly string[];
  /** Smaller sizes, for contenders that take more than their share of time; they are compared by the item. */
  readonly sizes?: Readonly<Record<string, number>>;
  readonly bars: readonly Bar[];
}

/** How one contender did. */
export interface Outcome {
  readonly contender: string;
  readonly size: number;
  /** The median over the rounds, for the whole size: milliseconds, or bytes where the row measures the heap. */
  readonly median?: number;
  /** Half the distance between the quartiles, as a share of the median. */
  readonly spread?: number;
  /** The median over the rounds of what ours takes an item, divided by what this one takes in the same round. */
  readonly ratio?: number;
  /** The name of the error, where the contender cannot do it. */
  readonly failed?: string;
}

/** How a bar was kept. */
export interface Verdict {
  readonly of: string;
  readonly against?: string;
  readonly most?: number;
  readonly ratio?: number;
  readonly ok: boolean;
}

export interface Report {
  readonly key: string;
  readonly title: string;
  /** The size for most contenders. */
  readonly size: number;
  readonly unit: "ms" | "bytes";
  readonly outcomes: readonly Outcome[];
  readonly verdicts: readonly Verdict[];
}
