import assert from "node:assert/strict";
import { test } from "node:test";

import { BytesSource, DEFAULT_LIMITS, Reader, type ByteSource } from "../src/index.js";
import { HEADER, writeFooter } from "../src/framing.js";
import { concatBytes } from "../src/bytes.js";
import { bundleOf, bundleOfPayload, bytesOf } from "./bundles.js";
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
  const empty = new Uint8Array(1 << 20);
  for (let at = 0; at < empty.length; at += 2) empty[at] = 0x32;
  const bundle = new BytesSource(await bundleOfPayload(empty));
  assert.deepEqual(await refusal(Reader.open(bundle)), ["MALFORMED_MANIFEST", 23]);
});

test("signatures past the limit are refused", async () => {
  const signatures = (count: number) => ({ signatures: Array.from({ length: count }, () => ({ keyid: "k" })) });
  const open = async (count: number) =>
    refusal(Reader.open(new BytesSource(await bundleOfPayload(new Uint8Array(0), signatures(count)))));
  assert.deepEqual(await open(64), ["accepted"]);
  assert.deepEqual(await open(65), ["LIMIT_EXCEEDED", 23]);
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
    { limit: "blockContent", exact: 7n, offset: 23 },
    { limit: "totalDecompressed", exact: 7n, offset: 34 },
  ];
  for (const { limit, exact, offset } of cases) {
    assert.ok(limit in DEFAULT_LIMITS);
    assert.deepEqual(await refusal(read({ [limit]: exact })), ["accepted"], limit);
    assert.deepEqual(await refusal(read({ [limit]: exact - 1n })), ["LIMIT_EXCEEDED", offset], limit);
  }
});
