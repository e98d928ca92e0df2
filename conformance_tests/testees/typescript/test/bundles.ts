// Bundles for the tests: the norm's own examples, and ones of any size made here.
import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";

import { ArtifactKind, ArtifactSchema } from "../gen/precompile/v1/artifact_pb.js";
import {
  BlockEntrySchema, Compression, EnvelopeSchema, ManifestSchema,
} from "../gen/precompile/v1/bundle_pb.js";
import { concatBytes } from "../src/bytes.js";
import { sha256 } from "../src/digest.js";
import { PAYLOAD_TYPE } from "../src/envelope.js";
import { HEADER, MANIFEST_TAG, blockHead, writeFooter } from "../src/framing.js";
import { writeVarint } from "../src/varint.js";

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A segment with this manifest behind blocks that take `blocksSize` bytes. */
export async function manifestAndFooter(
  payload: Uint8Array, blocksSize: number, envelope: object = {},
): Promise<Uint8Array> {
  const signed = toBinary(EnvelopeSchema, create(EnvelopeSchema, {
    payload, payloadType: PAYLOAD_TYPE, payloadDigest: await sha256(payload), ...envelope,
  }));
  const record = concatBytes([Uint8Array.of(MANIFEST_TAG, ...writeVarint(signed.length)), signed]);
  const manifestOffset = HEADER.length + blocksSize;
  const footer = writeFooter(manifestOffset, manifestOffset + record.length + 20);
  return concatBytes([record, footer]);
}

/** A segment without blocks whose payload is these bytes, whatever they are. */
export async function bundleOfPayload(payload: Uint8Array, envelope: object = {}): Promise<Uint8Array> {
  return concatBytes([HEADER, await manifestAndFooter(payload, 0, envelope)]);
}

export function payloadOf(manifest: MessageInitShape<typeof ManifestSchema>): Uint8Array {
  return toBinary(ManifestSchema, create(ManifestSchema, manifest));
}

/** One artifact `demo.kernel`/`k` that is one stored block. */
export async function bundleOf(content: Uint8Array): Promise<Uint8Array> {
  const head = blockHead(content.length);
  const digest = await sha256(content);
  const size = head.length + content.length;
  const payload = payloadOf({
    blocks: [create(BlockEntrySchema, {
      digest, size: BigInt(size), compression: Compression.NONE, contentSize: BigInt(content.length),
    })],
    artifacts: [create(ArtifactSchema, {
      type: "demo.kernel", key: "k", kind: ArtifactKind.CACHE, contentDigest: digest,
      contentSize: BigInt(content.length),
      extents: [{ block: 0, offset: 0n, size: BigInt(content.length) }],
    })],
  });
  return concatBytes([HEADER, head, content, await manifestAndFooter(payload, size)]);
}
