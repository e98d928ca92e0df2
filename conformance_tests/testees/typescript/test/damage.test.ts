import assert from "node:assert/strict";
import { test } from "node:test";

import { concatBytes } from "../src/bytes.js";
import { HEADER } from "../src/framing.js";
import { BytesSource, ErrorCode, Policy, Reader, Rejection, Verifier } from "../src/index.js";
import { bytesOf, manifestAndFooter, segmentOf } from "./bundles.js";
import { refusal } from "./refused.js";
import { specExamples } from "./spec_examples.js";

const examples = specExamples();
// Two types, details, a run over an external block and an own one, and a part of one.
const first = await segmentOf(
  [{ key: "a", size: 5 }, { key: "é", size: 3, block: 1, kind: 2 }], { blocks: [bytesOf("abcde"), bytesOf("fgh")] });
const second = await segmentOf(
  [{ key: "b", size: 7 }, { key: "c", type: "demo.other", kind: 3, size: 1, offset: 4 }, { key: "d" }],
  {
    blocks: [bytesOf("abcde"), bytesOf("ij")], external: 1, previous: first.payload,
    removed: [{ type: "demo.kernel", key: "a" }],
    details: [
      { artifact: 0, attributes: ["x", "y"] },
      { artifact: 1, attributes: [], backends: ["é"] },
    ],
  });
const bundles = {
  columns: concatBytes([first.bytes, second.bytes]),
  two: concatBytes([examples.get("hello") as Uint8Array, examples.get("again") as Uint8Array]),
  compressed: examples.get("blocks") as Uint8Array,
};

/** Whether a verifier finds a fault; anything but a Rejection passes through. */
async function isNoticed(input: Uint8Array, recover: boolean): Promise<boolean> {
  try {
    const { bundle, fault } = await new Verifier(Policy.unsigned, { recover }).verify(new BytesSource(input));
    return fault !== undefined || bundle.ignored > 0;
  } catch (error) {
    if (error instanceof Rejection) return true;
    throw error;
  }
}

for (const [name, bundle] of Object.entries(bundles)) {
  test(`no flipped bit goes unnoticed: ${name}`, async () => {
    assert.equal(await isNoticed(bundle, false), false);
    for (let bit = 0; bit < bundle.length * 8; bit++) {
      const input = bundle.slice();
      input[bit >> 3] = (input[bit >> 3] as number) ^ (1 << (bit & 7));
      for (const recover of [false, true]) {
        assert.ok(await isNoticed(input, recover), `bit ${bit}, recovery ${recover}`);
      }
    }
  });

  test(`every prefix is refused, or is that of its complete segments: ${name}`, async () => {
    const ends = (await Reader.open(new BytesSource(bundle))).segments.map(({ offset, size }) => offset + size);
    for (let size = 0; size < bundle.length; size++) {
      const input = bundle.subarray(0, size);
      assert.equal(await isNoticed(input, false), !ends.includes(size), `${size} bytes`);
      const open = await refusal(Reader.open(new BytesSource(input), { recover: true }));
      assert.equal(open[0] === "accepted", size >= (ends[0] as number), `${size} bytes, recovered`);
    }
  });

  test(`no byte put in or taken out goes unnoticed: ${name}`, async () => {
    for (let at = 0; at < bundle.length; at++) {
      const [before, behind] = [bundle.subarray(0, at), bundle.subarray(at)];
      assert.ok(await isNoticed(concatBytes([before, behind.subarray(1)]), false), `less at ${at}`);
      assert.ok(await isNoticed(concatBytes([before, Uint8Array.of(0), behind]), false), `more at ${at}`);
    }
  });
}

/** The code that a payload ends in where its digest is right; anything but a Rejection passes through. */
async function outcomeOf(payload: Uint8Array): Promise<string> {
  const blocksSize = 6;
  const head = second.bytes.subarray(0, HEADER.length + blocksSize);
  const input = concatBytes([first.bytes, head, await manifestAndFooter(payload, blocksSize)]);
  try {
    const { fault } = await new Verifier(Policy.unsigned).verify(new BytesSource(input));
    return fault ? ErrorCode[fault.code] as string : "accepted";
  } catch (error) {
    if (error instanceof Rejection) return ErrorCode[error.code] as string;
    throw error;
  }
}

test("a payload with a flipped bit and the right digest is refused by a rule, or right", async () => {
  const found = new Set<string>();
  for (let bit = 0; bit < second.payload.length * 8; bit++) {
    const payload = second.payload.slice();
    payload[bit >> 3] = (payload[bit >> 3] as number) ^ (1 << (bit & 7));
    found.add(await outcomeOf(payload));
  }
  assert.deepEqual([...found].sort(), [
    "BAD_REFERENCE", "BROKEN_CHAIN", "DIGEST_MISMATCH", "INVALID_NAME", "MALFORMED_MANIFEST",
    "UNSUPPORTED_FEATURE", "accepted",
  ]);
});

test("a payload that is cut off, with the right digest, is refused, or ends between fields", async () => {
  let accepted = 0;
  for (let size = 0; size <= second.payload.length; size++) {
    if ((await outcomeOf(second.payload.subarray(0, size))) === "accepted") accepted++;
  }
  // Behind the blocks, behind the table, and whole.
  assert.equal(accepted, 3);
});
