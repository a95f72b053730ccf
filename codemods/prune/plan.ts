/**
 * Plans to remove the façades that nobody uses any more, and the bridges that they leave between two fiber functions.
 * When asked, the fiber function gets its plain name back. Nothing is written here.
 */
import { bisect } from "../bisect.js";
import { editedProgram } from "../overlay.js";
import type { FileChange, Progress } from "../plan.js";
import { newDiagnostics } from "../new-diagnostics.js";
import { loadProject, textOnDisk, type LoadRequest, type LoadedProject } from "../project.js";
import type { TS } from "../compiler.js";
import { facadesIn, type Facade } from "./facades.js";
import { fusionsOf, remaining, type Fusion } from "./fusions.js";
import { canRename, reasonToKeep } from "./obstacles.js";
import { editedTexts, isFacade, type Step } from "./texts.js";
import { findUses } from "./uses.js";

export interface PruneRequest extends LoadRequest {
  /** Also façades that are exported, and methods that are not private: the program must be all there is. */
  readonly exported?: boolean | undefined;
  /** Give the fiber function the name of the façade. */
  readonly rename?: boolean | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

export interface PrunedFacade {
  readonly name: string;
  /** Of the fiber function that stays. */
  readonly fiberName: string;
  readonly renamed: boolean;
  /** Absolute path. */
  readonly file: string;
  /** One-based. */
  readonly line: number;
}

export interface KeptFacade extends Omit<PrunedFacade, "renamed"> {
  readonly why: string;
}

export interface FusedBridge {
  readonly name: string;
  /** Absolute path. */
  readonly file: string;
  /** One-based. */
  readonly line: number;
}

export interface PrunePlan {
  readonly root: string;
  readonly pruned: readonly PrunedFacade[];
  /** Where a fiber called a façade and now runs its fiber function. */
  readonly fused: readonly FusedBridge[];
  readonly kept: readonly KeptFacade[];
  readonly changes: readonly FileChange[];
  readonly remarks: readonly string[];
}

export async function planPrune(request: PruneRequest): Promise<PrunePlan> {
  // A façade without users may be an error by itself; only new ones count.
  const project = loadProject({ ...request, allowBaselineErrors: true }, request.onProgress);
  const facades = project.sources.flatMap((file) => facadesIn(file, project.program.getTypeChecker()));
  const uses = findUses(project, facades);
  const fusions = facades.flatMap((facade) => fusionsOf(project, facade, uses));
  const kept: KeptFacade[] = [];
  const unused: Facade[] = [];
  for (const facade of facades) {
    const why = reasonToKeep(project, facade, remaining(uses, fusions), request, fusions);
    if (why === undefined) unused.push(facade);
    else kept.push({ ...described(facade), why });
  }
  // A façade goes only after the calls that used it.
  const steps: readonly Step[] = [...fusions, ...unused];
  const isSound = (set: readonly Step[]): boolean => checks(project, editedTexts(project, set, uses, request));
  request.onProgress?.({ phase: "verify", done: 0, total: 1 });
  let taken = steps;
  if (steps.length > 0 && !isSound(steps)) {
    const bisection = await bisect(steps, (set) => Promise.resolve(isSound(set)));
    taken = bisection.sound;
    for (const step of bisection.guilty) {
      if (isFacade(step)) kept.push({ ...described(step), why: "without it the program does not type-check" });
    }
  }
  const sound = taken.filter(isFacade);
  const changes: FileChange[] = [];
  for (const [file, text] of editedTexts(project, taken, uses, request)) {
    const before = textOnDisk(file.fileName);
    changes.push({ path: file.fileName, before, after: before.startsWith("\uFEFF") ? `\uFEFF${text}` : text });
  }
  return {
    root: project.root,
    pruned: sound.map((facade) => ({
      ...described(facade),
      renamed: request.rename === true && canRename(project, facade, uses),
    })),
    fused: taken.flatMap((step) => (isFacade(step) ? [] : [describedFusion(step)])),
    kept: kept.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line)),
    changes: changes.sort((a, b) => (a.path < b.path ? -1 : 1)),
    remarks: project.remarks,
  };
}

function describedFusion({ facade, use }: Fusion): FusedBridge {
  const file = use.getSourceFile();
  const { line } = file.getLineAndCharacterOfPosition(use.getStart(file));
  return { name: facade.name.text, file: file.fileName, line: line + 1 };
}

function described(facade: Facade): Omit<PrunedFacade, "renamed"> {
  const { line } = facade.file.getLineAndCharacterOfPosition(facade.name.getStart(facade.file));
  return {
    name: facade.name.text,
    fiberName: facade.twinName.text,
    file: facade.file.fileName,
    line: line + 1,
  };
}

/** Whether the edited program has no diagnostic that the program does not have already. */
function checks(project: LoadedProject, texts: ReadonlyMap<TS.SourceFile, string>): boolean {
  const edited = new Map([...texts].map(([file, text]) => [file.fileName, { text }]));
  const program = editedProgram(project, edited);
  const files = [...project.sources, ...project.tests];
  return newDiagnostics(project, program, edited.keys(), files).length === 0;
}
