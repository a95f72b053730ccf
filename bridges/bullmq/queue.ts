// A queue of BullMQ as both sides know it: what its jobs look like, and how its connections end.

import { deserialize, serialize } from "node:v8";
import type { ConnectionOptions } from "bullmq";
import type { Op } from "trestle";
import { expectSendable, notCopied } from "trestle/job";
import { decodeThrown, encodeThrown } from "trestle/message";
import { awaitValue } from "../crossing/reaction.js";
import { expectOptions, refuse } from "../crossing/refuse.js";

/** The event by which workers are told to stop a job. */
export const CANCEL = "trestle:cancel";
/** From the first event that is kept on: what happens before a listener has its connection is not missed. */
export const FROM_THE_FIRST = "0-0";

/** What both sides say about the queue. */
export interface QueueOptions {
  /** The name of the queue. */
  name: string;
  /** Where Redis is: what BullMQ takes. */
  connection: ConnectionOptions;
  /** What all keys in Redis begin with. Default: that of BullMQ. */
  prefix?: string;
}

/** A job in the queue. Arguments, results and errors are texts, of what a structured clone has. */
export interface Data {
  readonly module: string;
  readonly name: string;
  readonly args: string;
  /** How the latest attempt has failed. */
  readonly failure?: string;
}

export function pack(where: string, what: string, value: unknown): string {
  expectSendable(where, what, value);
  try {
    return serialize(value).toString("base64");
  } catch (error) {
    throw notCopied(where, what, error);
  }
}

export function unpack(text: string): unknown {
  return deserialize(Buffer.from(text, "base64"));
}

export function packError(thrown: unknown): string {
  return serialize(encodeThrown(thrown)).toString("base64");
}

export function unpackError(text: string): unknown {
  return decodeThrown(unpack(text));
}

export function expectQueue(where: string, options: QueueOptions): void {
  expectOptions(where, options, "prefix");
  const { name, connection } = (options ?? {}) as Partial<Record<keyof QueueOptions, unknown>>;
  if (typeof name !== "string") refuse(where, "options.name", "a string", name);
  if (typeof connection !== "object" || connection === null)
    refuse(where, "options.connection", "what BullMQ takes, such as { host, port }", connection);
}

/** What BullMQ is told of the queue. */
export function baseOf({ connection, prefix }: QueueOptions): { connection: ConnectionOptions; prefix?: string } {
  return prefix === undefined ? { connection } : { connection, prefix };
}

/** BullMQ connects again by itself, and tells of each time that it cannot. */
export function ignoreErrorsOf(part: unknown): void {
  (part as { on(event: string, listener: () => void): void }).on("error", () => {});
}

/** Something of BullMQ that has connections to Redis. */
interface Part {
  close(): Promise<unknown>;
}

/** The client under a connection. Where there is none of this shape, nothing is known of it. */
interface Client {
  readonly status?: string;
  disconnect?(): void;
}

function clientsOf(part: unknown): Client[] {
  const { backend } = part as { backend?: Record<string, { _client?: Client } | undefined> };
  return ["connection", "blockingConnection"].flatMap((name) => backend?.[name]?._client ?? []);
}

/** Whether Redis can be reached, as far as is known. */
export function isConnected(part: unknown): boolean {
  return clientsOf(part).every(({ status = "ready" }) => status === "ready");
}

/** How many milliseconds an end may take. BullMQ waits for Redis for ever. */
const PATIENCE = 1_000;

/** Ends connections, also those to a Redis that is not there. */
export function* endOf(label: string, parts: readonly Part[]): Op<void> {
  yield* awaitValue(label, Promise.all(parts.map(end)));
}

/** Without Redis a worker does not come to the end of its own closing: the timer of its locks would keep the process alive. */
function cutOff(part: unknown): void {
  for (const client of clientsOf(part)) client.disconnect?.();
  void (part as { lockManager?: { close?(): unknown } }).lockManager?.close?.();
}

async function end(part: Part): Promise<void> {
  const closed = part.close().then(
    () => true,
    () => true,
  );
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), PATIENCE);
  });
  if (!(await Promise.race([closed, late]))) cutOff(part);
  clearTimeout(timer);
}
