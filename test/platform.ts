// What tests ask of the platform, on Node and in pages: macrotasks, what it reports as unhandled, settings, and what was printed.

import { afterAll, beforeAll, expect, inject, vi } from "vitest";

export const onNode = typeof process === "object";

declare module "vitest" {
  interface ProvidedContext {
    settings: Record<string, string>;
  }
}

/** A setting of the environment; a page is given those that it needs. */
export function setting(name: string): string | undefined {
  return (onNode ? process.env[name] : inject("settings")[name]) || undefined;
}

/** Milliseconds of processor time, or where they are not told, of time. */
export function processorTime(): number {
  if (!onNode) return performance.now();
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Has `take` called with what is written to the standard error output, or to the console where there is none, until mocks are restored. */
export function captureErrorOutput(take: (text: string) => void): void {
  if (onNode) {
    vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      take(String(text));
      return true;
    });
  } else vi.spyOn(console, "error").mockImplementation((text) => take(`${String(text)}\n`));
}

/** Has `callback` called in a macrotask of its own, the next one that is not a timer. */
export function later(callback: () => void): void {
  if (onNode) {
    setImmediate(callback);
    return;
  }
  const { port1, port2 } = new MessageChannel() as unknown as Record<"port1" | "port2", PagePort>;
  port1.onmessage = () => {
    port1.close();
    callback();
  };
  port2.postMessage(0);
}

interface PagePort {
  onmessage: (() => void) | null;
  postMessage(message: unknown): void;
  close(): void;
}

/** Lets the platform run a macrotask. */
export function macrotask(): Promise<void> {
  return new Promise((resolve) => later(resolve));
}

/** Runs `fn` and gives the rejections that the platform reported as unhandled meanwhile, instead of failing the run. */
export async function unhandledDuring(fn: () => unknown): Promise<unknown[]> {
  return await during("rejection", fn);
}

/** The same for errors thrown from macrotasks. */
export async function uncaughtDuring(fn: () => unknown): Promise<unknown[]> {
  return await during("exception", fn);
}

type Kind = "rejection" | "exception";

async function during(kind: Kind, fn: () => unknown): Promise<unknown[]> {
  const seen: unknown[] = [];
  const restore = capture(kind, (reason) => seen.push(reason));
  try {
    await fn();
    await allReported();
  } finally {
    restore();
  }
  return seen;
}

/** Resolves when the platform has reported whatever it has to report by now. */
export async function allReported(): Promise<void> {
  await macrotask();
  await macrotask();
  await new Promise((resolve) => setTimeout(resolve, 5));
  if (onNode) return;
  // A page reports in its own time, but in order: when it reports this rejection, it has reported those before it.
  await new Promise<void>((resolve) => {
    const last = new Error("the last rejection");
    const restore = capture("rejection", (reason) => {
      if (reason !== last) return false;
      restore();
      resolve();
      return true;
    });
    void Promise.reject(last);
  });
}

/** Has `take` called with what is reported, and nobody else unless it returns false; gives the function that ends it. */
function capture(kind: Kind, take: Take): () => void {
  return onNode ? captureOnNode(kind, take) : captureInPage(kind, take);
}

type Take = (reason: unknown) => unknown;

function captureOnNode(kind: Kind, take: Take): () => void {
  const event = kind === "rejection" ? "unhandledRejection" : ("uncaughtException" as "unhandledRejection");
  const others = process.listeners(event);
  process.removeAllListeners(event);
  process.on(event, take);
  return () => {
    process.removeAllListeners(event);
    for (const other of others) process.on(event, other);
  };
}

interface Report {
  readonly reason?: unknown;
  readonly error?: unknown;
  preventDefault(): void;
}

interface Page {
  addEventListener(type: string, listener: (event: Report) => void): void;
  removeEventListener(type: string, listener: (event: Report) => void): void;
}

/** Those who capture, the innermost last. The page tells all its listeners; so there is one, which asks them in turn. */
const captures: { kind: Kind; take: Take }[] = [];

function captureInPage(kind: Kind, take: Take): () => void {
  const page = globalThis as unknown as Page;
  const type = kind === "rejection" ? "unhandledrejection" : "error";
  const listener = (event: Report) => {
    if (captures.findLast((each) => each.kind === kind) !== entry) return;
    const reason = kind === "rejection" ? event.reason : event.error;
    if (captures.findLast((each) => each.kind === kind && each.take(reason) !== false)) event.preventDefault();
  };
  const entry = { kind, take };
  captures.push(entry);
  page.addEventListener(type, listener);
  return () => {
    captures.splice(captures.indexOf(entry), 1);
    page.removeEventListener(type, listener);
  };
}

/** Fails the file if the platform reports an unhandled rejection while its tests run. */
export function expectNoUnhandledRejections(): void {
  const seen: unknown[] = [];
  let restore = () => {};
  beforeAll(() => {
    restore = listen((reason) => void seen.push(reason));
  });
  afterAll(async () => {
    await macrotask();
    restore();
    expect(seen).toEqual([]);
  });
}

function listen(listener: (reason: unknown) => void): () => void {
  if (onNode) {
    process.on("unhandledRejection", listener);
    return () => process.off("unhandledRejection", listener);
  }
  return captureInPage("rejection", (reason) => (listener(reason), false));
}
