// The columns of numbers in an artifact table while they are decoded, packed or one by one.
import type { WireReader } from "./wire.js";

/** Holds as many numbers as there are artifacts; those beyond are counted, and take no memory. */
export interface Column {
  /** How many numbers were decoded. */
  readonly length: number;
  /** Decodes one number. */
  decodeNext(reader: WireReader, end: number): void;
}

/** Decodes a packed run of numbers. */
export function decodePacked(column: Column, reader: WireReader, end: number): void {
  const stop = reader.length(end);
  while (reader.at < stop) column.decodeNext(reader, stop);
}

/** Indices, of which the low 32 bits count. */
export class IndexColumn implements Column {
  length = 0;
  readonly values: Uint32Array;

  constructor(capacity: number) {
    this.values = new Uint32Array(capacity);
  }

  decodeNext(reader: WireReader, end: number): void {
    reader.varint(end);
    if (this.length < this.values.length) this.values[this.length] = reader.low;
    this.length++;
  }
}

/** Offsets in the content of a block, which has no byte at 2^32 - 1 or beyond. */
export class OffsetColumn implements Column {
  length = 0;
  readonly values: Uint32Array;

  constructor(capacity: number) {
    this.values = new Uint32Array(capacity);
  }

  decodeNext(reader: WireReader, end: number): void {
    const value = reader.saturated(end);
    if (this.length < this.values.length) this.values[this.length] = value;
    this.length++;
  }
}

/** Sizes, and their exact sum. One of 2^53 or more is rounded: no blocks hold so much. */
export class SizeColumn implements Column {
  length = 0;
  readonly values: Float64Array;
  #sum = 0;
  #carried = 0n;

  constructor(capacity: number) {
    this.values = new Float64Array(capacity);
  }

  get total(): bigint {
    return this.#carried + BigInt(this.#sum);
  }

  decodeNext(reader: WireReader, end: number): void {
    reader.varint(end);
    const size = reader.high * 2 ** 32 + reader.low;
    if (this.length < this.values.length) this.values[this.length] = size;
    this.length++;
    if (this.#sum + size <= Number.MAX_SAFE_INTEGER) this.#sum += size;
    else {
      this.#carried += BigInt(this.#sum) + reader.uint64;
      this.#sum = 0;
    }
  }
}
