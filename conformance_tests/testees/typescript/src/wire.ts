// The rules of protobuf as SPEC.md has them, over the descriptors of generated code.
//
// protobuf-es has a decoder of its own. It is not asked here, since it takes text
// that is not UTF-8 and fields of another wire type, and a number of JavaScript
// does not keep the bits of a NaN.
import {
  ScalarType, create,
  type DescField, type DescMessage, type MessageShape, type UnknownField,
} from "@bufbuild/protobuf";

/** The bytes are not a message of the type asked for. */
export class WireError extends Error {}

/** Asked before each element of a list; false: it is checked and not kept. It may throw. */
export type Admit = (field: DescField) => boolean;

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const START_GROUP = 3;
const END_GROUP = 4;
const FIXED32 = 5;

// [PCB-LIM-009] [PCB-WIRE-007] The outermost message counts as 1.
const MAX_DEPTH = 32;

type Fields = Record<string, unknown>;

export function decode<Desc extends DescMessage>(
  desc: Desc, bytes: Uint8Array, admit: Admit = () => true,
): MessageShape<Desc> {
  const message = create(desc);
  new Decoder(bytes, admit).message(desc, message as unknown as Fields, bytes.length, 1);
  return message;
}

/** The 8 bytes of a double that `decode` kept as they were. */
export function doubleBytes(message: { $unknown?: UnknownField[] | undefined }): Uint8Array | undefined {
  return message.$unknown?.[0]?.data;
}

/** The field as `doubleBytes` has it: protobuf-es writes it again bit by bit. */
export function doubleField(field: DescField, bytes: Uint8Array): UnknownField {
  return { no: field.number, wireType: FIXED64, data: bytes };
}

class Decoder {
  readonly #bytes: Uint8Array;
  readonly #admit: Admit;
  #at = 0;
  // The last varint, in two halves of 32 bits.
  #low = 0;
  #high = 0;

  constructor(bytes: Uint8Array, admit: Admit) {
    this.#bytes = bytes;
    this.#admit = admit;
  }

  message(desc: DescMessage, into: Fields, end: number, depth: number): void {
    if (depth > MAX_DEPTH) throw new WireError("messages are nested too deep");
    const known = fieldsOf(desc);
    while (this.#at < end) {
      const [number, wireType] = this.#tag(end);
      const field = known.get(number);
      // [PCB-WIRE-003] A known number with another wire type is an unknown field.
      if (field && wireTypeOf(field) === wireType) this.#field(field, into, end, depth);
      else this.#skip(number, wireType, end, depth);
    }
  }

  #field(field: DescField, into: Fields, end: number, depth: number): void {
    if (field.message) this.#submessage(field, field.message, into, end, depth);
    else if (field.scalar === ScalarType.DOUBLE) this.#double(field, into, end);
    else {
      const value = this.#scalar(field, end);
      if (field.fieldKind === "list") {
        if (this.#admit(field)) (into[field.localName] as unknown[]).push(value);
      } else if (field.oneof) {
        // [PCB-WIRE-004] The last member of a oneof counts.
        delete into.$unknown;
        into[field.oneof.localName] = { case: field.localName, value };
      } else into[field.localName] = value;
    }
  }

  #submessage(
    field: DescField, desc: DescMessage, into: Fields, end: number, depth: number,
  ): void {
    const isKept = field.fieldKind !== "list" || this.#admit(field);
    const stop = this.#length(end);
    // [PCB-WIRE-004] What occurs twice and is no list is merged.
    const held = field.fieldKind === "list" ? undefined : into[field.localName];
    const value = (held ?? create(desc)) as Fields;
    this.message(desc, value, stop, depth + 1);
    if (field.fieldKind !== "list") into[field.localName] = value;
    else if (isKept) (into[field.localName] as unknown[]).push(value);
  }

  // [PCB-ART-006] Kept as a field that generated code carries and does not interpret.
  #double(field: DescField, into: Fields, end: number): void {
    const start = this.#at;
    this.#forward(8, end);
    if (field.oneof) into[field.oneof.localName] = { case: undefined };
    into.$unknown = [doubleField(field, this.#bytes.slice(start, this.#at))];
  }

  #scalar(field: DescField, end: number): unknown {
    if (field.enum) {
      this.#varint(end);
      return this.#low | 0;
    }
    switch (field.scalar) {
      case ScalarType.UINT32:
        this.#varint(end);
        return this.#low;
      case ScalarType.BOOL:
        this.#varint(end);
        return (this.#low | this.#high) !== 0;
      case ScalarType.UINT64:
        this.#varint(end);
        return this.#uint64();
      case ScalarType.SINT64: {
        this.#varint(end);
        const zigzag = this.#uint64();
        return BigInt.asIntN(64, (zigzag >> 1n) ^ -(zigzag & 1n));
      }
      case ScalarType.BYTES: {
        const stop = this.#length(end);
        const value = this.#bytes.slice(this.#at, stop);
        this.#at = stop;
        return value;
      }
      case ScalarType.STRING:
        return this.#text(end);
      default:
        throw new TypeError(`${String(field)}: a type that the schema does not use`);
    }
  }

  // [PCB-WIRE-002] [PCB-ENV-005]
  #text(end: number): string {
    const stop = this.#length(end);
    const bytes = this.#bytes.subarray(this.#at, stop);
    this.#at = stop;
    try {
      return UTF8.decode(bytes);
    } catch {
      throw new WireError("text is not UTF-8");
    }
  }

  #tag(end: number): [number: number, wireType: number] {
    this.#varint(end);
    const number = this.#low >>> 3;
    // [PCB-WIRE-007]
    if (this.#high !== 0) throw new WireError("a tag is too large");
    if (number === 0) throw new WireError("a field has the number 0");
    return [number, this.#low & 7];
  }

  #skip(number: number, wireType: number, end: number, depth: number): void {
    const groups: number[] = [];
    for (let [field, type] = [number, wireType]; ; [field, type] = this.#tag(end)) {
      if (type === VARINT) this.#varint(end);
      else if (type === FIXED64) this.#forward(8, end);
      else if (type === FIXED32) this.#forward(4, end);
      else if (type === LENGTH_DELIMITED) this.#at = this.#length(end);
      else if (type === START_GROUP) groups.push(field);
      else if (type !== END_GROUP) throw new WireError("a field has no wire type of protobuf");
      else if (groups.pop() !== field) throw new WireError("a group ends that did not begin");
      if (groups.length === 0) return;
      if (depth + groups.length > MAX_DEPTH) throw new WireError("groups are nested too deep");
    }
  }

  /** Reads a length and gives where what it counts ends. */
  #length(end: number): number {
    this.#varint(end);
    if (this.#high !== 0 || this.#low > end - this.#at) throw new WireError("a field is cut off");
    return this.#at + this.#low;
  }

  #forward(size: number, end: number): void {
    if (end - this.#at < size) throw new WireError("a field is cut off");
    this.#at += size;
  }

  #varint(end: number): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= end) throw new WireError("a varint is cut off");
      const byte = this.#bytes[this.#at++] as number;
      const bits = byte & 0x7f;
      if (shift <= 28) low |= bits << shift;
      if (shift === 28) high = bits >>> 4;
      else if (shift > 28) high |= bits << (shift - 32);
      if (byte >= 0x80) continue;
      if (shift === 63 && byte > 1) break;
      this.#low = low >>> 0;
      this.#high = high >>> 0;
      return;
    }
    // [PCB-WIRE-001] [PCB-WIRE-007]
    throw new WireError("a varint has more than 64 bits");
  }

  #uint64(): bigint {
    return (BigInt(this.#high) << 32n) | BigInt(this.#low);
  }
}

// A byte order mark is text like any other.
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const FIELDS = new WeakMap<DescMessage, Map<number, DescField>>();

function fieldsOf(desc: DescMessage): Map<number, DescField> {
  let fields = FIELDS.get(desc);
  if (!fields) {
    fields = new Map(desc.fields.map((field) => [field.number, field]));
    FIELDS.set(desc, fields);
  }
  return fields;
}

function wireTypeOf(field: DescField): number {
  switch (field.scalar) {
    case undefined:
      return field.message ? LENGTH_DELIMITED : VARINT;
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return LENGTH_DELIMITED;
    case ScalarType.DOUBLE:
      return FIXED64;
    default:
      return VARINT;
  }
}

