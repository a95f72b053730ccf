/** The executable as it is, with the real analysis in its own thread. */

import { main } from "../../../codemods/cli.js";

await main();
