/**
 * The executable with the stand-in for the analysis, as a process of its own. With `DIE_AT_STEP` it kills itself just
 * before that step of the file system.
 */

import { main } from "../../../codemods/cli.js";
import { nodeFileSystem } from "../../../codemods/file-system.js";
import { watchedFileSystem } from "./faulty-file-system.js";
import { planMigration } from "./stand-in.js";

const lastStep = process.env["DIE_AT_STEP"];

const fs =
  lastStep === undefined
    ? nodeFileSystem
    : watchedFileSystem((index) => {
        if (index === Number(lastStep)) process.kill(process.pid, "SIGKILL");
      });

await main({ planMigration, fs });
