/**
 * What a function may do before its first wait. A façade throws what its fiber throws by then, as the function itself
 * would have done; so an error that is *told* must not come that early.
 */
import type { TS } from "../compiler.js";
import type { Flow, WaitStep } from "./flow.js";
import { handlingOf, outcomeOf } from "./handling.js";

export class AtOnce {
  readonly #checker: TS.TypeChecker;
  readonly #flows: ReadonlyMap<TS.Node, Flow>;
  /** Functions of the project that may succeed without having waited. */
  readonly #functions = new Set<TS.Node>();

  constructor(flows: ReadonlyMap<TS.Node, Flow>, checker: TS.TypeChecker) {
    this.#checker = checker;
    this.#flows = flows;
    for (let before = -1; before !== this.#functions.size;) {
      before = this.#functions.size;
      for (const [node, flow] of flows) if (this.#answers(flow)) this.#functions.add(node);
    }
  }

  /** Whether the fiber function may be run in place of a call, rather than the function itself, which counts as a wait. */
  allowsTwin({ callee, callback }: WaitStep): boolean {
    if (callee.own === undefined) return true;
    // What it throws at once is no answer, as what it tells is.
    const flow = this.#flows.get(callee.own);
    const hands = callback === undefined || handlingOf(callback, this.#checker).kind === "pass";
    if (!hands && flow !== undefined && throwsEarly(flow)) return false;
    if (!this.#functions.has(callee.own) || callback === undefined) return true;
    return !this.#fails(successOf(callback, this.#checker));
  }

  #answers(flow: Flow): boolean {
    return flow.some((step) => {
      switch (step.kind) {
        case "complete":
        case "jump":
          return true;
        case "if":
          return this.#answers(step.then) || this.#answers(step.else);
        case "mixed":
          return step.exits.some((exit) => this.#answers(exit.flow));
        case "wait":
          return (
            step.callee.own !== undefined &&
            this.#functions.has(step.callee.own) &&
            (step.callback === undefined || this.#answers(step.callback.body))
          );
        default:
          return false;
      }
    });
  }

  #fails(flow: Flow): boolean {
    return flow.some((step) => {
      switch (step.kind) {
        case "jump":
          return true;
        case "complete":
          return outcomeOf(step, new Map(), this.#checker) !== "nothing";
        case "if":
          return this.#fails(step.then) || this.#fails(step.else);
        case "mixed":
          return step.exits.some((exit) => this.#fails(exit.flow));
        case "wait":
          return (
            step.callee.own !== undefined &&
            this.#functions.has(step.callee.own) &&
            step.callback !== undefined &&
            this.#fails(successOf(step.callback, this.#checker))
          );
        default:
          return false;
      }
    });
  }
}

/** Whether what comes before the first wait has the look of a check. */
function throwsEarly(flow: Flow): boolean {
  for (const step of flow) {
    if (step.kind === "wait") return false;
    if (/\bthrow\b|assert|valid|check|JSON\.parse|decodeURI|Sync\b/i.test(step.node.getText())) return true;
  }
  return false;
}

function successOf(handler: NonNullable<WaitStep["callback"]>, checker: TS.TypeChecker): Flow {
  const handling = handlingOf(handler, checker);
  return handling.kind === "pass" || handling.kind === "catch" ? handling.success : handling.body;
}
