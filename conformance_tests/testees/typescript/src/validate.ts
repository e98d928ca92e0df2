// VALIDATE: a manifest agrees with itself, its segment and its chain.
import type { Artifact } from "../gen/precompile/v1/artifact_pb.js";
import type { BlockEntry } from "../gen/precompile/v1/bundle_pb.js";
import type { Chain, Place } from "./chain.js";
import { ErrorCode, Rejection } from "./errors.js";
import { HEADER, MAX_BLOCK_RECORD, blockDataSize } from "./framing.js";
import { hasBackends, type Manifest } from "./manifest.js";
import { isKey, isName, isSortedSet, isValue, nameOf } from "./names.js";
import type { Extent as SegmentExtent } from "./walk.js";

/** Checks a manifest and gives where the records of its `blocks` lie, by index. */
export function validate(
  manifest: Manifest, payloadDigest: Uint8Array, segment: SegmentExtent, chain: Chain,
): Place[] {
  const refuse = (code: ErrorCode, detail: string): Rejection =>
    new Rejection(code, segment.manifest, detail);
  const name = nameFault(manifest);
  if (name !== undefined) throw refuse(ErrorCode.INVALID_NAME, name);
  const names = new Set(manifest.artifacts.map(nameOf));
  if (names.size < manifest.artifacts.length) {
    // [PCB-NAME-003]
    throw refuse(ErrorCode.DUPLICATE_ARTIFACT, "two artifacts have one type and key");
  }
  if (!chain.accepts(manifest.previousManifestDigest)) {
    throw refuse(ErrorCode.BROKEN_CHAIN, "it names another segment than the one before it");
  }
  chain.enter(manifest.previousManifestDigest);
  const places = placesOf(manifest.blocks, segment, chain);
  if (typeof places === "string") throw refuse(ErrorCode.BAD_REFERENCE, places);
  for (const artifact of manifest.artifacts) {
    const fault = extentFault(artifact, manifest.blocks);
    if (fault !== undefined) throw refuse(ErrorCode.BAD_REFERENCE, fault);
  }
  chain.leave(payloadDigest, manifest.blocks, places);
  return places;
}

function nameFault({ requirements, artifacts, removed }: Manifest): string | undefined {
  for (const { name, values } of requirements) {
    if (!isName(name)) return "a fact's name";
    // [PCB-REQ-004]
    if (!values.every(isValue)) return "a requirement's value is too long";
    if (!isSortedSet(values)) return "a requirement's values are not sorted and distinct";
  }
  // [PCB-REQ-002]
  if (!isSortedSet(requirements.map(({ name }) => name))) return "requirements are not sorted";
  const isId = (id: { type: string; key: string }): boolean => isName(id.type) && isKey(id.key);
  for (const artifact of artifacts) {
    if (!isId(artifact)) return "an artifact's type or key";
    // [PCB-NAME-006]
    if (hasBackends(artifact) && !artifact.backends.every(isId)) return "a backend's type or key";
    const attributes = artifact.attributes.map((attribute) => attribute.name);
    if (!attributes.every(isName)) return "an attribute's name";
    // [PCB-ART-005]
    if (!isSortedSet(attributes)) return "attributes are not sorted and distinct";
  }
  return removed.every(isId) ? undefined : "a removed type or key";
}

/** Where the records lie; or what is wrong with the entries. */
function placesOf(
  entries: readonly BlockEntry[], segment: SegmentExtent, chain: Chain,
): Place[] | string {
  const places: Place[] = [];
  let offset = segment.start + HEADER.length;
  for (const entry of entries) {
    // [PCB-BLOCK-005]
    if (entry.contentSize === 0n) return "a block has no content";
    if (entry.size === 0n) {
      const place = chain.find(entry);
      if (!place) return "an external block is in no earlier segment of the chain";
      places.push(place);
      continue;
    }
    const size = entry.size <= BigInt(MAX_BLOCK_RECORD) ? Number(entry.size) : 0;
    if (blockDataSize(size) === undefined) return "no block record has the size of an entry";
    places.push({ offset, size });
    offset += size;
  }
  // [PCB-BLOCK-004]
  return offset === segment.manifest ? places : "the blocks do not end where the manifest begins";
}

function extentFault(artifact: Artifact, blocks: readonly BlockEntry[]): string | undefined {
  const { extents } = artifact;
  let sum = 0n;
  for (const { block, offset, size } of extents) {
    const entry = blocks[block];
    // [PCB-EXTENT-001]
    if (!entry) return "an extent names no block of its manifest";
    // [PCB-EXTENT-002]
    if (size === 0n || offset + size > entry.contentSize) return "an extent is not within its block";
    // [PCB-EXTENT-003]
    if (extents.length > 1 && size !== entry.contentSize) return "an extent of several is a part";
    sum += size;
  }
  // [PCB-EXTENT-004]
  return sum === artifact.contentSize ? undefined : "extents do not add up to the content";
}
