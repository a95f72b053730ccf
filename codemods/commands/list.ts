/** `trestle list`: the transforms and the reason codes that reports name. */

import { ExitCode } from "../failure.js";
import { describeReason, remedyOf } from "../reason-descriptions.js";
import { reasons, type ReasonCode } from "../reasons.js";
import { transforms } from "../transforms.js";
import type { Invocation } from "./invocation.js";

export interface ListOptions {
  readonly json: boolean;
}

export async function list({ io }: Invocation, { json }: ListOptions): Promise<ExitCode> {
  const codes = (Object.keys(reasons) as ReasonCode[]).sort();
  if (json) {
    const listed = {
      transforms: Object.entries(transforms).map(([id, text]) => ({ id, text })),
      reasons: codes.map((code) => ({ code, name: reasons[code], text: describeReason(code), remedy: remedyOf(code) })),
    };
    io.stdout.write(`${JSON.stringify(listed, null, 2)}\n`);
    return ExitCode.ok;
  }
  const width = Math.max(...codes.map((code) => reasons[code].length));
  const lines = [
    "Transforms",
    ...Object.entries(transforms).map(([id, text]) => `  ${id}  ${text}`),
    "",
    "Reasons",
    ...codes.map((code) => `  ${code}  ${reasons[code].padEnd(width)}  ${describeReason(code)}`),
  ];
  io.stdout.write(`${lines.join("\n")}\n`);
  return ExitCode.ok;
}
