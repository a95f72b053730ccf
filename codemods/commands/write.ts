/** Writes the edits of an analysis, and shows how far that has come. */

import type { FileEdit } from "../file-edit.js";
import { noProgress, showProgress } from "../progress.js";
import { replaceFiles } from "../transaction.js";
import type { Invocation, ReadingOptions } from "./invocation.js";

/** @param confirm see {@link replaceFiles} */
export async function writeEdits<
  A extends { readonly edits: readonly FileEdit[]; readonly report: { readonly root: string } },
>(
  { io, engine }: Invocation,
  analysis: A,
  options: Pick<ReadingOptions, "quiet">,
  confirm?: () => Promise<void>,
): Promise<A> {
  const progress = options.quiet ? noProgress : showProgress(io.stderr);
  try {
    await replaceFiles(analysis.edits, {
      root: analysis.report.root,
      fs: engine.fs,
      signal: io.signal,
      keep: true,
      onProgress: (step) => progress.update(step),
      confirm:
        confirm === undefined
          ? undefined
          : async () => {
              progress.update({ phase: "prove", done: 0, total: 1 });
              await confirm();
            },
    });
    return analysis;
  } finally {
    progress.stop();
  }
}
