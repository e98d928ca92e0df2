// Protobuf on the wire: tags, varints, lengths and text, read one behind another.
//
// The messages of a bundle are decoded by hand, in one pass over their bytes: generated
// code makes an object of each, and takes text that is not UTF-8.

/** The bytes are not a message of the type asked for. */
export class WireError extends Error {}

/** The wire types in use; a tag is a field's number * 8 + one of them. */
export const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const START_GROUP = 3;
const END_GROUP = 4;
const FIXED32 = 5;

// [PCB-LIM-009] [PCB-WIRE-007] The outermost message counts as 1.
const MAX_DEPTH = 32;

// A byte order mark is text like any other.
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** [PCB-WIRE-002] The text in these bytes. */
export function textOf(bytes: Uint8Array): string {
  if (bytes.length === 0) return "";
  try {
    return UTF8.decode(bytes);
  } catch {
    throw new WireError("text is not UTF-8");
  }
}

/** A place in bytes that moves over what is read. `end` is where the message around it ends. */
export class WireReader {
  /** The last varint, in two halves of 32 bits. */
  low = 0;
  high = 0;

  constructor(
    readonly bytes: Uint8Array,
    public at = 0,
  ) {}

  /** The next field's tag. A known number with another wire type is another tag, and unknown. */
  tag(end: number): number {
    this.varint(end);
    // [PCB-WIRE-007]
    if (this.high !== 0) throw new WireError("a tag is too large");
    if (this.low >>> 3 === 0) throw new WireError("a field has the number 0");
    return this.low;
  }

  varint(end: number): void {
    const first = this.at < end ? (this.bytes[this.at] as number) : 0x80;
    if (first < 0x80) {
      this.at++;
      this.low = first;
      this.high = 0;
    } else this.#longVarint(end);
  }

  #longVarint(end: number): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= end) throw new WireError("a varint is cut off");
      const byte = this.bytes[this.at++] as number;
      const bits = byte & 0x7f;
      if (shift <= 28) low |= bits << shift;
      if (shift === 28) high = bits >>> 4;
      else if (shift > 28) high |= bits << (shift - 32);
      if (byte >= 0x80) continue;
      if (shift === 63 && byte > 1) break;
      this.low = low >>> 0;
      this.high = high >>> 0;
      return;
    }
    // [PCB-WIRE-001] [PCB-WIRE-007]
    throw new WireError("a varint has more than 64 bits");
  }

  /** All of the last varint. */
  get uint64(): bigint {
    return (BigInt(this.high) << 32n) | BigInt(this.low);
  }

  /** The low 32 bits of a varint. */
  uint32(end: number): number {
    this.varint(end);
    return this.low;
  }

  /** An enum's value: 32 bits with a sign. */
  enum(end: number): number {
    this.varint(end);
    return this.low | 0;
  }

  bool(end: number): boolean {
    this.varint(end);
    return (this.low | this.high) !== 0;
  }

  sint64(end: number): bigint {
    this.varint(end);
    const zigzag = this.uint64;
    return (zigzag >> 1n) ^ -(zigzag & 1n);
  }

  /** A number; 2^32 - 1 stands for all above. */
  saturated(end: number): number {
    this.varint(end);
    return this.high === 0 ? this.low : 0xffff_ffff;
  }

  /** Reads a length and gives where what it counts ends. */
  length(end: number): number {
    this.varint(end);
    if (this.high !== 0 || this.low > end - this.at) throw new WireError("a field is cut off");
    return this.at + this.low;
  }

  /** A view of a length-delimited value. */
  view(end: number): Uint8Array {
    const stop = this.length(end);
    const start = this.at;
    this.at = stop;
    return this.bytes.subarray(start, stop);
  }

  text(end: number): string {
    return textOf(this.view(end));
  }

  /** Passes the value of a field that nobody knows. */
  skip(tag: number, end: number, depth: number): void {
    const groups: number[] = [];
    for (let next = tag; ; next = this.tag(end)) {
      const type = next & 7;
      if (type === VARINT) this.varint(end);
      else if (type === FIXED64) this.forward(8, end);
      else if (type === FIXED32) this.forward(4, end);
      else if (type === LENGTH_DELIMITED) this.at = this.length(end);
      else if (type === START_GROUP) groups.push(next >>> 3);
      else if (type !== END_GROUP) throw new WireError("a field has no wire type of protobuf");
      else if (groups.pop() !== next >>> 3) throw new WireError("a group ends that did not begin");
      if (groups.length === 0) return;
      if (depth + groups.length > MAX_DEPTH) throw new WireError("groups are nested too deep");
    }
  }

  forward(size: number, end: number): void {
    if (end - this.at < size) throw new WireError("a field is cut off");
    this.at += size;
  }
}
