import assert from "node:assert/strict";
import { test } from "node:test";

import { toBinary } from "@bufbuild/protobuf";

import { ArtifactSchema, AttributeSchema } from "../gen/precompile/v1/artifact_pb.js";
import { ManifestSchema } from "../gen/precompile/v1/bundle_pb.js";
import { attributeOf, messageOf } from "../src/attributes.js";
import { concatBytes } from "../src/bytes.js";
import { WireError, decode } from "../src/wire.js";
import { bytesOf } from "./bundles.js";

const field = (tag: number, ...content: number[]): number[] => [tag, content.length, ...content];
const artifact = (...bytes: number[]) => decode(ArtifactSchema, Uint8Array.from(bytes));

test("text that is not UTF-8 is refused, also where a later value replaces it", () => {
  const texts = [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]];
  for (const bad of texts) {
    assert.throws(() => artifact(...field(0x12, ...bad)), WireError);
    assert.throws(() => artifact(...field(0x12, ...bad), ...field(0x12, 0x61)), WireError);
  }
});

test("a byte order mark is text", () => {
  assert.equal(artifact(...field(0x12, 0xef, 0xbb, 0xbf, 0x61)).key, "\ufeffa");
});

test("a known field of another wire type is unknown", () => {
  assert.equal(artifact(0x08, 0x05, ...field(0x12, 0x61), 0x15, 0, 0, 0, 0).key, "a");
});

test("64-bit numbers are exact", () => {
  const largest = [...Array<number>(9).fill(0xff), 0x01];
  assert.equal(artifact(0x28, ...largest).contentSize, 2n ** 64n - 1n);
  const least = decode(AttributeSchema, Uint8Array.of(0x20, ...largest));
  assert.equal(least.value.value, -(2n ** 63n));
});

test("an enum has its low 32 bits", () => {
  assert.equal(artifact(0x18, 0x81, 0x80, 0x80, 0x80, 0x10).kind, 1);
  assert.equal(artifact(0x18, 0x80, 0x80, 0x80, 0x80, 0x08).kind, -(2 ** 31));
});

test("a double keeps every bit, those of a signalling NaN too", () => {
  for (const bits of [0x7ff0000000000001n, 0xfff8000000000abcn, 1n << 63n, 0x3ff0000000000000n]) {
    const eight = Array.from({ length: 8 }, (_, at) => Number((bits >> BigInt(8 * at)) & 0xffn));
    const bytes = Uint8Array.of(0x0a, 1, 0x78, 0x29, ...eight);
    const message = decode(AttributeSchema, bytes);
    const attribute = attributeOf(message);
    assert.ok(attribute.value.type === "double" && attribute.value.bits === bits);
    assert.deepEqual(toBinary(AttributeSchema, message), bytes);
    assert.deepEqual(toBinary(AttributeSchema, messageOf(attribute)), bytes);
  }
});

test("the last member of a oneof counts", () => {
  const double = [0x29, 0, 0, 0, 0, 0, 0, 0, 0];
  const last = (...bytes: number[]) =>
    attributeOf(decode(AttributeSchema, Uint8Array.from(bytes))).value.type;
  assert.equal(last(...double, 0x30, 0x01), "bool");
  assert.equal(last(0x30, 0x01, ...double), "double");
  assert.equal(last(...field(0x0a, 0x78)), "unknown");
});

test("a message that occurs twice is merged", () => {
  const bytes = concatBytes([
    Uint8Array.from(field(0x1a, ...field(0x0a, ...bytesOf("a")))),
    Uint8Array.from(field(0x1a, ...field(0x12, ...bytesOf("1")))),
  ]);
  const { producer } = decode(ManifestSchema, bytes);
  assert.deepEqual([producer?.name, producer?.version], ["a", "1"]);
});

test("groups are skipped up to their own ends, to a depth of 32", () => {
  const groups = (depth: number) => [...Array<number>(depth).fill(0x9b), ...Array<number>(depth).fill(0x9c)]
    .flatMap((byte) => [byte, 0x01]);
  assert.equal(artifact(...groups(31), ...field(0x12, 0x61)).key, "a");
  assert.throws(() => decode(ArtifactSchema, Uint8Array.from(groups(100_000))), WireError);
  assert.throws(() => artifact(0x9b, 0x01, 0xa4, 0x01), WireError);
  assert.throws(() => artifact(0x9b, 0x01), WireError);
  assert.throws(() => artifact(0x9c, 0x01), WireError);
});

test("what is cut off is refused at every place", () => {
  const whole = [...field(0x0a, 0x61), 0x18, 0x81, 0x01, 0x79, ...Array<number>(8).fill(0), 0x7d, 0, 0, 0, 0];
  const ends = new Set([0, 3, 6, 15, 20]);
  for (let size = 0; size <= whole.length; size++) {
    const read = () => artifact(...whole.slice(0, size));
    if (ends.has(size)) read();
    else assert.throws(read, WireError, `${size} bytes`);
  }
});
