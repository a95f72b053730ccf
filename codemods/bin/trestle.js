#!/usr/bin/env node
// Starts the built command line; in a checkout that is not built yet, says how to build it.
import { existsSync } from "node:fs";

const cli = new URL("../dist/cli.js", import.meta.url);

if (existsSync(cli)) {
  const { main } = await import(cli.href);
  await main();
} else {
  process.stderr.write(
    "trestle: this checkout is not built yet; run `npx tsc -b codemods` at its top, then try again\n",
  );
  process.exitCode = 2;
}
