// Bundles for the tests: made by generated code, which the reader does not use.
import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";

import { ArtifactDetailSchema, ArtifactKind, ArtifactTableSchema } from "../gen/precompile/v1/artifact_pb.js";
import {
  BlockEntrySchema, Compression, EnvelopeSchema, ManifestSchema,
} from "../gen/precompile/v1/bundle_pb.js";
import { concatBytes } from "../src/bytes.js";
import { sha256 } from "../src/digest.js";
import { PAYLOAD_TYPE } from "../src/envelope.js";
import { HEADER, MANIFEST_TAG, blockHead, writeFooter } from "../src/framing.js";
import { writeVarint } from "../src/varint.js";

const TYPE = "demo.kernel";

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A segment with this manifest behind blocks that take `blocksSize` bytes. */
export async function manifestAndFooter(
  payload: Uint8Array, blocksSize: number, envelope: object = {},
): Promise<Uint8Array> {
  return framed(toBinary(EnvelopeSchema, create(EnvelopeSchema, {
    payload, payloadType: PAYLOAD_TYPE, payloadDigest: await sha256(payload), ...envelope,
  })), blocksSize);
}

/** The records of an envelope with these bytes, whatever they are, and of a footer. */
function framed(signed: Uint8Array, blocksSize: number): Uint8Array {
  const record = concatBytes([Uint8Array.of(MANIFEST_TAG, ...writeVarint(signed.length)), signed]);
  const manifestOffset = HEADER.length + blocksSize;
  const footer = writeFooter(manifestOffset, manifestOffset + record.length + 20);
  return concatBytes([record, footer]);
}

/** A segment without blocks whose envelope is these bytes, whatever they are. */
export async function bundleOfEnvelope(envelope: Uint8Array): Promise<Uint8Array> {
  return concatBytes([HEADER, framed(envelope, 0)]);
}

/** A segment without blocks whose payload is these bytes, whatever they are. */
export async function bundleOfPayload(payload: Uint8Array, envelope: object = {}): Promise<Uint8Array> {
  return concatBytes([HEADER, await manifestAndFooter(payload, 0, envelope)]);
}

export function payloadOf(manifest: MessageInitShape<typeof ManifestSchema>): Uint8Array {
  return toBinary(ManifestSchema, create(ManifestSchema, manifest));
}

/** An artifact of a bundle that is made; it lies in its segment's blocks, one behind another. */
export interface Row {
  readonly type?: string;
  readonly key: string;
  readonly kind?: number;
  readonly size?: number;
  readonly block?: number;
  readonly offset?: number;
  /** Of its content; where it is absent, it is cut out of the segment's blocks. */
  readonly digest?: Uint8Array;
}

/** The table of these artifacts. */
export async function tableOf(rows: readonly Row[], blocks: readonly Uint8Array[] = []) {
  const pairs: string[] = [];
  const table = create(ArtifactTableSchema, {});
  const digests: Uint8Array[] = [];
  for (const row of rows) {
    const { type = TYPE, kind = ArtifactKind.CACHE, size = 0, block = 0, offset = 0 } = row;
    const pair = `${type} ${kind}`;
    if (!pairs.includes(pair)) {
      pairs.push(pair);
      table.types.push({ $typeName: "precompile.v1.ArtifactType", name: type, kind });
    }
    table.type.push(pairs.indexOf(pair));
    table.key.push(row.key);
    digests.push(row.digest ?? (await sha256(concatBytes(blocks.slice(block)).subarray(offset, offset + size))));
    table.contentSize.push(BigInt(size));
    table.block.push(block);
    table.offset.push(BigInt(offset));
  }
  table.contentDigest = concatBytes(digests);
  return table;
}

/** What a segment that is made consists of beside its artifacts. */
export interface Rest {
  /** Contents of the blocks, which are stored as they are. */
  readonly blocks?: readonly Uint8Array[];
  /** How many of the blocks, the first ones, are external. */
  readonly external?: number;
  readonly removed?: readonly { type: string; key: string }[];
  readonly requirements?: readonly { name: string; match: number; values: string[] }[];
  /** Attributes that are `true`, and backends of the default type, of the artifacts with an index. */
  readonly details?: readonly { artifact: number; attributes?: string[]; backends?: string[] }[];
  /** The payload of the segment before. */
  readonly previous?: Uint8Array;
}

/** A segment, and its payload, for one that follows it. */
export async function segmentOf(
  rows: readonly Row[], rest: Rest = {},
): Promise<{ bytes: Uint8Array; payload: Uint8Array }> {
  const { blocks = [], external = 0, removed = [], requirements = [], details = [], previous } = rest;
  const records = blocks.slice(external).map((content) => concatBytes([blockHead(content.length), content]));
  const entries = await Promise.all(blocks.map(async (content, index) =>
    create(BlockEntrySchema, {
      digest: await sha256(content), compression: Compression.NONE, contentSize: BigInt(content.length),
      size: BigInt(index < external ? 0 : (records[index - external] as Uint8Array).length),
    })));
  const artifacts = await tableOf(rows, blocks);
  artifacts.details = details.map(({ artifact, attributes = [], backends = [] }) =>
    create(ArtifactDetailSchema, {
      artifact,
      attributes: attributes.map((name) => ({ name, value: { case: "boolValue" as const, value: true } })),
      backends: backends.map((key) => ({ type: TYPE, key, contentDigest: new Uint8Array(32) })),
    }));
  const payload = payloadOf({
    blocks: entries, removed: [...removed], requirements: [...requirements],
    artifacts,
    ...(previous && { previousManifestDigest: await sha256(previous) }),
  });
  const stored = concatBytes(records);
  const bytes = concatBytes([HEADER, stored, await manifestAndFooter(payload, stored.length)]);
  return { bytes, payload };
}

export async function bundleWith(rows: readonly Row[], rest: Rest = {}): Promise<Uint8Array> {
  return (await segmentOf(rows, rest)).bytes;
}

/** One artifact `demo.kernel`/`k` that is one stored block. */
export function bundleOf(content: Uint8Array): Promise<Uint8Array> {
  return bundleWith([{ key: "k", size: content.length }], { blocks: [content] });
}
