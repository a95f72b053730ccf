/** What stands behind the decisions about functions: where each is used, and what ties it to others. */
import type { TS } from "../compiler.js";
import type { Explanation } from "../plan.js";
import { directRuns, type Analysis, type Decisions } from "./decide.js";
import type { AsyncFunction } from "./functions.js";
import { unitsOf } from "./units.js";
import { enclosingClass } from "./syntax.js";

export function explanationsOf(analysis: Analysis, decisions: Decisions): Explanation[] {
  const { functions, references, groups } = analysis;
  const runs = directRuns(analysis, decisions);
  const units = new Map(unitsOf(analysis).flatMap((unit) => unit.map((fn) => [fn, unit] as const)));
  return functions.map((fn) => {
    const unit = new Set(units.get(fn) ?? []);
    const ties = groups
      .membersOf(fn)
      .filter((member) => member !== fn)
      .map((member) => ({
        ...placeOf(member.file, member.node),
        text: `stands for ${nameOf(member)} through inheritance`,
      }));
    for (const [target, uses] of references) {
      if (!unit.has(target)) continue;
      for (const use of uses) {
        if (!use.within.includes(fn)) continue;
        // Only what leads back to the function makes a circle.
        if (target === fn || unit.size > 1) {
          ties.push({
            ...placeOf(use.file, use.node),
            text: target === fn ? "calls itself" : `calls ${nameOf(target)}`,
          });
        }
      }
    }
    return {
      file: fn.file.fileName,
      start: fn.node.getStart(fn.file),
      names: fn.name === undefined ? [] : [fn.name, nameOf(fn)],
      ties,
      uses: (references.get(fn) ?? [])
        .filter(({ role }) => role !== "import")
        .map((use) => ({
          ...placeOf(use.file, use.node),
          direct: runs.has(use.call ?? use.node),
          exported: use.role === "export",
          within: use.from === undefined ? undefined : nameOf(use.from),
        })),
    };
  });
}

function nameOf(fn: AsyncFunction): string {
  const owner = fn.form === "method" ? enclosingClass(fn.node)?.name?.text : undefined;
  return owner === undefined ? fn.label : `${owner}.${fn.label}`;
}

function placeOf(file: TS.SourceFile, node: TS.Node): { file: string; line: number; column: number } {
  const { line, character } = file.getLineAndCharacterOfPosition(node.getStart(file));
  return { file: file.fileName, line: line + 1, column: character + 1 };
}
