// VALIDATE: a manifest agrees with itself, its segment and its chain.
import type { BlockTable } from "./blocks.js";
import type { Chain, Places } from "./chain.js";
import { ErrorCode, Rejection } from "./errors.js";
import { HEADER, MAX_BLOCK, blockDataSize } from "./framing.js";
import type { Manifest } from "./manifest.js";
import { NameIndex } from "./name_index.js";
import { placeFault } from "./place.js";
import type { Bounds } from "./walk.js";

/** What of a valid manifest is needed to go on. */
export interface Valid {
  readonly places: Places;
  /** Its artifacts by name. */
  readonly index: NameIndex;
}

/** Checks a manifest, the next one of the bundle. */
export function validate(
  manifest: Manifest, payloadDigest: Uint8Array, segment: Bounds, chain: Chain,
): Valid {
  const refuse = (code: ErrorCode, detail: string): Rejection =>
    new Rejection(code, segment.manifest, detail);
  const { nameFault, previousDigest, blocks, artifacts } = manifest;
  if (nameFault !== undefined) throw refuse(ErrorCode.INVALID_NAME, nameFault);
  const index = NameIndex.of(artifacts);
  // [PCB-NAME-003]
  if (!index) throw refuse(ErrorCode.DUPLICATE_ARTIFACT, "two artifacts have one type and key");
  if (!chain.accepts(previousDigest)) {
    throw refuse(ErrorCode.BROKEN_CHAIN, "it names another segment than the one before it");
  }
  chain.enter(previousDigest);
  const places = placesOf(blocks, segment, chain);
  if (typeof places === "string") throw refuse(ErrorCode.BAD_REFERENCE, places);
  const fault = placeFault(artifacts, blocks);
  if (fault !== undefined) throw refuse(ErrorCode.BAD_REFERENCE, fault);
  chain.leave(payloadDigest, blocks, places);
  return { places, index };
}

/** Where the records lie; or what is wrong with the entries. */
function placesOf(blocks: BlockTable, segment: Bounds, chain: Chain): Places | string {
  const offsets = new Float64Array(blocks.length);
  const sizes = new Uint32Array(blocks.length);
  let offset = segment.start + HEADER.length;
  for (let index = 0; index < blocks.length; index++) {
    const contentSize = blocks.contentSize(index);
    // [PCB-BLOCK-005]
    if (contentSize === 0 || contentSize > MAX_BLOCK) return "a block has no content, or too much";
    if (blocks.isExternal(index)) {
      const place = chain.find(blocks, index);
      if (!place) return "an external block is in no earlier segment of the chain";
      offsets[index] = place.offset;
      sizes[index] = place.size;
      continue;
    }
    const size = blocks.recordSizes[index] as number;
    // [PCB-BLOCK-003]
    if (blockDataSize(size) === undefined) return "no block record has the size of an entry";
    offsets[index] = offset;
    sizes[index] = size;
    offset += size;
  }
  // [PCB-BLOCK-004]
  if (offset !== segment.manifest) return "the blocks do not end where the manifest begins";
  return { offsets, sizes };
}
