/** Where output goes, and the colours it may have there. */

import { styleText } from "node:util";

export interface OutputStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean | undefined;
}

export type Style = "bold" | "red" | "green" | "cyan";

export type Paint = (style: Style, text: string) => string;

export const plain: Paint = (_style, text) => text;

/** `NO_COLOR` with any value turns colours off, `FORCE_COLOR` turns them on where there is no terminal. */
export function paintFor(stream: OutputStream, env: NodeJS.ProcessEnv): Paint {
  if (env["NO_COLOR"]) return plain;
  const forced = env["FORCE_COLOR"] !== undefined && env["FORCE_COLOR"] !== "0";
  if (!forced && (!stream.isTTY || env["TERM"] === "dumb")) return plain;
  return (style, text) => styleText(style, text, { validateStream: false });
}
