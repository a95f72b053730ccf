// @ts-check
// A process that does the jobs of a queue, for tests. Its argument is the options as JSON; it writes a line when it has started, and ends
// when its standard input does.

import { serveQueue } from "@trestle/bridges/bullmq";
import { Fiber, Flow } from "trestle";
import { run } from "trestle/node";
import * as jobs from "./queue-jobs.js";

const options = JSON.parse(process.argv[2] ?? "");

run(function* (env) {
  yield* Fiber.first(
    () => serveQueue({ ...options, env, modules: { jobs } }),
    function* () {
      yield* Flow.copyString("ready\n", env.stdout);
      yield* Flow.readAll(env.stdin);
    },
  );
}).then(() => process.exit(0));
