/** Exit codes of the command line, as documented in its help. */
export const ExitCode = {
  ok: 0,
  /** `--check` found work, or lint found errors. */
  workRemains: 1,
  usage: 2,
  dirtyTree: 3,
  badInput: 4,
  rolledBack: 5,
  conflict: 6,
  internal: 70,
  interrupted: 130,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** A failure the user can do something about: the message names the thing and the way out. */
export class MigrationError extends Error {
  override readonly name = "MigrationError";
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
