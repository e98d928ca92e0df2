// DECODE: a payload becomes a manifest.
import { BlockTable, DIGEST_SIZE } from "./blocks.js";
import { countElements, itemsOf, leastBytes } from "./count.js";
import { ErrorCode, Rejection } from "./errors.js";
import { Faults } from "./faults.js";
import { decodeId, isId, type Name } from "./ids.js";
import { MAX_CONTENT_RATIO, type Limits } from "./limits.js";
import { decodeRequirement, type Requirement } from "./requirements.js";
import { TableDecoder, type ArtifactTable } from "./table.js";
import { WireError, WireReader } from "./wire.js";

/** The program that wrote a segment. */
export interface Producer {
  readonly name: string;
  readonly version: string;
}

/** The index of one segment. */
export interface Manifest {
  /** Of the payload of the segment before this one; empty where a chain begins. */
  readonly previousDigest: Uint8Array;
  readonly producer: Producer;
  readonly requirements: readonly Requirement[];
  readonly blocks: BlockTable;
  readonly artifacts: ArtifactTable;
  readonly removed: readonly Name[];
  /** Why VALIDATE refuses it as INVALID_NAME: seen while it was decoded. */
  readonly nameFault: string | undefined;
}

/** What all manifests of a bundle hold together; each manifest adds to it. */
export interface Totals {
  items: bigint;
  content: bigint;
}

// Of the messages directly within a manifest.
const DEPTH = 2;

// How many features a refusal names.
const FEATURES_TOLD = 10;

/** Decodes the payload of the manifest record at `offset`, in a bundle of `bundleSize` bytes. */
export function decodeManifest(
  payload: Uint8Array, offset: number, bundleSize: number, limits: Limits, totals: Totals,
): Manifest {
  const refuse = (code: ErrorCode, detail: string): Rejection => new Rejection(code, offset, detail);
  let decoded: Decoded;
  try {
    decoded = decode(payload);
  } catch (error) {
    // [PCB-WIRE-001] [PCB-WIRE-002] [PCB-WIRE-008]
    if (!(error instanceof WireError)) throw error;
    throw refuse(ErrorCode.MALFORMED_MANIFEST, `the payload: ${error.message}`);
  }
  const { manifest, features, faults } = decoded;
  if (features.length > 0) {
    // [PCB-EXT-001] Version 1.0 defines none.
    throw refuse(ErrorCode.UNSUPPORTED_FEATURE, `it requires ${features.join(", ")}`);
  }
  totals.items += BigInt(decoded.items);
  if (totals.items > limits.items) throw refuse(ErrorCode.LIMIT_EXCEEDED, "too many items");
  if (faults.malformed !== undefined) throw refuse(ErrorCode.MALFORMED_MANIFEST, faults.malformed);
  totals.content += decoded.totalContent;
  // [PCB-LIM-010]
  if (totals.content > limits.totalContent || totals.content > MAX_CONTENT_RATIO * BigInt(bundleSize)) {
    throw refuse(ErrorCode.LIMIT_EXCEEDED, "the contents are too long together");
  }
  return manifest;
}

interface Decoded {
  readonly manifest: Manifest;
  /** The first ones that it requires. */
  readonly features: readonly string[];
  readonly items: number;
  readonly totalContent: bigint;
  readonly faults: Faults;
}

function decode(payload: Uint8Array): Decoded {
  const counts = countElements(payload);
  if (leastBytes(counts) > payload.length) {
    throw new WireError("more elements than its bytes can hold");
  }
  const faults = new Faults();
  const features: string[] = [];
  const requirements: Requirement[] = [];
  const removed: Name[] = [];
  const blocks = new BlockTable(counts.blocks);
  const table = new TableDecoder(payload, counts, faults);
  const producer = { name: "", version: "" };
  let previousDigest = new Uint8Array(0) as Uint8Array;
  let lastFact: string | undefined;
  const reader = new WireReader(payload);
  const end = payload.length;
  while (reader.at < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 0x0a: {
        const feature = reader.text(end);
        if (features.length < FEATURES_TOLD) features.push(feature);
        break;
      }
      case 0x12:
        previousDigest = reader.view(end);
        break;
      case 0x1a:
        decodeProducer(reader, reader.length(end), producer);
        break;
      case 0x22: {
        const stop = reader.length(end);
        const requirement = decodeRequirement(reader, stop, DEPTH, lastFact, faults);
        lastFact = requirement.name;
        if (faults.areNone) requirements.push(requirement);
        break;
      }
      case 0x2a:
        blocks.decodeNext(reader, reader.length(end), DEPTH, faults);
        break;
      case 0x32:
        table.decode(reader, reader.length(end));
        break;
      case 0x3a: {
        const { type, key } = decodeId(reader, reader.length(end), DEPTH);
        // [PCB-NAME-006]
        if (!isId({ type, key })) faults.name ??= "a removed type or key";
        if (faults.areNone) removed.push({ type, key });
        break;
      }
      default:
        reader.skip(tag, end, 1);
    }
  }
  // [PCB-WIRE-006]
  if (previousDigest.length !== 0 && previousDigest.length !== DIGEST_SIZE) {
    faults.malformed ??= "previous_manifest_digest";
  }
  const artifacts = table.finish();
  const { name: nameFault } = faults;
  const manifest = { previousDigest, producer, requirements, blocks, artifacts, removed, nameFault };
  return { manifest, features, items: itemsOf(counts), totalContent: table.totalContent, faults };
}

// [PCB-WIRE-004] What occurs twice and is no list is merged.
function decodeProducer(reader: WireReader, end: number, producer: { name: string; version: string }): void {
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a) producer.name = reader.text(end);
    else if (tag === 0x12) producer.version = reader.text(end);
    else reader.skip(tag, end, DEPTH);
  }
}
