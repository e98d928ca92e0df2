// What needs Node: bundles in files.
import { open, type FileHandle } from "node:fs/promises";

import type { ByteSource } from "./byte_source.js";

/** A file, of which no more is read than is asked for. Close it when done. */
export class FileSource implements ByteSource {
  readonly #file: FileHandle;

  private constructor(
    file: FileHandle,
    readonly size: number,
  ) {
    this.#file = file;
  }

  static async open(path: string): Promise<FileSource> {
    const file = await open(path, "r");
    try {
      return new FileSource(file, (await file.stat()).size);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async read(offset: number, size: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(size);
    for (let done = 0; done < size; ) {
      const { bytesRead } = await this.#file.read(bytes, done, size - done, offset + done);
      if (bytesRead === 0) throw new Error("the file became shorter while it was read");
      done += bytesRead;
    }
    return bytes;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
