import assert from "node:assert/strict";
import { test } from "node:test";

import { create } from "@bufbuild/protobuf";

import { BlockEntrySchema } from "../gen/precompile/v1/bundle_pb.js";
import { concatBytes } from "../src/bytes.js";
import { HEADER, writeFooter } from "../src/framing.js";
import { BytesSource, DEFAULT_LIMITS, Reader, type ByteSource } from "../src/index.js";
import {
  bundleOf, bundleOfEnvelope, bundleOfPayload, bytesOf, manifestAndFooter, payloadOf,
} from "./bundles.js";
import { refusal } from "./refused.js";

/** So many bytes of which only the ends are there: any longer read fails. */
class Sparse implements ByteSource {
  constructor(
    private readonly head: Uint8Array,
    readonly size: number,
    private readonly tail: Uint8Array,
  ) {}

  async read(offset: number, size: number): Promise<Uint8Array> {
    assert.ok(size <= 8192, `${size} bytes are read at once`);
    const bytes = new Uint8Array(size);
    const tailAt = this.size - this.tail.length;
    for (let at = 0; at < size; at++) {
      bytes[at] = this.head[offset + at] ?? this.tail[offset + at - tailAt] ?? 0;
    }
    return bytes;
  }
}

test("a claimed manifest of a terabyte is refused before it is read", async () => {
  const size = 2 ** 40;
  const record = size - HEADER.length - 20;
  const content = record - 7;
  const length = Array.from({ length: 6 }, (_, at) =>
    (Math.floor(content / 2 ** (7 * at)) % 128) | (at < 5 ? 0x80 : 0));
  const head = concatBytes([HEADER, Uint8Array.of(0x1a, ...length)]);
  const source = new Sparse(head, size, writeFooter(HEADER.length, size));
  assert.deepEqual(await refusal(Reader.open(source)), ["LIMIT_EXCEEDED", HEADER.length]);
});

test("a flood of empty elements is refused", async () => {
  for (const tag of [0x22, 0x2a, 0x3a]) {
    const empty = Uint8Array.from({ length: 1 << 20 }, (_, at) => (at % 2 ? 0 : tag));
    const bundle = new BytesSource(await bundleOfPayload(empty));
    assert.deepEqual(await refusal(Reader.open(bundle)), ["MALFORMED_MANIFEST", 23]);
  }
});

test("a block holds at most 64 MiB, stored and decompressed", async () => {
  const open = async (size: number, contentSize: number) => {
    const entry = create(BlockEntrySchema, {
      digest: new Uint8Array(32), size: BigInt(size), compression: 2, contentSize: BigInt(contentSize),
    });
    const footed = await manifestAndFooter(payloadOf({ blocks: [entry] }), size);
    const total = HEADER.length + size + footed.length;
    return (await refusal(Reader.open(new Sparse(HEADER, total, footed))))[0];
  };
  const largest = 2 ** 26 + 10;
  assert.equal(await open(largest, 2 ** 26), "accepted");
  assert.equal(await open(largest + 1, 2 ** 26), "BAD_REFERENCE");
  assert.equal(await open(largest, 2 ** 26 + 1), "BAD_REFERENCE");
  assert.equal(await open(largest, 2 ** 32 + 1), "BAD_REFERENCE");
  assert.equal(await open(largest, 0), "BAD_REFERENCE");
});

test("signatures past the limit are refused", async () => {
  const signatures = (count: number) => ({ signatures: Array.from({ length: count }, () => ({ keyid: "k" })) });
  const open = async (count: number) =>
    refusal(Reader.open(new BytesSource(await bundleOfPayload(new Uint8Array(0), signatures(count)))));
  assert.deepEqual(await open(64), ["accepted"]);
  assert.deepEqual(await open(65), ["LIMIT_EXCEEDED", 23]);
});

test("signatures are counted before anything in them is decoded", async () => {
  const open = async (...fields: number[]) =>
    (await refusal(Reader.open(new BytesSource(await bundleOfEnvelope(Uint8Array.from(fields))))))[0];
  const many = (count: number) => Array.from({ length: count }, () => [0x1a, 1, 0xff]).flat();
  assert.equal(await open(...many(64)), "MALFORMED_FRAME");
  assert.equal(await open(...many(65)), "LIMIT_EXCEEDED");
  assert.equal(await open(...many(65), 0x12, 1, 0xff), "LIMIT_EXCEEDED");
  assert.equal(await open(...many(65), 0x0a, 9), "MALFORMED_FRAME");
  // Of another wire type, or within a group, they are unknown fields.
  assert.equal(await open(...Array.from({ length: 65 }, () => [0x18, 0]).flat()), "MALFORMED_FRAME");
  assert.equal(await open(0xa3, 0x01, ...many(65), 0xa4, 0x01), "MALFORMED_FRAME");
});

test("a payload of another type is of a later version, once it is whole", async () => {
  const payload = bytesOf("later");
  const open = async (envelope: object, recover = false) =>
    refusal(Reader.open(new BytesSource(await bundleOfPayload(payload, envelope)), { recover }));
  for (const payloadType of ["", "application/vnd.precompile.manifest.v2"]) {
    assert.deepEqual(await open({ payloadType }), ["UNSUPPORTED_FEATURE", 23]);
    assert.deepEqual(await open({ payloadType }, true), ["UNSUPPORTED_FEATURE", 23]);
    assert.deepEqual(await open({ payloadType, payloadDigest: new Uint8Array(32) }), ["MALFORMED_FRAME", 23]);
  }
});

test("each limit is exceeded by what is greater, and by nothing else", async () => {
  const bytes = await bundleOf(bytesOf("content"));
  const read = async (limits: object) => {
    const bundle = await Reader.open(new BytesSource(bytes), { limits });
    return bundle.read(bundle.current[0] as never);
  };
  const cases = [
    { limit: "items", exact: 3n, offset: 34 },
    { limit: "segments", exact: 1n, offset: 0 },
    { limit: "manifestBytes", exact: BigInt(bytes.length - 34 - 20), offset: 34 },
    { limit: "totalContent", exact: 7n, offset: 34 },
    { limit: "artifactContent", exact: 7n, offset: 34 },
    { limit: "totalDecompressed", exact: 7n, offset: 34 },
  ];
  for (const { limit, exact, offset } of cases) {
    assert.ok(limit in DEFAULT_LIMITS);
    assert.deepEqual(await refusal(read({ [limit]: exact })), ["accepted"], limit);
    assert.deepEqual(await refusal(read({ [limit]: exact - 1n })), ["LIMIT_EXCEEDED", offset], limit);
  }
});
