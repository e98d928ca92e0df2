// The columns of an artifact table while they are decoded, packed and unpacked elements alike.
import type { WireReader } from "./wire.js";

/** Holds as many numbers as there are artifacts; those beyond are counted, and take no memory. */
abstract class Column<Values extends Uint32Array | Float64Array> {
  length = 0;

  constructor(readonly values: Values) {}

  protected abstract read(reader: WireReader, end: number): number;

  /** Decodes one number. */
  decodeNext(reader: WireReader, end: number): void {
    const value = this.read(reader, end);
    if (this.length < this.values.length) this.values[this.length] = value;
    this.length++;
  }

  /** Decodes a packed run of numbers. */
  decodePacked(reader: WireReader, end: number): void {
    const stop = reader.length(end);
    while (reader.at < stop) this.decodeNext(reader, stop);
  }
}

/** Indices, of which the low 32 bits count. */
export class IndexColumn extends Column<Uint32Array> {
  constructor(capacity: number) {
    super(new Uint32Array(capacity));
  }

  protected read(reader: WireReader, end: number): number {
    return reader.uint32(end);
  }
}

/** Offsets in the content of a block, which has no byte at 2^32 - 1 or beyond. */
export class OffsetColumn extends Column<Uint32Array> {
  constructor(capacity: number) {
    super(new Uint32Array(capacity));
  }

  protected read(reader: WireReader, end: number): number {
    return reader.saturated(end);
  }
}

/** Sizes, and their exact sum. One of 2^53 or more is rounded: no blocks hold so much. */
export class SizeColumn extends Column<Float64Array> {
  #sum = 0;
  #carried = 0n;

  constructor(capacity: number) {
    super(new Float64Array(capacity));
  }

  get total(): bigint {
    return this.#carried + BigInt(this.#sum);
  }

  protected read(reader: WireReader, end: number): number {
    reader.varint(end);
    const size = reader.high * 2 ** 32 + reader.low;
    if (this.#sum + size <= Number.MAX_SAFE_INTEGER) this.#sum += size;
    else {
      this.#carried += BigInt(this.#sum) + reader.uint64;
      this.#sum = 0;
    }
    return size;
  }
}
