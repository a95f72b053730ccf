/** How a function is known before and after the first stage. */
import type { TS } from "../compiler.js";

/** What identifies a function in the original and in the outcome: where its parameters start. */
export function placeOf(node: TS.SignatureDeclaration): number {
  return node.parameters[0]?.getStart() ?? node.parameters.pos;
}

/** A function to be kept as it is, by its file and place. */
export function keyOf(fileName: string, place: number): string {
  return `${fileName} ${place}`;
}
