// SHA-256: by the engine where it has it.
import { sha256 as incremental } from "@noble/hashes/sha2.js";

/** A digest of parts, for contents that need not be in memory at once. */
export interface Sha256 {
  update(part: Uint8Array): unknown;
  digest(): Uint8Array;
}

// Node's own has digests of parts, which WebCrypto lacks, and of short ones ten times faster.
const nodeCrypto = globalThis.process?.getBuiltinModule?.("node:crypto");

export function sha256OfParts(): Sha256 {
  return nodeCrypto ? nodeCrypto.createHash("sha256") : incremental.create();
}

export async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  if (nodeCrypto) return nodeCrypto.createHash("sha256").update(bytes).digest();
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
}
