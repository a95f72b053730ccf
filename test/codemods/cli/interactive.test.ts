/** `migrate --interactive`: a person answers for one group after the other. */

import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import type { Report } from "../../../codemods/report/report.js";
import { trestle } from "./invoke.js";
import { contents, project, type Files } from "./project-on-disk.js";

const zoo: Files = {
  "tsconfig.json": "{}\n",
  "a.ts": "export async function ant() {}\n",
  "b.ts": "export async function bee() {}\n",
  "c.ts": "export async function cat() {}\nexport async function kept() { /* keep */ }\n",
};

const down = "\u001b[B";
const enter = "\r";
const keys = {
  yes: enter,
  no: down + enter,
  all: down + down + enter,
  none: down + down + down + enter,
  stop: "\u0003",
};

/** Answers each question when it is asked. */
async function answering(root: string, answers: readonly (keyof typeof keys)[], ...args: string[]) {
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => stdin });
  const left = [...answers];
  let asked = 0;
  const onStderr = (text: string): void => {
    const question = /\((\d) of \d\)/.exec(text)?.[1];
    if (question === undefined || Number(question) <= asked) return;
    asked = Number(question);
    const answer = left.shift();
    if (answer === undefined) return;
    // One key after the other, as they come from a keyboard.
    const strokes = keys[answer].match(/\u001b\[B|[^]/g) ?? [];
    for (const [index, stroke] of strokes.entries()) setTimeout(() => stdin.write(stroke), 30 * (index + 1));
  };
  const printed = await trestle(root, ["migrate", "--interactive", "--allow-no-git", ...args], {
    stdin,
    onStderr,
    terminal: true,
    env: { NO_COLOR: "1" },
  });
  return { ...printed, asked, unused: left };
}

const converted = (root: string): string[] =>
  ["ant", "bee", "cat"].filter((name) =>
    Object.values(contents(root)).some((text) => text.includes(`function* ${name}`)),
  );

describe("migrate --interactive", () => {
  it.each([
    [["yes", "no", "yes"], ["ant", "cat"], 3],
    [["no", "all"], ["bee", "cat"], 2],
    [["yes", "none"], ["ant"], 2],
    [["none"], [], 1],
    [["all"], ["ant", "bee", "cat"], 1],
  ] as const)("O-22 with the answers %j it migrates %j", async (answers, expected, questions) => {
    const root = project(zoo);
    const { code, asked, unused } = await answering(root, answers, "--write");
    expect({ code, asked, unused }).toEqual({ code: 0, asked: questions, unused: [] });
    expect(converted(root)).toEqual(expected);
  });

  it("O-22 shows the group and its changes, and gives what was declined a reason", async () => {
    const root = project(zoo);
    const { stdout, stderr } = await answering(root, ["no", "all"], "--write", "--format", "json");
    expect(stderr).toContain("ant  a.ts:1:8\n  -export async function ant() {}\n  +export function* ant() {}");
    const left = (JSON.parse(stdout) as Report).candidates.filter(({ name }) => name === "ant");
    expect(left).toMatchObject([
      { disposition: "leave", reasons: [{ code: "TR1803", message: "ant: it was declined" }] },
    ]);
  });

  it("O-22 stopped by the person, it changes nothing and exits 130", async () => {
    const root = project(zoo);
    const before = contents(root);
    const { code, stderr } = await answering(root, ["yes", "stop"], "--write");
    expect(code).toBe(130);
    expect(stderr).toContain("nothing was changed");
    expect(contents(root)).toEqual(before);
  });

  it("O-22 is refused where nobody can be asked", async () => {
    const { code, stdout, stderr } = await trestle(project(zoo), ["migrate", "-i"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("--interactive needs a terminal");
  });
});
