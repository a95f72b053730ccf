/** What the examples of the rules take for granted. */
type Op<T> = import("trestle").Op<T>;
type Switch = import("trestle").Switch;
type Deferred<T> = import("trestle").Deferred<T>;

declare function load(id?: number): Op<string>;
declare function loadAll(): Op<string[]>;
declare function save(id: number): Op<void>;
declare function isReady(): Op<boolean>;
declare function close(): Op<void>;
declare function use(...values: unknown[]): void;
declare function fetchPage(id: number): Promise<string>;
declare const ids: number[];
declare const ready: boolean;
declare const url: string;
declare const emitter: { on(event: string, listener: (...args: never[]) => void): void };
declare function it(title: string, test: () => unknown): void;
declare function readText(done: (error: Error | null, text: string) => void): void;
