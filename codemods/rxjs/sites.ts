/**
 * Where a program uses RxJS in ways that stay as they are, each with the reason. An observable calls in the turn of
 * whoever emits, for any number of subscribers; a fiber takes when it is ready. Only waits are the same in both worlds
 * (see `waits.ts`), and async functions that RxJS calls become fiber functions behind a promise.
 */
import { isAsyncFunctionNode, short, skipParentheses } from "../analyse/syntax.js";
import { waitedKind } from "../analyse/thenable.js";
import { ts, type TS } from "../compiler.js";
import type { Reason } from "../plan.js";
import { classOfRx, isObservable, rxClass, rxName } from "./names.js";
import { subscribedSource } from "./observers.js";

export interface RxSite {
  readonly pattern: string;
  readonly reason: Reason;
  /** The function that RxJS calls for a promise. */
  readonly calls: TS.Node | undefined;
}

type Row = readonly [pattern: string, code: Reason["code"], why: string];

const rows: readonly (readonly [names: string, row: Row])[] = [
  [
    "share shareReplay publish publishReplay publishLast publishBehavior multicast refCount connectable connect",
    ["CM-R07", "TR1503", "has several subscribers"],
  ],
  [
    "combineLatest combineLatestAll combineLatestWith withLatestFrom zip zipWith zipAll forkJoin merge mergeAll mergeWith race raceWith concat concatAll concatWith",
    ["CM-R13", "TR1501", "takes from several observables"],
  ],
  [
    "catchError retry retryWhen repeat repeatWhen finalize onErrorResumeNext onErrorResumeNextWith throwIfEmpty",
    ["CM-R14", "TR1501", "subscribes again, or ends in the turn of its source"],
  ],
  ["takeUntil", ["CM-R15", "TR1504", "ends by what another observable emits"]],
  [
    "debounce debounceTime throttle throttleTime audit auditTime sample sampleTime delay delayWhen timeout timeoutWith bufferTime timer interval timeInterval timestamp",
    ["CM-R16", "TR1502", "goes by the time of a scheduler"],
  ],
  [
    "buffer bufferCount bufferToggle bufferWhen window windowCount windowTime windowToggle windowWhen groupBy expand partition materialize dematerialize",
    ["CM-R17", "TR1501", "makes observables of observables, or groups values"],
  ],
  [
    "fromEvent fromEventPattern fromFetch bindCallback bindNodeCallback generate iif using",
    ["CM-R18", "TR1504", "is a source that others subscribe to"],
  ],
  [
    "observeOn subscribeOn asapScheduler asyncScheduler queueScheduler animationFrameScheduler VirtualTimeScheduler TestScheduler scheduled",
    ["CM-R19", "TR1502", "says in which turn values come"],
  ],
];

const table = new Map(rows.flatMap(([names, row]) => names.split(" ").map((name) => [name, row] as const)));

/** Those that call a function and wait for the promise that it gives. */
const callers: Readonly<Record<string, string>> = {
  concatMap: "CM-R09",
  mergeMap: "CM-R10",
  flatMap: "CM-R10",
  switchMap: "CM-R11",
  exhaustMap: "CM-R12",
  from: "CM-R18",
  defer: "CM-R18",
};

const classes: Readonly<Record<string, Row>> = {
  Observable: ["CM-R04", "TR1504", "whoever subscribes to it expects an observable"],
  Subject: ["CM-R05", "TR1503", "anybody may subscribe to it, and gets the values from then on"],
  BehaviorSubject: ["CM-R06", "TR1503", "anybody may subscribe to it, and gets its value at once"],
  ReplaySubject: ["CM-R07", "TR1503", "anybody may subscribe to it, and gets what was before"],
  AsyncSubject: ["CM-R07", "TR1503", "anybody may subscribe to it, and gets what was before"],
};

export function rxSite(node: TS.Node, checker: TS.TypeChecker): RxSite | undefined {
  if (ts.isNewExpression(node)) {
    const row = classes[rxName(node.expression, checker)?.name ?? ""];
    return row && { pattern: row[0], reason: { code: row[1], message: row[2] }, calls: undefined };
  }
  if (ts.isCallExpression(node)) return subscription(node, checker) ?? operator(node, checker);
  if (ts.isFunctionLike(node)) return observableFunction(node, checker);
  return ts.isIdentifier(node) && /Scheduler$/.test(node.text) ? scheduler(node, checker) : undefined;
}

function operator(call: TS.CallExpression, checker: TS.TypeChecker): RxSite | undefined {
  const name = rxName(call.expression, checker)?.name;
  if (name === undefined) return undefined;
  const row = table.get(name);
  if (row !== undefined) {
    const [pattern, code, why] = row;
    return { pattern, reason: { code, message: `\`${name}\` ${why}` }, calls: undefined };
  }
  const pattern = callers[name];
  const [given] = call.arguments;
  if (pattern === undefined || given === undefined) return undefined;
  const calls = skipParentheses(given);
  const isAsync = isAsyncFunctionNode(calls);
  if (!isAsync && (name !== "from" || waitedKind(calls, checker) !== "promise")) return undefined;
  const reason: Reason = { code: "TR1809", message: `\`${name}\` waits for a promise, and goes on in its turn` };
  return { pattern, reason, calls: isAsync ? calls : undefined };
}

function subscription(call: TS.CallExpression, checker: TS.TypeChecker): RxSite | undefined {
  const source = subscribedSource(call, checker);
  if (source === undefined) return undefined;
  const site = (pattern: string, reason: Reason): RxSite => ({ pattern, reason, calls: undefined });
  if (isInsideObserver(call, checker)) {
    const message = "it is subscribed to in the turn of a value of another observable";
    return site("CM-R22", { code: "TR1309", message });
  }
  const against = sourceObstacle(source, checker);
  if (against !== undefined) return site("CM-R03", against);
  if (!ts.isExpressionStatement(call.parent)) {
    return site("CM-R15", { code: "TR1504", message: "its subscription is kept, to be unsubscribed from" });
  }
  const message = "the observer is called in the turn of whoever emits, maybe before `subscribe` returns";
  return site("CM-R03", { code: "TR1309", message });
}

/** What in a pipeline, from its end to its source, a fiber could not do in the same order. */
function sourceObstacle(source: TS.Expression, checker: TS.TypeChecker): Reason | undefined {
  const expression = skipParentheses(source);
  if (ts.isCallExpression(expression)) {
    const own = operator(expression, checker);
    if (own !== undefined && own.calls === undefined && own.reason.code !== "TR1809") return own.reason;
    const access = expression.expression;
    if (
      ts.isPropertyAccessExpression(access) &&
      access.name.text === "pipe" &&
      isObservable(access.expression, checker)
    ) {
      for (const given of expression.arguments) {
        if (!ts.isCallExpression(given) || rxName(given.expression, checker) === undefined) {
          return { code: "TR1501", message: `\`${short(given)}\` is an operator of the program itself` };
        }
        const reason = operator(given, checker)?.reason;
        if (reason !== undefined && reason.code !== "TR1809") return reason;
      }
      return sourceObstacle(access.expression, checker);
    }
    return undefined;
  }
  const name = rxClass(expression, checker);
  if (name?.endsWith("Subject") === true) {
    return { code: "TR1503", message: `\`${short(expression)}\` is a subject: anybody may subscribe to it` };
  }
  return undefined;
}

function isInsideObserver(call: TS.CallExpression, checker: TS.TypeChecker): boolean {
  let child: TS.Node = call;
  for (let node: TS.Node = call.parent; !ts.isSourceFile(node); child = node, node = node.parent) {
    if (ts.isCallExpression(node) && node.expression !== child && subscribedSource(node, checker) !== undefined) {
      return true;
    }
  }
  return false;
}

/** A function that gives an observable: of another one, or to whoever imports it. */
function observableFunction(node: TS.SignatureDeclaration, checker: TS.TypeChecker): RxSite | undefined {
  if (!("body" in node) || node.body === undefined) return undefined;
  const signature = checker.getSignatureFromDeclaration(node);
  const type = signature && checker.getReturnTypeOfSignature(signature);
  if (type === undefined || classOfRx(type) !== "Observable") return undefined;
  const [source, ...more] = node.parameters;
  if (source !== undefined && more.length === 0 && isObservable(source.name as TS.Identifier, checker)) {
    const message = "an operator: who pipes through it expects an observable";
    return { pattern: "CM-R20", reason: { code: "TR1504", message }, calls: undefined };
  }
  if (!ts.isFunctionDeclaration(node) && !ts.isMethodDeclaration(node)) return undefined;
  const message = "it gives an observable: who calls it may subscribe more than once, or not at all";
  return { pattern: "CM-R21", reason: { code: "TR1504", message }, calls: undefined };
}

function scheduler(node: TS.Identifier, checker: TS.TypeChecker): RxSite | undefined {
  const { parent } = node;
  if (ts.isImportSpecifier(parent) || ts.isBindingElement(parent)) return undefined;
  if (ts.isCallExpression(parent) && parent.expression === node) return undefined;
  const name = rxName(node, checker)?.name;
  const row = name === undefined ? undefined : table.get(name);
  if (row === undefined) return undefined;
  return { pattern: row[0], reason: { code: row[1], message: `\`${name ?? ""}\` ${row[2]}` }, calls: undefined };
}
