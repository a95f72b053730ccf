/** The examples of doc comments, and what they are run in. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

/** An `@example`. */
export interface Example {
  /** From the top of the workspace. */
  readonly file: string;
  /** What the comment describes: `Switch.run`. */
  readonly of: string;
  readonly text: string;
  /** The number in the file of the first line of the text. */
  readonly firstLine: number;
}

const top = join(import.meta.dirname, "..", "..");

export function examplesOf(file: string): Example[] {
  const text = readFileSync(join(top, file), "utf8");
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const examples: Example[] = [];
  const visit = (node: ts.Node): void => {
    for (const comment of ts.getJSDocCommentsAndTags(node)) {
      if (!ts.isJSDoc(comment) || comment.parent !== node) continue;
      const first = source.getLineAndCharacterOfPosition(comment.pos).line + 1;
      const lines = comment.getText(source).split("\n");
      // A line of the comment without what makes it one.
      const bare = lines.map((line) => line.replace(/^\s*(\/\*\*|\*\/|\*) ?/, "").replace(/\s*\*\/$/, ""));
      bare.forEach((line, index) => {
        if (!/^@example\b/.test(line)) return;
        const rest = bare.slice(index + 1);
        const length = rest.findIndex((next) => /^@[a-z]/.test(next));
        const example = (length < 0 ? rest : rest.slice(0, length)).join("\n").trimEnd();
        examples.push({ file, of: nameOf(node), text: `${example}\n`, firstLine: first + index + 1 });
      });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return examples;
}

function nameOf(node: ts.Node): string {
  if (ts.isVariableStatement(node)) return nameOf(node.declarationList.declarations[0]!);
  const name = (node as Partial<ts.NamedDeclaration>).name?.getText();
  const owner = ts.isClassElement(node) && ts.isClassLike(node.parent) ? node.parent.name?.text : undefined;
  return [owner, name].filter(Boolean).join(".");
}

/** The names that a piece of code uses and does not declare. */
export function freeNamesOf(text: string): Set<string> {
  const source = ts.createSourceFile("example.ts", text, ts.ScriptTarget.Latest, true);
  const used = new Set<string>();
  const declared = new Set<string>();
  const visit = (node: ts.Node): void => {
    ts.forEachChild(node, visit);
    if (!ts.isIdentifier(node)) return;
    const { parent } = node;
    if ((parent as Partial<ts.NamedDeclaration>).name !== node) {
      const isKey =
        (ts.isBindingElement(parent) && parent.propertyName === node) ||
        (ts.isQualifiedName(parent) && parent.right === node);
      if (!isKey) used.add(node.text);
    } else if (ts.isShorthandPropertyAssignment(parent)) used.add(node.text);
    else if (!ts.isPropertyAccessExpression(parent) && !ts.isPropertyAssignment(parent)) declared.add(node.text);
  };
  visit(source);
  return new Set([...used].filter((name) => !declared.has(name)));
}

/** How an example stands in the code around it. */
export type Kind = "fiber" | "async" | "module";

/** What ordinary code calls, and fibers do not. */
const FOR_ORDINARY_CODE = new Set(["mock", "startRoot"]);

/** By what is in it outside of its functions: an example is the inside of a fiber unless it shows something else. */
export function kindOf(text: string): Kind {
  const source = ts.createSourceFile("example.ts", text, ts.ScriptTarget.Latest, true);
  if (source.statements.some((node) => ts.isImportDeclaration(node) || ts.isModuleDeclaration(node))) return "module";
  let kind: Kind = "fiber";
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) return;
    if (
      ts.isAwaitExpression(node) ||
      node.kind === ts.SyntaxKind.AwaitKeyword ||
      (ts.isIdentifier(node) && FOR_ORDINARY_CODE.has(node.text))
    )
      kind = "async";
    else ts.forEachChild(node, visit);
  };
  visit(source);
  return kind;
}
