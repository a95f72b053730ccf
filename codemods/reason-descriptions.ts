/** What the reason codes mean, and what would remove the reason: for `list`, `explain` and machine-readable reports. */

import type { ReasonCode } from "./reasons.js";

interface Description {
  readonly meaning: string;
  /** What a person can do about it. */
  readonly remedy: string;
}

const descriptions: Readonly<Record<ReasonCode, Description>> = {
  TR1001: { meaning: "What is waited for has no known type.", remedy: "Give it a type." },
  TR1002: { meaning: "What is waited for may or may not be a promise.", remedy: "Decide on one of the two." },
  TR1003: {
    meaning: "What is waited for is a thenable of another library, which may start its work in `then`.",
    remedy: "Leave the bridge, or make a promise of it where it comes from.",
  },
  TR1004: { meaning: "An op would run twice, and an op runs once.", remedy: "Call the function again instead." },
  TR1005: {
    meaning: "The promise itself is used: stored, compared or cached.",
    remedy: "Leave it, or keep what the promise gives instead of the promise.",
  },
  TR1006: {
    meaning: "The promise is handed to code that is not migrated.",
    remedy: "Migrate that code in the same step, or leave it.",
  },
  TR1101: { meaning: "The function reads `arguments`.", remedy: "Use rest parameters." },
  TR1102: { meaning: "The function reads `new.target`.", remedy: "Leave it." },
  TR1103: { meaning: "`super` is used where a generator has none.", remedy: "Make it a method of the class." },
  TR1104: { meaning: "The type of `this` cannot be written down.", remedy: "Declare a `this` parameter." },
  TR1105: { meaning: "A variable is called `yield`.", remedy: "Rename it." },
  TR1106: { meaning: "`eval` or `with` may name any variable.", remedy: "Take the `eval` or `with` out of the file." },
  TR1109: {
    meaning: "The program asks whether the function is async.",
    remedy: "Ask for a promise in what the function gives instead.",
  },
  TR1201: {
    meaning: "The function is handed to code that is not migrated and expects a promise.",
    remedy: "Leave it: the callback becomes a fiber function inside `toAsync`.",
  },
  TR1202: {
    meaning:
      "It calls through an interface or a function type that no function of this program is known to stand behind.",
    remedy: "Leave it: what others put there keeps giving promises.",
  },
  TR1203: {
    meaning: "The method overrides, or is overridden by, one that cannot become a fiber function.",
    remedy: "Look up that other method's reason, and remove that one.",
  },
  TR1204: {
    meaning: "What a decorator does with the function is not known.",
    remedy: "Move the body into a method without a decorator.",
  },
  TR1205: {
    meaning: "The function is reached by a computed name or by reflection.",
    remedy: "Name the function where it is used, if you can.",
  },
  TR1206: {
    meaning: "The name is part of the program's interface and keeps giving a promise.",
    remedy: "Once nobody outside uses it, `trestle prune` takes it away.",
  },
  TR1207: {
    meaning: "A framework looks for an async function here.",
    remedy: "Leave it, and move its body into a function of its own.",
  },
  TR1208: { meaning: "A test runner calls the function.", remedy: "Leave it: tests stay as they are." },
  TR1209: {
    meaning: "Tests replace the function, so it keeps being called by its own name.",
    remedy: "Leave it, or hand the function to the code under test as an argument.",
  },
  TR1210: {
    meaning: "The function's source text is sent elsewhere.",
    remedy: "Leave it: its text has to make sense elsewhere.",
  },
  TR1301: {
    meaning: "A promise is returned from inside `try` without waiting for it.",
    remedy: "Write `return await`, or move the return out.",
  },
  TR1302: { meaning: "A catch clause may swallow a cancellation.", remedy: "Throw a `Cancelled` on." },
  TR1303: {
    meaning: "Clean-up that waits is cut short when the fiber is cancelled.",
    remedy: "Put it into `Cancel.protect`.",
  },
  TR1305: {
    meaning: "`then` with two handlers, whose second does not see the errors of the first.",
    remedy: "Nothing, if the rewrite reads well; else write it with `await` first.",
  },
  TR1306: {
    meaning: "The executor of a promise resolves conditionally, late or several times.",
    remedy: "Leave it, or wrap the callback API with `fromNode` of the bridges by hand.",
  },
  TR1307: {
    meaning: "Work is started and not waited for here, and there is no switch to attach it to.",
    remedy: "Give it a switch of its own with `Fiber.fork`, once it should end with its caller.",
  },
  TR1308: {
    meaning: "The order of work that is started before it is waited for could be seen.",
    remedy: "Read the place: when one fails, are the others to go on?",
  },
  TR1309: {
    meaning: "Code could run earlier than it did; the wait keeps its turn.",
    remedy: "Nothing; take the `adopt` away once nobody minds the order.",
  },
  TR1310: {
    meaning: "The order of turns could be seen; the wait keeps its turn.",
    remedy: "Nothing; take the `adopt` away once nobody minds the order.",
  },
  TR1401: {
    meaning: "An async generator, or a `for await` loop, that has no fiber form.",
    remedy: "Leave it; write the consumer with `each` of the bridges by hand.",
  },
  TR1402: {
    meaning: "`for await` over promises in an array.",
    remedy: "Leave it, or wait for all with `Promise.all` first.",
  },
  TR1403: { meaning: "`await using` has no generator form.", remedy: "Write `try` and `finally`, or leave it." },
  TR1404: {
    meaning: "An await outside of any function.",
    remedy: "Leave it, or move the module's waits into a `main` that `run` is given.",
  },
  TR1501: {
    meaning: "An operator of RxJS without a counterpart of the same order, or one of the program itself.",
    remedy: "Leave the pipeline, and take its values with `firstOf`, `lastOf` or `fromObservable`.",
  },
  TR1502: {
    meaning: "A scheduler of RxJS says when, or in which turn, values come.",
    remedy: "Leave it; `toScheduler` makes one of a clock.",
  },
  TR1503: {
    meaning: "An observable with several subscribers.",
    remedy: "Leave it, or share a stream with `shareStream`.",
  },
  TR1504: {
    meaning: "An observable, a subscription or an error of RxJS that others hold.",
    remedy: "Leave it: who receives it expects one of RxJS.",
  },
  TR1601: {
    meaning: "A listener is removed by its identity.",
    remedy: "Leave it, or take the events with `events` of the bridges.",
  },
  TR1602: { meaning: "A listener has to answer within the call.", remedy: "Leave it: a fiber answers later." },
  TR1603: {
    meaning: "A callback may be called more than once.",
    remedy: "Leave it, or take the calls with `events` or a stream by hand.",
  },
  TR1604: { meaning: "A callback is sometimes called at once and sometimes later.", remedy: "Leave it." },
  TR1605: {
    meaning: "A limiter that is more than a fixed number of slots for jobs that somebody waits for at once.",
    remedy: "Leave it; p-limit's own surface over fibers is `toLimit`, and `Fiber.map` has a limit of its own.",
  },
  TR1606: { meaning: "An abort signal that others use as well.", remedy: "Leave it: the signal belongs to others." },
  TR1701: {
    meaning: "A declared type cannot be written for the fiber function.",
    remedy: "Write the return type of the function out.",
  },
  TR1702: { meaning: "A conditional type looks into the promise.", remedy: "Name the type that the function gives." },
  TR1703: { meaning: "A function that calls itself needs a written return type; one is added.", remedy: "Nothing." },
  TR1801: { meaning: "The file is generated.", remedy: "Change the generator." },
  TR1803: {
    meaning: "A comment or the configuration asks to leave it.",
    remedy: "Take the comment or the entry away once the reason for it is gone.",
  },
  TR1804: {
    meaning: "It was not selected, or its file cannot import the library.",
    remedy: "Select it in a later step.",
  },
  TR1805: { meaning: "The file does not parse.", remedy: "Correct the file." },
  TR1806: {
    meaning: "With it converted the program does not type-check.",
    remedy: "Read the compiler's message in the report; a written type often helps.",
  },
  TR1807: { meaning: "There is not enough type information.", remedy: 'Turn on "checkJs", or add types.' },
  TR1809: {
    meaning: "What is waited for is a promise from code that is not migrated.",
    remedy: "Nothing: the bridge is right. For functions of the program, see why they were left.",
  },
  TR1810: {
    meaning: "The pattern is recognised and kept as it is.",
    remedy: "Leave it, or write it with the bridges by hand.",
  },
  TR1811: {
    meaning: "Compiled for an engine or by a compiler that old, fiber functions are not understood.",
    remedy: 'Set "downlevelIteration": true, or a newer "target"; or update TypeScript, as the message says.',
  },
  TR1812: {
    meaning: "With it converted the command that verifies the migration fails.",
    remedy: "Run it with this function alone (`--symbol`), and read what the command says.",
  },
  TR1813: {
    meaning: "Its conversion has a note, and `--level safe` converts without notes only.",
    remedy: "Read the note, and use --level standard.",
  },
  TR1901: {
    meaning: "An async predicate is always true, since a promise is.",
    remedy: "Wait for the answers first, then filter.",
  },
  TR1902: {
    meaning: "An array of promises is used as if it were one of values.",
    remedy: "Wait for all of them with `Promise.all`.",
  },
  TR1903: {
    meaning: "What an async executor of a promise throws is lost.",
    remedy: "Reject the promise, or make the function around it async.",
  },
  TR1904: { meaning: "A promise is used as if it were its value.", remedy: "Write the `await`." },
};

/** One sentence. */
export function describeReason(code: ReasonCode): string {
  return descriptions[code].meaning;
}

/** What a person can do about it, which may be nothing. */
export function remedyOf(code: ReasonCode): string {
  return descriptions[code].remedy;
}
