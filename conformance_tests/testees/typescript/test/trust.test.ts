import assert from "node:assert/strict";
import { test } from "node:test";

import { ed25519 } from "@noble/curves/ed25519.js";

import { concatBytes, toHex } from "../src/bytes.js";
import { sha256 } from "../src/digest.js";
import { PAYLOAD_TYPE } from "../src/envelope.js";
import { BytesSource, Misuse, Policy, Verifier } from "../src/index.js";
import { bundleOfPayload, bytesOf } from "./bundles.js";
import { refusal } from "./refused.js";

const secret = (number: number): Uint8Array => new Uint8Array(32).fill(number);
const publicKey = (number: number): Uint8Array => ed25519.getPublicKey(secret(number));
const PAYLOAD = new Uint8Array(0);

async function signature(number: number, hint: "keyid" | "none" = "keyid") {
  const message = concatBytes([bytesOf(`DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} 0 `), PAYLOAD]);
  const keyid = hint === "none" ? "" : toHex(await sha256(publicKey(number)));
  return { sig: ed25519.sign(message, secret(number)), keyid };
}

async function outcome(policy: Policy, signatures: object[]): Promise<string> {
  const bundle = await bundleOfPayload(PAYLOAD, { signatures });
  return (await refusal(new Verifier(policy).verify(new BytesSource(bundle))))[0];
}

test("a threshold counts keys, not signatures", async () => {
  const policy = await Policy.signedBy([publicKey(1), publicKey(2)], 2);
  const [one, two] = [await signature(1), await signature(2)];
  assert.equal(await outcome(policy, [one, two]), "accepted");
  assert.equal(await outcome(policy, [one, one, await signature(1, "none")]), "UNTRUSTED_SIGNER");
});

test("an empty keyid is tried with every trusted key", async () => {
  const policy = await Policy.signedBy([publicKey(1), publicKey(2)]);
  assert.equal(await outcome(policy, [await signature(2, "none")]), "accepted");
});

test("a forged signature is told from a stranger's", async () => {
  const policy = await Policy.signedBy([publicKey(1)]);
  const { keyid } = await signature(1);
  const { sig } = await signature(2);
  assert.equal(await outcome(policy, []), "UNSIGNED");
  assert.equal(await outcome(policy, [{ sig, keyid }]), "BAD_SIGNATURE");
  assert.equal(await outcome(policy, [await signature(2)]), "UNTRUSTED_SIGNER");
  assert.equal(await outcome(policy, [{ sig, keyid }, await signature(1)]), "accepted");
  assert.equal(await outcome(Policy.unsigned, [{ sig, keyid }]), "accepted");
});

test("a policy that can never be is the caller's mistake", async () => {
  await assert.rejects(Policy.signedBy([publicKey(1)], 0), Misuse);
  await assert.rejects(Policy.signedBy([publicKey(1), publicKey(1)], 2), Misuse);
  assert.equal(await outcome(await Policy.signedBy([], 2), [await signature(1)]), "UNTRUSTED_SIGNER");
  await assert.rejects(Policy.signedBy([new Uint8Array(31)]), Misuse);
});

test("a trusted key is one that RFC 8032 decodes", async () => {
  const key = (y: bigint, sign = 0n): Uint8Array =>
    Uint8Array.from({ length: 32 }, (_, at) => Number(((y | (sign << 255n)) >> BigInt(8 * at)) & 0xffn));
  const p = 2n ** 255n - 19n;
  // y = 2 has no x; x is 0 where y is 1 or p - 1.
  const wrong = [key(p), key(p + 1n), key(2n ** 255n - 1n), key(2n), key(1n, 1n), key(p - 1n, 1n)];
  for (const one of wrong) await assert.rejects(Policy.signedBy([publicKey(1), one]), Misuse);
  // Of small order: odd, and keys all the same.
  for (const one of [key(1n), key(p - 1n), key(0n), key(0n, 1n)]) await Policy.signedBy([one]);
});
