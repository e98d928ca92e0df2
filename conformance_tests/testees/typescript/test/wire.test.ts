import assert from "node:assert/strict";
import { test } from "node:test";

import { fromBinary, toBinary } from "@bufbuild/protobuf";

import { AttributeSchema } from "../gen/precompile/v1/artifact_pb.js";
import { decodeAttribute } from "../src/attributes.js";
import { decodeId } from "../src/ids.js";
import { WireError, WireReader } from "../src/wire.js";
import { attributeMessage } from "../testee/attribute.js";

const field = (tag: number, ...content: number[]): number[] => [tag, content.length, ...content];
const id = (...bytes: number[]) => decodeId(new WireReader(Uint8Array.from(bytes)), bytes.length, 1);
const attribute = (...bytes: number[]) =>
  decodeAttribute(new WireReader(Uint8Array.from(bytes)), bytes.length, 1);
const varint = (...bytes: number[]): WireReader => new WireReader(Uint8Array.from(bytes));

test("text that is not UTF-8 is refused, also where a later value replaces it", () => {
  const texts = [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]];
  for (const bad of texts) {
    assert.throws(() => id(...field(0x12, ...bad)), WireError);
    assert.throws(() => id(...field(0x12, ...bad), ...field(0x12, 0x61)), WireError);
  }
});

test("a byte order mark is text", () => {
  assert.equal(id(...field(0x12, 0xef, 0xbb, 0xbf, 0x61)).key, "\ufeffa");
});

test("a known field of another wire type is unknown", () => {
  assert.equal(id(0x08, 0x05, ...field(0x12, 0x61), 0x15, 0, 0, 0, 0).key, "a");
});

test("64-bit numbers are exact", () => {
  const largest = [...Array<number>(9).fill(0xff), 0x01];
  const reader = varint(...largest);
  reader.varint(10);
  assert.equal(reader.uint64, 2n ** 64n - 1n);
  assert.deepEqual(attribute(0x20, ...largest).value, { type: "int", value: -(2n ** 63n) });
  assert.throws(() => varint(...Array<number>(9).fill(0xff), 0x02).varint(10), WireError);
  assert.throws(() => varint(...Array<number>(10).fill(0xff), 0x01).varint(11), WireError);
});

test("of an index and an enum the low 32 bits count, of an offset all", () => {
  assert.equal(varint(0x81, 0x80, 0x80, 0x80, 0x10).enum(5), 1);
  assert.equal(varint(0x80, 0x80, 0x80, 0x80, 0x08).enum(5), -(2 ** 31));
  assert.equal(varint(0x81, 0x80, 0x80, 0x80, 0x10).uint32(5), 1);
  assert.equal(varint(0x81, 0x80, 0x80, 0x80, 0x10).saturated(5), 2 ** 32 - 1);
  assert.equal(varint(0xff, 0xff, 0xff, 0xff, 0x0f).uint32(5), 2 ** 32 - 1);
});

test("a double keeps every bit, those of a signalling NaN too", () => {
  for (const bits of [0x7ff0000000000001n, 0xfff8000000000abcn, 1n << 63n, 0x3ff0000000000000n]) {
    const eight = Array.from({ length: 8 }, (_, at) => Number((bits >> BigInt(8 * at)) & 0xffn));
    const bytes = [0x0a, 1, 0x78, 0x29, ...eight];
    const found = attribute(...bytes);
    assert.ok(found.value.type === "double" && found.value.bits === bits);
    assert.deepEqual(toBinary(AttributeSchema, attributeMessage(found)), Uint8Array.from(bytes));
  }
});

test("each type of value is that of generated code", () => {
  const values = [
    field(0x12, 1, 2), field(0x1a, 0x78), [0x20, 0x03], [0x30, 0x01], [0x30, 0x00],
    [0x29, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f],
  ];
  for (const value of values) {
    const bytes = Uint8Array.from([...field(0x0a, 0x61), ...value]);
    const told = toBinary(AttributeSchema, attributeMessage(attribute(...bytes)));
    assert.deepEqual(fromBinary(AttributeSchema, told), fromBinary(AttributeSchema, bytes));
  }
});

test("the last member of a oneof counts", () => {
  const double = [0x29, 0, 0, 0, 0, 0, 0, 0, 0];
  assert.equal(attribute(...double, 0x30, 0x01).value.type, "bool");
  assert.equal(attribute(0x30, 0x01, ...double).value.type, "double");
  assert.equal(attribute(...field(0x0a, 0x78)).value.type, "unknown");
});

test("groups are skipped up to their own ends, to a depth of 32", () => {
  const groups = (depth: number) => [...Array<number>(depth).fill(0x9b), ...Array<number>(depth).fill(0x9c)]
    .flatMap((byte) => [byte, 0x01]);
  assert.equal(id(...groups(31), ...field(0x12, 0x61)).key, "a");
  const deep = Uint8Array.from(groups(100_000));
  assert.throws(() => decodeId(new WireReader(deep), deep.length, 1), WireError);
  assert.throws(() => id(0x9b, 0x01, 0xa4, 0x01), WireError);
  assert.throws(() => id(0x9b, 0x01), WireError);
  assert.throws(() => id(0x9c, 0x01), WireError);
});

test("what is cut off is refused at every place", () => {
  const whole = [...field(0x0a, 0x61), 0x18, 0x81, 0x01, 0x79, ...Array<number>(8).fill(0), 0x7d, 0, 0, 0, 0];
  const ends = new Set([0, 3, 6, 15, 20]);
  for (let size = 0; size <= whole.length; size++) {
    const read = () => id(...whole.slice(0, size));
    if (ends.has(size)) read();
    else assert.throws(read, WireError, `${size} bytes`);
  }
});
