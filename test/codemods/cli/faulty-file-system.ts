/** A real file system in which chosen steps go wrong: before they do anything, or half-way through a write. */

import type { FileHandle } from "node:fs/promises";
import { nodeFileSystem, type FileSystem } from "../../../codemods/file-system.js";

/** Called before every step with its number and name; what it throws is the step's failure. */
export type Step = (index: number, name: string) => void;

export function watchedFileSystem(step: Step): FileSystem {
  let index = 0;
  const handle = (real: FileHandle): FileHandle =>
    new Proxy(real, {
      get(target, property) {
        const member: unknown = Reflect.get(target, property);
        if (typeof member !== "function") return member;
        return async (...args: unknown[]): Promise<unknown> => {
          try {
            step(index++, `handle.${String(property)}`);
          } catch (error) {
            if (property === "writeFile") await target.writeFile((args[0] as Buffer).subarray(0, 3));
            if (property === "close") await target.close();
            throw error;
          }
          return (member as (...args: unknown[]) => Promise<unknown>).apply(target, args);
        };
      },
    });
  return new Proxy(nodeFileSystem, {
    get(target, property) {
      const member = Reflect.get(target, property) as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]): Promise<unknown> => {
        step(index++, String(property));
        const result = await member(...args);
        return property === "open" ? handle(result as FileHandle) : result;
      };
    },
  });
}

export function ioError(message = "i/o error"): Error {
  return Object.assign(new Error(`EIO: ${message}`), { code: "EIO" });
}
