// DECODE: a payload becomes a manifest.
import { ArtifactKind, ArtifactSchema } from "../gen/precompile/v1/artifact_pb.js";
import { ManifestSchema, type Manifest } from "../gen/precompile/v1/bundle_pb.js";
import { RequirementSchema } from "../gen/precompile/v1/environment_pb.js";
import { ErrorCode, Rejection } from "./errors.js";
import type { Limits } from "./limits.js";
import { WireError, decode } from "./wire.js";

export type { Manifest };

const DIGEST_SIZE = 32;

// [PCB-WIRE-008] The least bytes that a valid element of a list takes.
const LEAST_BYTES = new Map([
  [ManifestSchema.field.requirements, 4],
  [ManifestSchema.field.blocks, 4],
  [ManifestSchema.field.artifacts, 4],
  [ManifestSchema.field.removed, 4],
  [ArtifactSchema.field.extents, 4],
  [ArtifactSchema.field.backends, 4],
  [ArtifactSchema.field.attributes, 4],
  [RequirementSchema.field.values, 2],
]);

/** What all manifests of a bundle hold together; each manifest adds to it. */
export interface Totals {
  items: bigint;
  content: bigint;
}

/** Decodes the payload of the manifest record at `offset`. */
export function decodeManifest(
  payload: Uint8Array, offset: number, limits: Limits, totals: Totals,
): Manifest {
  const malformed = (detail: string): Rejection =>
    new Rejection(ErrorCode.MALFORMED_MANIFEST, offset, detail);
  let manifest: Manifest;
  let items = 0n;
  let room = payload.length;
  try {
    manifest = decode(ManifestSchema, payload, (field) => {
      const least = LEAST_BYTES.get(field);
      if (least === undefined) return true;
      items++;
      room -= least;
      // Before the element takes memory; every fault of this decoding has this code.
      if (room < 0) throw new WireError("more elements than its bytes can hold");
      return true;
    });
  } catch (error) {
    // [PCB-WIRE-001] [PCB-WIRE-002]
    if (error instanceof WireError) throw malformed(`the payload: ${error.message}`);
    throw error;
  }
  if (manifest.requiredFeatures.length > 0) {
    // [PCB-EXT-001] Version 1.0 defines none.
    const names = manifest.requiredFeatures.slice(0, 10).join(", ");
    throw new Rejection(ErrorCode.UNSUPPORTED_FEATURE, offset, `it requires ${names}`);
  }
  totals.items += items;
  if (totals.items > limits.items) {
    throw new Rejection(ErrorCode.LIMIT_EXCEEDED, offset, "too many items");
  }
  const fault = enumFault(manifest) ?? digestFault(manifest);
  if (fault !== undefined) throw malformed(fault);
  for (const artifact of manifest.artifacts) totals.content += artifact.contentSize;
  if (totals.content > limits.totalContent) {
    throw new Rejection(ErrorCode.LIMIT_EXCEEDED, offset, "the contents are too long together");
  }
  return manifest;
}

// [PCB-WIRE-005]
function enumFault({ requirements, blocks, artifacts }: Manifest): string | undefined {
  if (requirements.some(({ match }) => match === 0)) return "a requirement has no match";
  if (blocks.some(({ compression }) => compression === 0)) return "a block has no compression";
  if (artifacts.some(({ kind }) => kind === 0)) return "an artifact has no kind";
  return undefined;
}

// [PCB-WIRE-006]
function digestFault(manifest: Manifest): string | undefined {
  const isDigest = (bytes: Uint8Array): boolean => bytes.length === DIGEST_SIZE;
  const isDigestOrEmpty = (bytes: Uint8Array): boolean => bytes.length === 0 || isDigest(bytes);
  if (!isDigestOrEmpty(manifest.previousManifestDigest)) return "previous_manifest_digest";
  if (!manifest.blocks.every(({ digest }) => isDigest(digest))) return "a block's digest";
  for (const artifact of manifest.artifacts) {
    if (!isDigest(artifact.contentDigest)) return "an artifact's content_digest";
    const backends = hasBackends(artifact) ? artifact.backends : [];
    if (!backends.every(({ contentDigest }) => isDigestOrEmpty(contentDigest))) {
      return "a backend's content_digest";
    }
  }
  return undefined;
}

/** [PCB-ART-002] Whether an artifact of this kind has backends, or they are to be ignored. */
export function hasBackends({ kind }: { readonly kind: ArtifactKind }): boolean {
  return kind !== ArtifactKind.CACHE && kind !== ArtifactKind.BACKEND;
}
