// Further named values of artifacts, each with the type in which it was written.
import { viewOf } from "./bytes.js";
import type { WireReader } from "./wire.js";

/** A double with its bits, since engines change those of a NaN. */
export interface Double {
  readonly type: "double";
  readonly value: number;
  /** IEEE 754 binary64, bit by bit; equal doubles are those with equal bits. */
  readonly bits: bigint;
}

export type AttributeValue =
  | { readonly type: "bytes"; readonly value: Uint8Array }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "int"; readonly value: bigint }
  | Double
  | { readonly type: "bool"; readonly value: boolean }
  /** Of a type added later: carried, and handed out to nobody. */
  | { readonly type: "unknown" };

export interface Attribute {
  readonly name: string;
  readonly value: AttributeValue;
}

/** Decodes the `Attribute` at the reader's place; bytes are a view. */
export function decodeAttribute(reader: WireReader, end: number, depth: number): Attribute {
  let name = "";
  // [PCB-WIRE-004] The last member of the oneof counts.
  let value: AttributeValue = { type: "unknown" };
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a) name = reader.text(end);
    else if (tag === 0x12) value = { type: "bytes", value: reader.view(end) };
    else if (tag === 0x1a) value = { type: "string", value: reader.text(end) };
    else if (tag === 0x20) value = { type: "int", value: reader.sint64(end) };
    else if (tag === 0x29) value = double(reader, end);
    else if (tag === 0x30) value = { type: "bool", value: reader.bool(end) };
    else reader.skip(tag, end, depth);
  }
  return { name, value };
}

// [PCB-ART-006]
function double(reader: WireReader, end: number): Double {
  const start = reader.at;
  reader.forward(8, end);
  const view = viewOf(reader.bytes);
  return { type: "double", value: view.getFloat64(start, true), bits: view.getBigUint64(start, true) };
}
