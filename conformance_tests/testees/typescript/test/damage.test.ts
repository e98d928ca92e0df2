import assert from "node:assert/strict";
import { test } from "node:test";

import { concatBytes } from "../src/bytes.js";
import { BytesSource, Policy, Rejection, Verifier } from "../src/index.js";
import { specExamples } from "./spec_examples.js";

const examples = specExamples();
const bundles = {
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

  test(`no byte put in or taken out goes unnoticed: ${name}`, async () => {
    for (let at = 0; at < bundle.length; at++) {
      const [before, behind] = [bundle.subarray(0, at), bundle.subarray(at)];
      assert.ok(await isNoticed(concatBytes([before, behind.subarray(1)]), false), `less at ${at}`);
      assert.ok(await isNoticed(concatBytes([before, Uint8Array.of(0), behind]), false), `more at ${at}`);
    }
  });
}
