// Attributes as the suite has them.
import { create } from "@bufbuild/protobuf";

import {
  AttributeSchema, type Attribute as Message,
} from "../gen/precompile/v1/artifact_pb.js";
import type { Attribute } from "../src/index.js";

const FIXED64 = 1;

/** The attribute as a message that serializes to exactly what it is. */
export function attributeMessage({ name, value }: Attribute): Message {
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
      // As a field that generated code does not interpret: it would change the bits of a NaN.
      const message = create(AttributeSchema, { name });
      const data = new Uint8Array(8);
      new DataView(data.buffer).setBigUint64(0, value.bits, true);
      message.$unknown = [{ no: AttributeSchema.field.doubleValue.number, wireType: FIXED64, data }];
      return message;
    }
    case "unknown":
      return create(AttributeSchema, { name });
  }
}
