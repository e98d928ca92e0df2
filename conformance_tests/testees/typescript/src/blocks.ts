// The block entries of a manifest, a column for each property.
import type { Faults } from "./faults.js";
import type { WireReader } from "./wire.js";

export const DIGEST_SIZE = 32;

/** Entries of a manifest. Numbers above 32 bits are held as 2^32 - 1, which no valid entry has. */
export class BlockTable {
  /** How many entries there are. */
  readonly length: number;
  /** Of each block's data as stored, one behind another. */
  readonly #digests: Uint8Array;
  /** Bytes of the whole record; 0: the block is external. */
  readonly recordSizes: Uint32Array;
  readonly compressions: Int32Array;
  /** Bytes of the decompressed content. */
  readonly contentSizes: Uint32Array;
  #decoded = 0;
  #starts: Float64Array | undefined;

  /** Makes room for as many entries as were counted. */
  constructor(length: number) {
    this.length = length;
    this.#digests = new Uint8Array(length * DIGEST_SIZE);
    this.recordSizes = new Uint32Array(length);
    this.compressions = new Int32Array(length);
    this.contentSizes = new Uint32Array(length);
  }

  /** Decodes the `BlockEntry` at the reader's place, the next one of the table. */
  decodeNext(reader: WireReader, end: number, depth: number, faults: Faults): void {
    const index = this.#decoded++;
    let digest: Uint8Array | undefined;
    while (reader.at < end) {
      const tag = reader.tag(end);
      if (tag === 0x0a) digest = reader.view(end);
      else if (tag === 0x10) this.recordSizes[index] = reader.saturated(end);
      else if (tag === 0x18) this.compressions[index] = reader.enum(end);
      else if (tag === 0x20) this.contentSizes[index] = reader.saturated(end);
      else reader.skip(tag, end, depth);
    }
    // [PCB-WIRE-005]
    if (this.compressions[index] === 0) faults.malformed ??= "a block has no compression";
    // [PCB-WIRE-006]
    if (digest?.length === DIGEST_SIZE) this.#digests.set(digest, index * DIGEST_SIZE);
    else faults.malformed ??= "a block's digest";
  }

  /** A view that nobody changes. */
  digest(index: number): Uint8Array {
    return this.#digests.subarray(index * DIGEST_SIZE, (index + 1) * DIGEST_SIZE);
  }

  isExternal(index: number): boolean {
    return this.recordSizes[index] === 0;
  }

  contentSize(index: number): number {
    return this.contentSizes[index] as number;
  }

  /** Where each block's content begins if all contents lie one behind another; last, where they end. */
  get starts(): Float64Array {
    if (!this.#starts) {
      this.#starts = new Float64Array(this.length + 1);
      this.contentSizes.forEach((size, index, _, starts = this.#starts as Float64Array) => {
        starts[index + 1] = (starts[index] as number) + size;
      });
    }
    return this.#starts;
  }
}
