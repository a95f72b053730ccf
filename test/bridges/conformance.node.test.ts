// Node only: its streams, its threads.
// The contract of the worlds of Node, adapter by adapter.

import * as streamsExports from "@trestle/bridges/streams";
import * as webStreamsExports from "@trestle/bridges/web-streams";
import * as workerExports from "@trestle/bridges/worker";
import { conformance } from "./conformance.js";
import { expectNoUnhandledRejections } from "./world.js";
import { streams } from "./worlds/streams.js";
import { webStreams } from "./worlds/web-streams.js";

expectNoUnhandledRejections();

conformance("streams", streams, streamsExports);
conformance("web-streams", webStreams, webStreamsExports);
conformance("worker", undefined, workerExports);
