/** guides/lint.md says what the rules say. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { pageOf } from "./page.js";

const path = join(import.meta.dirname, "..", "..", "..", "guides", "lint.md");

it("the page of the rules is what the rules say; `--update` behind the path of this test writes it anew", async () => {
  await expect(await pageOf(readFileSync(path, "utf8"))).toMatchFileSnapshot(path);
});
