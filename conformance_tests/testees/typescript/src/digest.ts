// SHA-256: by the engine where the bytes are there at once, else piece by piece.
import { sha256 as incremental } from "@noble/hashes/sha2.js";

export async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
}

/** WebCrypto has no digest of parts; contents longer than memory need one. */
export interface Sha256 {
  update(part: Uint8Array): unknown;
  digest(): Uint8Array;
}

export function sha256OfParts(): Sha256 {
  return incremental.create();
}
