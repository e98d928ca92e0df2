// Further named values of artifacts, each with the type in which it was written.
import { AttributeSchema, type Attribute as Message } from "../gen/precompile/v1/artifact_pb.js";
import { create } from "@bufbuild/protobuf";

import { viewOf } from "./bytes.js";
import { doubleBytes, doubleField } from "./wire.js";

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

export function doubleOf(bits: bigint): Double {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, bits, true);
  return { type: "double", value: view.getFloat64(0, true), bits };
}

export function attributeOf(message: Message): Attribute {
  const { name } = message;
  const double = doubleBytes(message);
  if (double) return { name, value: doubleOf(viewOf(double).getBigUint64(0, true)) };
  const { value } = message;
  switch (value.case) {
    case "bytesValue":
      return { name, value: { type: "bytes", value: value.value } };
    case "stringValue":
      return { name, value: { type: "string", value: value.value } };
    case "intValue":
      return { name, value: { type: "int", value: value.value } };
    case "boolValue":
      return { name, value: { type: "bool", value: value.value } };
    default:
      return { name, value: { type: "unknown" } };
  }
}

/** The attribute as a message that serializes to exactly what it is. */
export function messageOf({ name, value }: Attribute): Message {
  switch (value.type) {
    case "bytes":
      return create(AttributeSchema, { name, value: { case: "bytesValue", value: value.value } });
    case "string":
      return create(AttributeSchema, { name, value: { case: "stringValue", value: value.value } });
    case "int":
      return create(AttributeSchema, { name, value: { case: "intValue", value: value.value } });
    case "bool":
      return create(AttributeSchema, { name, value: { case: "boolValue", value: value.value } });
    case "double": {
      const message = create(AttributeSchema, { name });
      const bytes = new Uint8Array(8);
      viewOf(bytes).setBigUint64(0, value.bits, true);
      message.$unknown = [doubleField(AttributeSchema.field.doubleValue, bytes)];
      return message;
    }
    case "unknown":
      return create(AttributeSchema, { name });
  }
}
