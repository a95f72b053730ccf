/** Writes the files anew without the façades that go, and with the runs that were waits for them. */
import { ts, type TS } from "../compiler.js";
import type { LoadedProject } from "../project.js";
import { applyEdits, type Edit } from "../rewrite/edits.js";
import type { Facade } from "./facades.js";
import type { Fusion } from "./fusions.js";
import { importEdits } from "./imports.js";
import { canRename } from "./obstacles.js";
import type { PruneRequest } from "./plan.js";
import type { Uses } from "./uses.js";

export type Step = Fusion | Facade;

export function isFacade(step: Step): step is Facade {
  return "twin" in step;
}

export function editedTexts(
  project: LoadedProject,
  steps: readonly Step[],
  uses: Uses,
  { rename }: PruneRequest,
): Map<TS.SourceFile, string> {
  const checker = project.program.getTypeChecker();
  const facades = steps.filter(isFacade);
  const fusions = steps.filter((step): step is Fusion => !isFacade(step));
  const edits = new Map<TS.SourceFile, Edit[]>();
  const removed = new Map<TS.SourceFile, { start: number; end: number }[]>();
  const add = (file: TS.SourceFile, edit: Edit): void => {
    edits.set(file, [...(edits.get(file) ?? []), edit]);
  };
  const remove = (file: TS.SourceFile, span: { start: number; end: number }): void => {
    removed.set(file, [...(removed.get(file) ?? []), span]);
  };
  for (const facade of facades) {
    const span = removal(facade);
    remove(facade.file, span);
    add(facade.file, { ...span, text: "" });
  }
  const isRemoved = (node: TS.Node): boolean =>
    (removed.get(node.getSourceFile()) ?? []).some(({ start, end }) => start <= node.getStart() && node.end <= end);
  const finalName = (facade: Facade): string =>
    rename === true && facades.includes(facade) && canRename(project, facade, uses)
      ? facade.name.text
      : facade.twinName.text;
  for (const facade of facades) {
    const name = finalName(facade);
    if (name === facade.twinName.text) continue;
    const declared = facade.twin.declarations?.[0] as { name?: TS.Node } | undefined;
    for (const use of [...(uses.get(facade.twin) ?? []), ...(declared?.name === undefined ? [] : [declared.name])]) {
      if (isRemoved(use)) continue;
      const text = ts.isShorthandPropertyAssignment(use.parent) ? `${facade.twinName.text}: ${name}` : name;
      add(use.getSourceFile(), { start: use.getStart(), end: use.end, text });
    }
  }
  const wanted = new Map<TS.SourceFile, Set<string>>();
  for (const { facade, use, bridge } of fusions) {
    if (isRemoved(use)) continue;
    const file = use.getSourceFile();
    for (const [node, text] of [
      [bridge, "adopt"],
      [use, finalName(facade)],
    ] as const) {
      add(file, { start: node.getStart(), end: node.end, text });
      remove(file, { start: node.getStart(), end: node.end });
    }
    const names = wanted.get(file) ?? new Set<string>();
    wanted.set(file, names.add("adopt"));
    if (file !== facade.file) {
      // The import of the façade may already be that of the fiber function, by its new name.
      if (finalName(facade) !== facade.name.text) names.add(`${facade.name.text} ${facade.twinName.text}`);
      exportTwin(facade);
    }
  }
  const concerned = new Set([...removed.keys(), ...wanted.keys()]);
  for (const file of concerned) {
    const idle = new Set(facades.filter((each) => each.file === file).map(({ bridge }) => bridge.text));
    for (const { bridge, use, facade } of fusions) {
      if (use.getSourceFile() !== file) continue;
      idle.add(bridge.text);
      if (file !== facade.file && finalName(facade) !== facade.name.text) idle.add(facade.name.text);
    }
    for (const edit of importEdits(file, idle, wanted.get(file) ?? new Set(), removed.get(file) ?? [])) add(file, edit);
  }
  return new Map(
    [...edits].map(([file, list]) => {
      const unique = new Map(list.map((edit) => [`${edit.start} ${edit.end} ${edit.text}`, edit]));
      const sorted = [...unique.values()].sort((a, b) => a.start - b.start || a.end - b.end);
      return [file, applyEdits(file.text, sorted).text];
    }),
  );

  function exportTwin({ twin, file }: Facade): void {
    const statement = file.statements.find((each) =>
      (twin.declarations ?? []).some((own) => own.getStart() >= each.getStart() && own.end <= each.end),
    );
    const isExported =
      statement !== undefined &&
      ts.canHaveModifiers(statement) &&
      ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true;
    if (statement === undefined || isExported || checker.getSymbolAtLocation(file) === undefined) return;
    const start = statement.getStart(file);
    add(file, { start, end: start, text: "export " });
  }
}

/** The façade; its documentation passes to the fiber function behind it. */
function removal({ node, file, twin }: Facade): { start: number; end: number } {
  const siblings = ts.isClassLike(node.parent) ? node.parent.members : (node.parent as TS.Block).statements;
  const index = (siblings as readonly TS.Node[]).indexOf(node);
  const next = siblings[index + 1];
  const isTwin = (sibling: TS.Node | undefined): boolean =>
    sibling !== undefined &&
    (twin.declarations ?? []).some((each) => each.getStart() >= sibling.getStart() && each.end <= sibling.end);
  // JSDoc is in front of the start without it.
  const start = node.getStart(file, false);
  if (next !== undefined && isTwin(next)) return { start, end: next.getStart(file, !hasOwnComment(next, file)) };
  const before = siblings[index - 1];
  if (before !== undefined) return { start: before.end, end: node.end };
  return { start: node.getFullStart(), end: node.end };
}

function hasOwnComment(node: TS.Node, file: TS.SourceFile): boolean {
  return ts.getLeadingCommentRanges(file.text, node.getFullStart()) !== undefined;
}
