// Scripted answers: what a stand-in does at each call.

import { expectBody, refuse } from "../engine/describe.js";
import type { Body, Op } from "../engine/op.js";
import { expectAction, runAction, type Action } from "./action.js";

/**
 * The answers of a scripted stand-in: a test says what happens at each call, the stand-in calls {@link run}.
 *
 * @example
 * const lookUp = new Handler<string>({ raise: new Error("unknown host") });
 * lookUp.seq([{ return: "10.0.0.1" }, { yieldThen: { return: "10.0.0.2" } }]); // the second after a turn of the others
 * yield* lookUp.run(); // => "10.0.0.1"
 * yield* lookUp.run(); // => "10.0.0.2"
 * yield* lookUp.run(); // throws Error: unknown host
 */
export class Handler<T> {
  private readonly defaultAction: Action<T>;
  private handler: Body<T>;

  /** @param defaultAction  what is done until something else is said, and when that is used up */
  constructor(defaultAction: Action<T>) {
    expectAction("new Handler", "defaultAction", defaultAction);
    this.defaultAction = defaultAction;
    this.handler = () => this.runDefaultAction();
  }

  /** `new Handler(defaultAction)`. */
  static make<T>(defaultAction: Action<T>): Handler<T> {
    return new Handler(defaultAction);
  }

  /** From now on each call does what `body` does. */
  setHandler(body: Body<T>): void {
    expectBody("Handler.setHandler", "body", body);
    this.handler = body;
  }

  /** The next calls do one of `actions` each, in order; after them each call does the default action. */
  seq(actions: readonly Action<T>[]): void {
    const isArray: boolean = Array.isArray(actions);
    if (!isArray) refuse("Handler.seq", "actions", "an array of actions", actions);
    actions.forEach((action, i) => expectAction("Handler.seq", `actions[${i}]`, action));
    const left = [...actions].values();
    this.handler = () => {
      const { done, value } = left.next();
      return done ? this.runDefaultAction() : runAction(value);
    };
  }

  /** One call: does what it is the turn of when it is run. */
  *run(): Op<T> {
    return yield* this.handler();
  }

  /** Does the default action, whatever was said since. */
  runDefaultAction(): Op<T> {
    return runAction(this.defaultAction);
  }
}
