/**
 * What a file means, as text, once everything is taken away that a migration is meant to add or change: parentheses,
 * types, bridges around what is waited for, façades, guards against swallowed cancellations. The trees of a file before
 * and after are the same text, unless an edit made the parser see something else than was intended.
 */
import ts from "typescript";

/** The canonical text of each function and statement at the top of a file. */
export function canonicalTree(path: string, text: string): string {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  imported = new Set(file.statements.filter(ts.isImportDeclaration).flatMap(ownImports));
  return statements(file.statements);
}

/** What the file at hand imports from other files of its project; fiber twins are imported by other names. */
let imported: ReadonlySet<string> = new Set();

function ownImports(statement: ts.ImportDeclaration): string[] {
  if (!/^["']\./.test(statement.moduleSpecifier.getText())) return [];
  const clause = statement.importClause;
  const bindings = clause?.namedBindings;
  const named = bindings !== undefined && ts.isNamedImports(bindings) ? bindings.elements.map((e) => e.name.text) : [];
  return [...named, ...(clause?.name === undefined ? [] : [clause.name.text])];
}

function statements(list: readonly ts.Statement[]): string {
  return list
    .filter((statement) => !isAdded(statement))
    .map(canon)
    .filter((text) => text !== "")
    .join("\n");
}

/** Imports, façades and guards. */
function isAdded(statement: ts.Statement): boolean {
  if (ts.isExpressionStatement(statement) && ts.isCallExpression(statement.expression)) {
    const { expression } = statement.expression;
    if (isNamed(expression, "pair") || isNamed(expression, "pairMethods")) return true;
  }
  if (ts.isImportDeclaration(statement) || ts.isEmptyStatement(statement)) return true;
  if (ts.isFunctionDeclaration(statement)) return isFacadeBody(statement.body);
  if (ts.isVariableStatement(statement)) {
    const only = statement.declarationList.declarations[0];
    const value = only?.initializer;
    if (value === undefined || !ts.isCallExpression(value)) return false;
    if (isNamed(value.expression, "toAsync"))
      return value.arguments[0] !== undefined && ts.isIdentifier(value.arguments[0]);
    const required = isNamed(value.expression, "require") ? value.arguments[0]?.getText() : undefined;
    return required !== undefined && /trestle|^"\.|^'\.|rxjs|p-limit/.test(required);
  }
  return (
    ts.isIfStatement(statement) &&
    ts.isBinaryExpression(statement.expression) &&
    isNamed(statement.expression.right, "Cancelled")
  );
}

/** `{ return toPromise(() => somethingOp(...)); }` */
function isFacadeBody(body: ts.Node | undefined): boolean {
  if (body === undefined || !ts.isBlock(body) || body.statements.length !== 1) return false;
  const only = body.statements[0];
  if (only === undefined || !ts.isReturnStatement(only) || only.expression === undefined) return false;
  const call = only.expression;
  if (!ts.isCallExpression(call) || !isNamed(call.expression, "toPromise")) return false;
  const thunk = call.arguments[0];
  return thunk !== undefined && ts.isArrowFunction(thunk) && /Op\d*(<[\w, ]+>)?(\.call)?\(/.test(thunk.body.getText());
}

function canon(node: ts.Node): string {
  if (ts.isTypeNode(node) && !ts.isExpressionWithTypeArguments(node)) return "";
  if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return "";
  if (ts.isParenthesizedExpression(node)) return canon(node.expression);
  if (ts.isIdentifier(node)) {
    const isMember = ts.isPropertyAccessExpression(node.parent) && node.parent.name === node;
    return !isMember && imported.has(node.text) ? "imported" : plainName(node.text);
  }
  if (ts.isPrivateIdentifier(node)) return plainName(node.text);
  if (isFunctionWithBody(node)) return functionText(node);
  if (isSignatureOnly(node)) return "";
  const waited = waitedFor(node);
  if (waited !== undefined) return waitText(waited);
  // `export default async function () {}` becomes the export of an expression.
  if (ts.isExportAssignment(node)) return canon(node.expression);
  if (ts.isReturnStatement(node)) return `return ${node.expression === undefined ? "" : returned(node.expression)}`;
  const executor = executorOf(node);
  if (executor !== undefined) return executorText(executor);
  if (isLimiter(node)) return "limiter";
  if (ts.isCallExpression(node)) return callText(node);
  if (ts.isConditionalExpression(node)) {
    return `(${canon(node.condition)} ? ${returned(node.whenTrue)} : ${returned(node.whenFalse)})`;
  }
  if (ts.isBinaryExpression(node)) {
    const operator = ts.tokenToString(node.operatorToken.kind) ?? "";
    const right = /^(&&|\|\||\?\?)$/.test(operator) ? returned(node.right) : canon(node.right);
    return `(${canon(node.left)} ${operator} ${right})`;
  }
  if (ts.isCatchClause(node)) return `catch${bindingText(node)} {${statements(node.block.statements)}}`;
  if (ts.isTryStatement(node)) {
    const parts = [`try {${statements(node.tryBlock.statements)}}`];
    if (node.catchClause !== undefined) parts.push(canon(node.catchClause));
    if (node.finallyBlock !== undefined) parts.push(`finally {${statements(unprotected(node.finallyBlock))}}`);
    return parts.join(" ");
  }
  if (ts.isBlock(node) || ts.isModuleBlock(node)) return `{${statements(node.statements)}}`;
  if (ts.isClassLike(node)) {
    const heritage = (node.heritageClauses ?? []).filter((clause) => clause.token === ts.SyntaxKind.ExtendsKeyword);
    const members = node.members.filter((member) => !(ts.isMethodDeclaration(member) && isFacadeBody(member.body)));
    return `class ${node.name?.text ?? ""} ${heritage.map(canon).join()} {${members.map(canon).filter(Boolean).join("\n")}}`;
  }
  if (ts.isPropertyAssignment(node)) return `${canon(node.name)}: ${canon(node.initializer)}`;
  if (ts.isLiteralExpression(node) || ts.isTemplateMiddleOrTemplateTail(node) || ts.isTemplateHead(node)) {
    return JSON.stringify(node.text);
  }
  if (ts.isModifier(node) || ts.isImportClause(node) || ts.isExportSpecifier(node)) return "";
  if (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) {
    return `${ts.SyntaxKind[node.kind]} ${ts.tokenToString(node.operator)} ${canon(node.operand)}`;
  }
  const children: string[] = [];
  ts.forEachChild(node, (child) => {
    const text = canon(child);
    if (text !== "") children.push(text);
  });
  // Statements of one expression are told apart by their kind, so that a joined line shows.
  return children.length === 0 && node.kind > ts.SyntaxKind.LastToken
    ? (ts.SyntaxKind[node.kind] ?? "")
    : children.length === 0
      ? node.getText()
      : `${ts.SyntaxKind[node.kind]}(${children.join(", ")})`;
}

/** A signal as a last argument of what is waited for, and what stands in the places before it. */
function handedSignal(call: ts.CallExpression): ReadonlySet<ts.Node> {
  const given = call.arguments;
  const isHanded =
    ts.isArrowFunction(call.parent) && /^\{ signal(: signal\d+)? \}$/.test(given.at(-1)?.getText() ?? "");
  if (!isHanded) return new Set();
  let from = given.length - 1;
  while (from > 1 && given[from - 1]?.getText() === "undefined") from--;
  return new Set(given.slice(from));
}

/** Without the suffix of fiber twins. */
function plainName(name: string): string {
  return name.replace(/Op\d*$/, "");
}

function isNamed(node: ts.Node, name: string): boolean {
  return ts.isIdentifier(node) && node.text.toLowerCase().endsWith(name.toLowerCase());
}

// ---------------------------------------------------------------- functions

type FunctionWithBody = (ts.FunctionDeclaration | ts.FunctionExpression | ts.ArrowFunction | ts.MethodDeclaration) & {
  body: ts.ConciseBody;
};

function isFunctionWithBody(node: ts.Node): node is FunctionWithBody {
  return (
    (ts.isFunctionDeclaration(node) ||
      ts.isFunctionExpression(node) ||
      ts.isArrowFunction(node) ||
      ts.isMethodDeclaration(node)) &&
    node.body !== undefined
  );
}

function isSignatureOnly(node: ts.Node): boolean {
  return (
    ((ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node)) && node.body === undefined) ||
    ts.isMethodSignature(node)
  );
}

function functionText(node: FunctionWithBody): string {
  const inObject = ts.isMethodDeclaration(node) && ts.isObjectLiteralExpression(node.parent);
  const declared = ts.isFunctionDeclaration(node) || (ts.isMethodDeclaration(node) && !inObject);
  // The name of an expression may be added, to keep what the language gave it; a method of a literal becomes a property.
  const name = declared && node.name !== undefined ? canon(node.name) : "";
  const head = inObject ? `${canon(node.name)}: ` : "";
  const parameters = node.parameters.filter((p) => p.name.getText() !== "this").map((p) => canon(p));
  return `${head}function ${name}(${parameters.join(", ")}) {${bodyText(node.body)}}`;
}

function bodyText(body: ts.ConciseBody): string {
  const shell = shellOf(body);
  if (shell !== undefined) return bodyText(shell.body);
  if (ts.isBlock(body)) return statements(body.statements);
  return `return ${returned(body)}`;
}

/** The generator function in `toPromise(() => (function* () {...}).call(this))` or `(function* () {...}).call(this)`. */
function shellOf(body: ts.Node): ts.FunctionExpression | undefined {
  let node = stripped(body);
  if (ts.isCallExpression(node) && isNamed(node.expression, "toPromise")) {
    const thunk = node.arguments[0];
    if (thunk === undefined) return undefined;
    if (ts.isFunctionExpression(thunk)) return thunk;
    if (!ts.isArrowFunction(thunk)) return undefined;
    node = stripped(thunk.body);
  }
  if (
    ts.isCallExpression(node) &&
    ts.isPropertyAccessExpression(node.expression) &&
    node.expression.name.text === "call" &&
    node.arguments[0]?.kind === ts.SyntaxKind.ThisKeyword
  ) {
    const inner = stripped(node.expression.expression);
    if (ts.isFunctionExpression(inner) && inner.asteriskToken !== undefined) return inner;
  }
  return undefined;
}

function stripped(node: ts.Node): ts.Node {
  return ts.isParenthesizedExpression(node) ? stripped(node.expression) : node;
}

/** The statements of a `finally` block, out of `Cancel.protect` if they are in it. */
function unprotected(block: ts.Block): readonly ts.Statement[] {
  const only = block.statements[0];
  if (block.statements.length !== 1 || only === undefined || !ts.isExpressionStatement(only)) return block.statements;
  const waited = waitedFor(only.expression);
  if (waited === undefined || !ts.isCallExpression(waited) || !/Cancel\.protect$/.test(waited.expression.getText())) {
    return block.statements;
  }
  const thunk = waited.arguments[0];
  if (thunk === undefined) return block.statements;
  const inner = ts.isFunctionExpression(thunk) ? thunk : ts.isArrowFunction(thunk) ? shellOf(thunk.body) : undefined;
  return inner === undefined ? block.statements : inner.body.statements;
}

function bindingText(clause: ts.CatchClause): string {
  const name = clause.variableDeclaration?.name;
  if (name === undefined) return "";
  // A binding that only the guard uses has been added with it.
  const uses = clause.block.statements.filter((s) => !isAdded(s)).some((s) => mentions(s, name.getText()));
  return uses ? ` (${canon(name)})` : "";
}

function mentions(node: ts.Node, name: string): boolean {
  if (ts.isCatchClause(node) && node.variableDeclaration?.name.getText() === name) return false; // another of that name
  if (ts.isIdentifier(node) && node.text === name) return true;
  return ts.forEachChild(node, (child) => mentions(child, name) || undefined) ?? false;
}

// ---------------------------------------------------------------- waits

/** The operand of an `await` or a `yield*`. */
function waitedFor(node: ts.Node): ts.Expression | undefined {
  if (ts.isAwaitExpression(node)) return node.expression;
  if (ts.isYieldExpression(node) && node.asteriskToken !== undefined) return node.expression;
  return undefined;
}

function waitText(operand: ts.Expression): string {
  const inner = unbridged(operand);
  if (isTick(inner)) return "wait(turn)";
  if (isBranching(inner)) return canon(inner);
  return `wait(${canon(inner)})`;
}

/** What is inside `fromPromise(...)`, `adopt(...)`, parentheses. */
function unbridged(node: ts.Expression): ts.Expression {
  const inner = stripped(node) as ts.Expression;
  const only = ts.isCallExpression(inner) ? inner.arguments[0] : undefined;
  if (ts.isCallExpression(inner) && only !== undefined && inner.arguments.length === 1) {
    if (isNamed(inner.expression, "fromPromise") || isNamed(inner.expression, "adopt")) return unbridged(only);
    if (isNamed(inner.expression, "fromAsync") && ts.isArrowFunction(only))
      return unbridged(only.body as ts.Expression);
  }
  return inner;
}

/** The function in `new Promise(...)` or `fromCallback(...)`. */
function executorOf(node: ts.Node): ts.ArrowFunction | ts.FunctionExpression | undefined {
  const makes = ts.isNewExpression(node)
    ? isNamed(node.expression, "Promise")
    : ts.isCallExpression(node) && isNamed(node.expression, "fromCallback");
  const given = makes ? (node as ts.NewExpression | ts.CallExpression).arguments?.[0] : undefined;
  const executor = given === undefined ? undefined : stripped(given);
  return executor !== undefined && (ts.isArrowFunction(executor) || ts.isFunctionExpression(executor))
    ? executor
    : undefined;
}

/** What an executor gives is seen by nobody; what a registration gives clears a timer, or ends a subscription. */
function executorText({ parameters, body }: ts.ArrowFunction | ts.FunctionExpression): string {
  const does = (node: ts.Expression): string => canon(ts.isVoidExpression(node) ? node.expression : node);
  const done = ts.isBlock(body)
    ? body.statements.map((statement) => {
        if (ts.isExpressionStatement(statement)) return does(statement.expression);
        const held = ts.isVariableStatement(statement) ? statement.declarationList.declarations[0] : undefined;
        if (held?.initializer !== undefined && /^(timer|subscription)\d*$/.test(held.name.getText()))
          return does(held.initializer);
        const undoes = /^return \(\) => (clearTimeout\(timer\d*\)|subscription\d*\.unsubscribe\(\))/;
        return undoes.test(statement.getText()) ? "" : canon(statement);
      })
    : [does(body)];
  return `answer (${parameters.map(canon).join(", ")}) {${done.filter((text) => text !== "").join("\n")}}`;
}

function isBranching(node: ts.Node): boolean {
  return (
    ts.isConditionalExpression(node) ||
    (ts.isBinaryExpression(node) &&
      [ts.SyntaxKind.AmpersandAmpersandToken, ts.SyntaxKind.BarBarToken, ts.SyntaxKind.QuestionQuestionToken].includes(
        node.operatorToken.kind,
      ))
  );
}

function isTick(node: ts.Node): boolean {
  return (
    node.kind === ts.SyntaxKind.NullKeyword ||
    ts.isNumericLiteral(node) ||
    /^(undefined|Promise\.resolve\(\)|\w*Fiber\.yield\(\))$/i.test(node.getText())
  );
}

/** In these places a wait may be there or not: what is returned is waited for anyway. */
function returned(node: ts.Expression): string {
  const inner = stripped(node) as ts.Expression;
  const operand = waitedFor(inner);
  return canon(operand === undefined ? inner : unbridged(operand));
}

function callText(node: ts.CallExpression): string {
  const callee = node.expression.getText();
  const [first] = node.arguments;
  if (isNamed(node.expression, "toAsync") && first !== undefined) return canon(first);
  if (isNamed(node.expression, "toPromise") && first !== undefined) {
    const body = ts.isFunctionExpression(first) ? first : ts.isArrowFunction(first) ? shellOf(first.body) : undefined;
    // An async function that was called on the spot.
    if (body !== undefined) return `call function () {${bodyText(body.body)}}()`;
  }
  const taken = observableText(node) ?? limitedText(node);
  if (taken !== undefined) return taken;
  const shell = shellOf(node);
  if (shell !== undefined) return `call function () {${bodyText(shell.body)}}()`;
  if (/Fiber\.map$/.test(callee) && node.arguments[1] !== undefined && first !== undefined) {
    return joined(`map ${canon(first)} by ${callbackText(node.arguments[1])}`);
  }
  if (/Fiber\.all$/.test(callee) && first !== undefined && ts.isArrayLiteralExpression(first)) {
    return joined(
      first.elements.map((e) => canon(ts.isArrowFunction(e) ? unbridged(e.body as ts.Expression) : e)).join(),
    );
  }
  if (callee.replace(/\s|\/\*.*?\*\//g, "") === "Promise.all" && first !== undefined) {
    const list = stripped(first);
    if (ts.isArrayLiteralExpression(list)) return joined(list.elements.map((e) => canon(unbridged(e))).join());
    if (
      ts.isCallExpression(list) &&
      ts.isPropertyAccessExpression(list.expression) &&
      list.expression.name.text === "map" &&
      list.arguments[0] !== undefined
    ) {
      return joined(`map ${canon(list.expression.expression)} by ${callbackText(list.arguments[0])}`);
    }
  }
  const optional = node.questionDotToken === undefined ? "" : "?.";
  const handed = handedSignal(node);
  const given = node.arguments.filter((argument) => !handed.has(argument));
  return `call ${calleeText(node.expression)}${optional}(${given.map(canon).join(", ")})`;
}

/** `firstOf(o, { default: d })` is `firstValueFrom(o, { defaultValue: d })`, and `lastOf` besides `o.toPromise()`. */
function observableText(node: ts.CallExpression): string | undefined {
  const [name = ""] = /\w+$/.exec(node.expression.getText()) ?? [];
  const isMethod =
    name === "toPromise" && ts.isPropertyAccessExpression(node.expression) && node.arguments.length === 0;
  const source = isMethod ? node.expression.expression : node.arguments[0];
  const take = isMethod
    ? "last"
    : { firstOf: "first", firstValueFrom: "first", lastOf: "last", lastValueFrom: "last" }[name];
  if (take === undefined || source === undefined) return undefined;
  const options = node.arguments[1];
  const option = options !== undefined && ts.isObjectLiteralExpression(options) ? options.properties[0] : undefined;
  const empty =
    option === undefined ? "" : canon(ts.isPropertyAssignment(option) ? option.initializer : (option.name ?? option));
  return `${take} of ${canon(source)} else ${isMethod ? "undefined" : empty}`;
}

/** `limit(job)` and `mutex.runExclusive(job)` are `limit.use(job)`; the job may give others a turn before it begins. */
function limitedText(node: ts.CallExpression): string | undefined {
  const job = node.arguments[0] === undefined ? undefined : stripped(node.arguments[0]);
  if (job === undefined || !(ts.isArrowFunction(job) || ts.isFunctionExpression(job))) return undefined;
  if (job.parameters.some((parameter) => parameter.name.getText() !== "this")) return undefined;
  const { expression } = node;
  const uses = ts.isPropertyAccessExpression(expression) && /^(use|runExclusive)$/.test(expression.name.text);
  if (!uses && !isNamed(expression, "limit")) return undefined;
  const limiter = uses ? expression.expression : expression;
  const call = ts.isBlock(job.body) || shellOf(job.body) !== undefined ? undefined : job.body;
  const body = call === undefined ? bodyText(job.body) : `return ${canon(unbridged(call))}`;
  return `with ${canon(limiter)} {${body.replace(/^ExpressionStatement\(wait\(turn\)\)\n/, "")}}`;
}

/** `pLimit(3)` and `new Mutex()` are a semaphore. */
function isLimiter(node: ts.Node): boolean {
  if (!ts.isCallExpression(node) && !ts.isNewExpression(node)) return false;
  return ["pLimit", "Mutex", "Semaphore"].some((name) => isNamed(node.expression, name));
}

/** `direct(load)(id)` is `load(id)`, and `direct(store, "get")(id)` is `store.get(id)`. */
function calleeText(callee: ts.Expression): string {
  // `direct` calls what may not be there as if it were: that is for the compiler to know.
  if (ts.isNonNullExpression(callee)) return calleeText(callee.expression);
  if (!ts.isCallExpression(callee) || !isNamed(callee.expression, "direct")) return canon(callee);
  const [given, name] = callee.arguments;
  if (given === undefined) return canon(callee);
  // The second argument of what is called as it is handed over is its `this`.
  if (name === undefined || (ts.isPropertyAccessExpression(given) && given.expression.getText() === name.getText()))
    return canon(given);
  const property = ts.isStringLiteral(name) ? plainName(name.text) : canon(name);
  return `PropertyAccessExpression(${canon(given)}, ${property})`;
}

function joined(text: string): string {
  return `all [${text}]`;
}

/** `(item) => load(item)` is `load`. */
function callbackText(node: ts.Expression): string {
  const inner = stripped(node);
  if (ts.isArrowFunction(inner) && !ts.isBlock(inner.body)) {
    const call = stripped(inner.body);
    const names = inner.parameters.map((p) => p.name.getText());
    if (ts.isCallExpression(call) && ts.isIdentifier(call.expression)) {
      const given = call.arguments.map((argument) => argument.getText());
      if (given.join() === names.join()) return canon(call.expression);
    }
  }
  return canon(inner);
}
