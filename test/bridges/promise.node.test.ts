// Node only: other realms are made with node:vm, and the server that answers slowly with node:http.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { fromAsync, fromPromise, toPromise } from "@trestle/bridges";
import { Cell, countAbortListeners, expectNoUnhandledRejections, outcome } from "./world.js";

expectNoUnhandledRejections();

it("BP-09 waits for promises of other realms", async () => {
  const foreign = runInNewContext("Promise.resolve('realm')") as Promise<string>;
  expect(foreign instanceof Promise).toBe(false);
  expect(await toPromise(() => fromPromise(foreign))).toBe("realm");
});

it("BP-34 aborts a fetch while its body streams, and leaves no listener", async () => {
  const server = createServer((_request, response) => void response.write("first"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const reading = new Cell();
  let listeners = () => -1;
  let aborted: unknown;
  const controller = new AbortController();
  const ended = toPromise(
    () =>
      fromAsync(async (signal) => {
        listeners = countAbortListeners(signal);
        const response = await fetch(`http://127.0.0.1:${port}`, { signal });
        const reader = response.body!.getReader();
        await reader.read();
        reading.resolve(undefined);
        try {
          await reader.read();
        } catch (error) {
          aborted = error;
          throw error;
        }
      }),
    { signal: controller.signal },
  );
  await reading.promise;
  controller.abort("stop");
  expect(await outcome(ended)).toBe("error stop");
  expect(aborted).toMatchObject({ name: "AbortError" });
  expect(listeners()).toBe(0);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
