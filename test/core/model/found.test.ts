// What random programs have found, in the form in which it was printed.

import { it } from "vitest";
import { same } from "./compare.js";

it("SW-23 a release handler that cancels its own context does not cancel the handlers after it", () =>
  same([
    "seq",
    [
      ["onRelease", 0, ["yield"]],
      ["onRelease", 0, ["cancelOwn", 0]],
    ],
  ]));
