// Where the bytes of a bundle come from.

/** Bytes of a known number, any range of which can be read. */
export interface ByteSource {
  /** How many there are. */
  readonly size: number;
  /**
   * The `size` bytes at `offset`, all of them, which nobody else changes afterwards.
   * The range lies within the source. It throws where the bytes cannot be had.
   */
  read(offset: number, size: number): Promise<Uint8Array>;
}

/** A bundle in memory. */
export class BytesSource implements ByteSource {
  readonly size: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.size = bytes.length;
  }

  // A copy: what was checked stays what it was when the caller's bytes change.
  async read(offset: number, size: number): Promise<Uint8Array> {
    return Uint8Array.prototype.slice.call(this.#bytes, offset, offset + size);
  }
}

/** A `Blob` or `File`, of which no more is read than is asked for. */
export class BlobSource implements ByteSource {
  readonly size: number;
  readonly #blob: Blob;

  constructor(blob: Blob) {
    this.#blob = blob;
    this.size = blob.size;
  }

  async read(offset: number, size: number): Promise<Uint8Array> {
    return new Uint8Array(await this.#blob.slice(offset, offset + size).arrayBuffer());
  }
}

// A page of a file, and most manifests of a few artifacts.
const READ_AHEAD = 4096;

/**
 * Serves short reads from one range that it holds: a walk over small records then
 * takes one read for many of them.
 */
export class ReadAhead implements ByteSource {
  readonly #source: ByteSource;
  readonly #backwards: boolean;
  #start = 0;
  #held = new Uint8Array(0) as Uint8Array;

  constructor(
    source: ByteSource,
    readonly size: number,
    direction: "forwards" | "backwards",
  ) {
    this.#source = source;
    this.#backwards = direction === "backwards";
  }

  async read(offset: number, size: number): Promise<Uint8Array> {
    const end = offset + size;
    if (size > READ_AHEAD) return this.#source.read(offset, size);
    if (offset < this.#start || end > this.#start + this.#held.length) {
      const start = this.#backwards ? Math.max(0, end - READ_AHEAD) : offset;
      const stop = this.#backwards ? end : Math.min(this.size, offset + READ_AHEAD);
      this.#held = await this.#source.read(start, stop - start);
      this.#start = start;
    }
    return this.#held.slice(offset - this.#start, end - this.#start);
  }
}
