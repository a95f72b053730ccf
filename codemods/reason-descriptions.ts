/** What the reason codes mean, and what would remove the reason: for `list`, `explain` and machine-readable reports. */

import { reasons, type ReasonCode } from "./reasons.js";

interface Description {
  readonly meaning: string;
  /** What a person can do about it. */
  readonly remedy?: string;
}

const descriptions: Readonly<Partial<Record<ReasonCode, Description>>> = {
  TR1001: { meaning: "What is waited for has no known type.", remedy: "Give it a type." },
  TR1002: { meaning: "What is waited for may or may not be a promise.", remedy: "Decide on one of the two." },
  TR1003: { meaning: "What is waited for is a thenable of another library, which may start its work in `then`." },
  TR1004: { meaning: "An op would run twice, and an op runs once.", remedy: "Call the function again instead." },
  TR1005: { meaning: "The promise itself is used: stored, compared or cached." },
  TR1006: { meaning: "The promise is handed to code that is not migrated." },
  TR1101: { meaning: "The function reads `arguments`.", remedy: "Use rest parameters." },
  TR1102: { meaning: "The function reads `new.target`." },
  TR1103: { meaning: "`super` is used where a generator has none.", remedy: "Make it a method of the class." },
  TR1104: { meaning: "The type of `this` cannot be written down.", remedy: "Declare a `this` parameter." },
  TR1105: { meaning: "A variable is called `yield`.", remedy: "Rename it." },
  TR1106: { meaning: "`eval` or `with` may name any variable." },
  TR1107: { meaning: "A getter cannot be a generator.", remedy: "Make it a method." },
  TR1108: { meaning: "A constructor cannot be a generator." },
  TR1109: { meaning: "The program asks whether the function is async." },
  TR1110: { meaning: "The function is called with `new`." },
  TR1201: { meaning: "The function is handed to code that is not migrated and expects a promise." },
  TR1202: { meaning: "An interface of another package asks for a promise." },
  TR1203: { meaning: "The method overrides, or is overridden by, one that cannot become a fiber function." },
  TR1204: { meaning: "What a decorator does with the function is not known." },
  TR1205: { meaning: "The function is reached by a computed name or by reflection." },
  TR1206: {
    meaning: "The name is part of the program's interface and keeps giving a promise.",
    remedy: "Once nobody outside uses it, `trestle prune` takes it away.",
  },
  TR1207: { meaning: "A framework looks for an async function here." },
  TR1208: { meaning: "A test runner calls the function." },
  TR1209: { meaning: "Tests replace the function, so it keeps being called by its own name." },
  TR1210: { meaning: "The function's source text is sent elsewhere." },
  TR1301: {
    meaning: "A promise is returned from inside `try` without waiting for it.",
    remedy: "Write `return await`, or move the return out.",
  },
  TR1302: { meaning: "A catch clause may swallow a cancellation.", remedy: "Throw a `Cancelled` on." },
  TR1303: {
    meaning: "Clean-up that waits is cut short when the fiber is cancelled.",
    remedy: "Put it into `Cancel.protect`.",
  },
  TR1304: { meaning: "A handler of a promise chain returns early." },
  TR1305: { meaning: "`then` with two handlers, whose second does not see the errors of the first." },
  TR1306: { meaning: "The executor of a promise resolves conditionally, late or several times." },
  TR1307: { meaning: "Work is started and not waited for here, and there is no switch to attach it to." },
  TR1308: { meaning: "The order of work that is started before it is waited for could be seen." },
  TR1309: { meaning: "Code could run earlier than it did; the wait keeps its turn." },
  TR1310: { meaning: "The order of turns could be seen; the wait keeps its turn." },
  TR1401: { meaning: "An async generator or `for await`." },
  TR1402: { meaning: "`for await` over promises in an array." },
  TR1403: { meaning: "`await using` has no generator form." },
  TR1404: { meaning: "An await outside of any function." },
  TR1501: { meaning: "An operator of RxJS without a counterpart." },
  TR1502: { meaning: "A scheduler of RxJS." },
  TR1503: { meaning: "An observable with several subscribers." },
  TR1504: { meaning: "An observable that is handed on." },
  TR1601: { meaning: "A listener is removed by its identity." },
  TR1602: { meaning: "A listener has to answer within the call." },
  TR1603: { meaning: "A callback may be called more than once." },
  TR1604: { meaning: "A callback is sometimes called at once and sometimes later." },
  TR1605: { meaning: "A limiter whose limit changes." },
  TR1606: { meaning: "An abort signal that others use as well." },
  TR1701: { meaning: "A declared type cannot be written for the fiber function." },
  TR1702: { meaning: "A conditional type looks into the promise." },
  TR1703: { meaning: "A function that calls itself needs a written return type; one is added." },
  TR1704: { meaning: "A type in a comment could not be read." },
  TR1801: { meaning: "The file is generated." },
  TR1802: { meaning: "The file only declares." },
  TR1803: { meaning: "A comment or the configuration asks to leave it." },
  TR1804: { meaning: "It was not selected, or its file cannot import the library." },
  TR1805: { meaning: "The file does not parse." },
  TR1806: { meaning: "With it converted the program does not type-check." },
  TR1807: { meaning: "There is not enough type information.", remedy: 'Turn on "checkJs", or add types.' },
  TR1808: { meaning: "It is migrated already." },
  TR1809: { meaning: "What is waited for is a promise from code that is not migrated." },
  TR1810: { meaning: "The pattern is recognised and kept as it is." },
  TR1811: {
    meaning: "Compiled for an engine that old, `yield*` needs an option.",
    remedy: 'Set "downlevelIteration": true, or a newer "target".',
  },
  TR1812: { meaning: "With it converted the command that verifies the migration fails." },
  TR1813: {
    meaning: "Its conversion has a note, and `--level safe` converts without notes only.",
    remedy: "Read the note, and use --level standard.",
  },
  TR1901: { meaning: "An async predicate is always true, since a promise is." },
  TR1902: { meaning: "An array of promises is used as if it were one of values." },
  TR1903: { meaning: "What an async executor of a promise throws is lost." },
  TR1904: { meaning: "A promise is used as if it were its value." },
};

/** One sentence, also for a code that nobody has described yet. */
export function describeReason(code: ReasonCode): string {
  return descriptions[code]?.meaning ?? `${reasons[code].replaceAll("-", " ")}.`;
}

export function remedyOf(code: ReasonCode): string | undefined {
  return descriptions[code]?.remedy;
}
