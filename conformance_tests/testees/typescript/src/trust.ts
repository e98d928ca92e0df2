// Whose segments are accepted.
import { ed25519 } from "@noble/curves/ed25519.js";

import { concatBytes, toHex } from "./bytes.js";
import { sha256 } from "./digest.js";
import type { Envelope } from "./envelope.js";
import { ErrorCode, Misuse, Rejection } from "./errors.js";

const SIGNATURE_SIZE = 64;

/** Either every segment is accepted, or those that enough trusted keys have signed. */
export class Policy {
  /** Looks at no signature. */
  static readonly unsigned = new Policy(new Map(), 0);

  readonly #keys: ReadonlyMap<string, Uint8Array>;
  readonly #threshold: number;

  private constructor(keys: ReadonlyMap<string, Uint8Array>, threshold: number) {
    this.#keys = keys;
    this.#threshold = threshold;
  }

  /** `keys` are raw Ed25519 public keys; `threshold` different ones must have signed. */
  static async signedBy(keys: readonly Uint8Array[], threshold = 1): Promise<Policy> {
    if (!Number.isSafeInteger(threshold) || threshold < 1) {
      throw new Misuse("a threshold is a whole number, at least 1");
    }
    const byId = new Map<string, Uint8Array>();
    for (const key of keys) {
      if (!isPublicKey(key)) throw new Misuse("these bytes are no public key of Ed25519");
      byId.set(toHex(await sha256(key)), key.slice());
    }
    // Nobody could meet it; where no key is trusted, that is what was asked for.
    if (byId.size > 0 && threshold > byId.size) throw new Misuse("a threshold is at most the number of keys");
    return new Policy(byId, threshold);
  }

  /** Refuses the segment whose manifest record is at `offset`, or returns. */
  check(envelope: Envelope, offset: number): void {
    if (this.#threshold === 0) return;
    const refuse = (code: ErrorCode, detail: string): Rejection =>
      new Rejection(code, offset, detail);
    // [PCB-SIGN-004]
    if (envelope.signatures.length === 0) throw refuse(ErrorCode.UNSIGNED, "no signature");
    const message = preAuthentication(envelope);
    const signers = new Set<string>();
    let isForged = false;
    for (const { sig, keyid } of envelope.signatures) {
      // [PCB-SIGN-002] An empty keyid is a hint to nothing: each key is tried.
      for (const id of keyid === "" ? this.#keys.keys() : [keyid]) {
        const key = this.#keys.get(id);
        if (!key || signers.has(id) && keyid === "") continue;
        if (verifies(sig, message, key)) signers.add(id);
        else if (keyid !== "") isForged = true;
      }
    }
    // [PCB-SIGN-003]
    if (signers.size >= this.#threshold) return;
    // [PCB-SIGN-005] [PCB-SIGN-006]
    throw isForged
      ? refuse(ErrorCode.BAD_SIGNATURE, "a signature that names a trusted key does not verify")
      : refuse(ErrorCode.UNTRUSTED_SIGNER, "too few trusted keys have signed");
  }
}

// [PCB-SIGN-012] Points as RFC 8032, 5.1.3 decodes them: y below p, x there, and no sign of 0.
function isPublicKey(key: Uint8Array): boolean {
  try {
    ed25519.Point.fromBytes(key);
    return true;
  } catch {
    return false;
  }
}

// DSSE v1: what is signed says where its parts end.
function preAuthentication({ payloadType, payload }: Envelope): Uint8Array {
  const utf8 = new TextEncoder();
  const type = utf8.encode(payloadType);
  return concatBytes([
    utf8.encode(`DSSEv1 ${type.length} ${payloadType} ${payload.length} `), payload,
  ]);
}

// [PCB-SIGN-007] Not by WebCrypto: not every browser has Ed25519 there, and engines
// differ about encodings that RFC 8032 refuses.
function verifies(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_SIZE) return false;
  try {
    return ed25519.verify(signature, message, key, { zip215: false });
  } catch {
    return false;
  }
}
