// Upper bounds, so that no input exhausts a host.

/** What a reader refuses to go beyond, as LIMIT_EXCEEDED. A value equal to a limit is within it. */
export interface Limits {
  /** Bytes of one manifest record. */
  readonly manifestBytes: bigint;
  /** Elements of the lists of all manifests together. */
  readonly items: bigint;
  readonly segments: bigint;
  /** Signatures of one envelope. */
  readonly signatures: bigint;
  /** Bytes of one content that is read into memory. */
  readonly artifactContent: bigint;
  /** Sum of content_size over all artifacts of a bundle. */
  readonly totalContent: bigint;
  /** Sum of the content_size of the blocks read since opening, repeats included. */
  readonly totalDecompressed: bigint;
}

/** [PCB-LIM-010] So many bytes of content for each byte of a bundle, whatever the limits are. */
export const MAX_CONTENT_RATIO = 65_536n;

const MIB = 1n << 20n;
const GIB = 1n << 30n;

// [PCB-LIM-002] As the norm has them, but for artifactContent: engines hold no longer array.
export const DEFAULT_LIMITS: Limits = Object.freeze({
  manifestBytes: 16n * MIB,
  items: 4_000_000n,
  segments: 65_536n,
  signatures: 64n,
  artifactContent: 2n * GIB,
  totalContent: 64n * GIB,
  totalDecompressed: 256n * GIB,
});
