// The manifest record's content: a payload, its type, its digest, and signatures.
import { equalBytes } from "./bytes.js";
import { sha256 } from "./digest.js";
import { ErrorCode, Rejection } from "./errors.js";
import type { Limits } from "./limits.js";
import { WireError, WireReader } from "./wire.js";

export const PAYLOAD_TYPE = "application/vnd.precompile.manifest.v1+protobuf";

const SIGNATURE_TAG = 0x1a;

export interface Envelope {
  /** A serialized manifest. */
  readonly payload: Uint8Array;
  readonly payloadType: string;
  readonly payloadDigest: Uint8Array;
  readonly signatures: readonly Signature[];
}

export interface Signature {
  readonly sig: Uint8Array;
  /** Hint to a key; it may be empty. */
  readonly keyid: string;
}

/** Decodes what stands in the manifest record at `offset`; the envelope holds views of `bytes`. */
export async function decodeEnvelope(
  bytes: Uint8Array, offset: number, limits: Limits,
): Promise<Envelope> {
  const refuse = (code: ErrorCode, detail: string): Rejection => new Rejection(code, offset, detail);
  let envelope: Envelope;
  try {
    // [PCB-ENV-008] Before any of them takes memory.
    if (BigInt(countSignatures(bytes)) > limits.signatures) {
      throw refuse(ErrorCode.LIMIT_EXCEEDED, "too many signatures");
    }
    envelope = decode(bytes);
  } catch (error) {
    // [PCB-ENV-005]
    if (!(error instanceof WireError)) throw error;
    throw refuse(ErrorCode.MALFORMED_FRAME, `the envelope: ${error.message}`);
  }
  // [PCB-ENV-004]
  if (!equalBytes(envelope.payloadDigest, await sha256(envelope.payload))) {
    throw refuse(ErrorCode.MALFORMED_FRAME, "the payload does not have the digest that is named");
  }
  // [PCB-ENV-002] Asked last: a payload of another type is no damage.
  if (envelope.payloadType !== PAYLOAD_TYPE) {
    throw refuse(ErrorCode.UNSUPPORTED_FEATURE, "the payload is of another type");
  }
  return envelope;
}

function countSignatures(bytes: Uint8Array): number {
  const reader = new WireReader(bytes);
  let count = 0;
  while (reader.at < bytes.length) {
    const tag = reader.tag(bytes.length);
    if (tag === SIGNATURE_TAG) count++;
    reader.skip(tag, bytes.length, 1);
  }
  return count;
}

function decode(bytes: Uint8Array): Envelope {
  let payload: Uint8Array = new Uint8Array(0);
  let payloadType = "";
  let payloadDigest: Uint8Array = new Uint8Array(0);
  const signatures: Signature[] = [];
  const reader = new WireReader(bytes);
  const end = bytes.length;
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a) payload = reader.view(end);
    else if (tag === 0x12) payloadType = reader.text(end);
    else if (tag === SIGNATURE_TAG) signatures.push(decodeSignature(reader, reader.length(end)));
    else if (tag === 0x22) payloadDigest = reader.view(end);
    else reader.skip(tag, end, 1);
  }
  return { payload, payloadType, payloadDigest, signatures };
}

function decodeSignature(reader: WireReader, end: number): Signature {
  let sig: Uint8Array = new Uint8Array(0);
  let keyid = "";
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a) sig = reader.view(end);
    else if (tag === 0x12) keyid = reader.text(end);
    else reader.skip(tag, end, 2);
  }
  return { sig, keyid };
}
