/**
 * Tells on stderr how far long work has come: a bar on a terminal, and otherwise a line when a step begins and now
 * and then while it goes on, so that a log stays short.
 */

import cliProgress from "cli-progress";
import type { Progress } from "./plan.js";
import type { OutputStream } from "./terminal.js";

export interface ProgressDisplay {
  update(progress: Progress): void;
  /** Leaves no trace on a terminal. Nothing else may be printed before. */
  stop(): void;
}

const labels: Record<Progress["phase"], string> = {
  load: "reading the project",
  check: "type-checking",
  analyse: "analysing",
  rewrite: "rewriting",
  verify: "checking the result",
  write: "writing files",
  survey: "checking the batches",
  prove: "running the command that verifies",
};

const secondsBetweenLines = 5;

export function showProgress(stream: OutputStream): ProgressDisplay {
  return stream.isTTY ? progressBar(stream) : progressLines(stream);
}

export const noProgress: ProgressDisplay = { update: () => undefined, stop: () => undefined };

interface BarPayload {
  readonly phase: string;
}

function progressBar(stream: OutputStream): ProgressDisplay {
  const bar = new cliProgress.SingleBar(
    {
      stream,
      // A step that cannot count its work has no use for a bar.
      format: (options, { progress, value, total }, { phase }: BarPayload) =>
        total > 1 ? `${phase} [${cliProgress.Format.BarFormat(progress, options)}] ${value}/${total}` : `${phase} ...`,
      clearOnComplete: true,
      // An interrupted run must leave the terminal as it was, so nothing about it is changed.
      hideCursor: null,
      linewrap: true,
      gracefulExit: false,
    },
    cliProgress.Presets.legacy,
  );
  let started = false;
  return {
    update({ phase, done, total }) {
      const payload: BarPayload = { phase: labels[phase] };
      if (!started) bar.start(total, done, payload);
      started = true;
      bar.setTotal(total);
      bar.update(done, payload);
    },
    stop() {
      if (started) bar.stop();
      started = false;
    },
  };
}

function progressLines(stream: OutputStream): ProgressDisplay {
  let current: Progress["phase"] | undefined;
  let spokenAt = 0;
  return {
    update({ phase, done, total }) {
      const now = performance.now();
      if (phase === current && now - spokenAt < secondsBetweenLines * 1000) return;
      stream.write(phase === current ? `${labels[phase]}: ${done} of ${total}\n` : `${labels[phase]}\n`);
      current = phase;
      spokenAt = now;
    },
    stop: () => undefined,
  };
}
