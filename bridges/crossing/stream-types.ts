// The streams of Node and of the web, by the names that a project has them under; `any` in a project without their types, so that our
// declarations compile there, too.
/* eslint-disable @typescript-eslint/ban-ts-comment -- the names are looked up in the project that uses the declarations */

/** Node's `Readable`.
 * @ts-ignore */
export type NodeReadable = import("node:stream").Readable;

/** Node's `Writable`.
 * @ts-ignore */
export type NodeWritable = import("node:stream").Writable;

/** Node's `Duplex`.
 * @ts-ignore */
export type NodeDuplex = import("node:stream").Duplex;

/** The web's `ReadableStream`.
 * @ts-ignore */
export type WebReadable<T> = ReadableStream<T>;

/** The web's `WritableStream`.
 * @ts-ignore */
export type WebWritable<T> = WritableStream<T>;

/** How much a web stream keeps ahead: the platform's `QueuingStrategy`. */
export interface Strategy<T> {
  /** The size up to which the queue is filled. */
  highWaterMark?: number;
  /** The size of one chunk; by default 1 each. */
  size?(chunk: T): number;
}
