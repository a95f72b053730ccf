// @ts-check
// Exercises one copy of a package in a process of its own and prints the transcript as JSON:
//   node perform.js <package> <url of the module to load> <folder for files>

import { describe, Stage } from "./stage.js";

/** How long a check may take; shorter once one of them has hung, since more will. */
let patience = 5_000;

const [name, url, sandbox] = process.argv.slice(2);
if (name === undefined || url === undefined || sandbox === undefined)
  throw new Error("perform: package, url and folder wanted");

/** @type {{ checks: Record<string, import("./stage.js").Check> }} */
const { checks } = await import(`./parity/${name}.js`);
const subject = await import(url);

let stage = new Stage(sandbox);
process.on("unhandledRejection", (reason) => stage.note("unhandled rejection", reason));
process.on("uncaughtException", (error) => stage.note("uncaught exception", error));
process.umask(0o022);

/** @type {import("./stage.js").Transcript[]} */
const transcripts = [];
for (const [title, check] of Object.entries(checks)) {
  stage = new Stage(sandbox);
  const { lines } = stage;
  const tooLong = Symbol("too long");
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const deadline = new Promise((resolve) => {
    timer = setTimeout(resolve, patience, tooLong);
  });
  try {
    const end = await Promise.race([check(subject, stage), deadline]);
    if (end === tooLong) {
      stage.note("never ended");
      patience = 500;
    }
  } catch (error) {
    stage.note("the check failed:", describe(error));
  }
  clearTimeout(timer);
  await new Promise((resolve) => setTimeout(resolve, 2));
  transcripts.push({ name: title, lines });
}
process.stdout.write(JSON.stringify(transcripts), () => process.exit(0));
