// The manifest record's content: a payload, its type, its digest, and signatures.
import { equalBytes } from "./bytes.js";
import { sha256 } from "./digest.js";
import { ErrorCode, Rejection } from "./errors.js";
import { EnvelopeSchema, type Envelope } from "../gen/precompile/v1/bundle_pb.js";
import type { Limits } from "./limits.js";
import { WireError, decode } from "./wire.js";

export type { Envelope };

export const PAYLOAD_TYPE = "application/vnd.precompile.manifest.v1+protobuf";

/** Decodes what stands in the manifest record at `offset`. */
export async function decodeEnvelope(
  bytes: Uint8Array, offset: number, limits: Limits,
): Promise<Envelope> {
  const refuse = (detail: string): Rejection =>
    new Rejection(ErrorCode.MALFORMED_FRAME, offset, detail);
  let count = 0n;
  let envelope: Envelope;
  try {
    // Signatures past the limit are counted and take no memory.
    envelope = decode(EnvelopeSchema, bytes, () => ++count <= limits.signatures);
  } catch (error) {
    // [PCB-ENV-005]
    if (error instanceof WireError) throw refuse(`the envelope: ${error.message}`);
    throw error;
  }
  // [PCB-ENV-002]
  if (envelope.payloadType !== PAYLOAD_TYPE) throw refuse("the payload is of another type");
  // [PCB-ENV-004]
  if (!equalBytes(envelope.payloadDigest, await sha256(envelope.payload))) {
    throw refuse("the payload does not have the digest that the envelope names");
  }
  if (count > limits.signatures) {
    throw new Rejection(ErrorCode.LIMIT_EXCEEDED, offset, "too many signatures");
  }
  return envelope;
}
