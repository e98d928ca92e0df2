// CONTENT: contents of artifacts, checked when they are read.
import { Compression } from "../gen/precompile/v1/bundle_pb.js";
import type { BlockReader } from "./block_reader.js";
import { equalBytes } from "./bytes.js";
import { sha256, sha256OfParts } from "./digest.js";
import { ErrorCode, Rejection } from "./errors.js";
import type { Limits } from "./limits.js";
import { lastBlockOf } from "./place.js";
import type { Artifact, Segment } from "./segment.js";

/** Where a content lies. */
interface Location {
  readonly segment: Segment;
  /** Consecutive blocks; `last` is before `first` where the content is empty. */
  readonly first: number;
  readonly last: number;
  /** In the first block's content. */
  readonly offset: number;
  readonly size: number;
  /** Where it is reported that the content has another digest. */
  readonly record: number;
}

/** Digests of what lies at places, or why it cannot be read. */
export type KnownPlaces = Map<number, Uint8Array | Rejection>;

/** Reads contents of one open bundle. */
export class ContentReader {
  readonly #blocks: BlockReader;
  readonly #limits: Limits;

  constructor(blocks: BlockReader, limits: Limits) {
    this.#blocks = blocks;
    this.#limits = limits;
  }

  /** The whole content, in memory of its own. */
  async read(artifact: Artifact): Promise<Uint8Array> {
    const { segment, contentSize } = artifact;
    if (contentSize > this.#limits.artifactContent) {
      throw tooLong(segment, "the content is too long to be read into memory");
    }
    const size = Number(contentSize);
    let whole: Uint8Array | undefined;
    let at = 0;
    for await (const part of this.stream(artifact)) {
      if (part.length === size) return part;
      whole ??= new Uint8Array(size);
      whole.set(part, at);
      at += part.length;
    }
    return whole ?? new Uint8Array(0);
  }

  /** The content in parts; it ends in a Rejection where the whole is not what it must be. */
  async *stream({ segment, index }: Artifact): AsyncGenerator<Uint8Array, void, void> {
    const location = this.#locate(segment, index);
    const isWhole = (digest: Uint8Array): void => {
      const fault = contentFault(location, index, digest);
      if (fault) throw fault;
    };
    // Parts are copies: what is handed out may be changed, what is held may not.
    if (isInOneBlock(location)) {
      const part = await this.#part(location);
      isWhole(await digestOf(location, part));
      if (part.length > 0) yield part.slice();
      return;
    }
    const hash = sha256OfParts();
    for await (const part of this.#parts(location)) {
      hash.update(part);
      yield part.slice();
    }
    isWhole(hash.digest());
  }

  /**
   * Why the content of the artifact with this index cannot be read; none where it can. What lies
   * at a place that `known` holds is not read again; all calls with it are of one segment and of
   * contents that end in the same block.
   */
  async check(segment: Segment, index: number, known: KnownPlaces): Promise<Rejection | undefined> {
    try {
      const location = this.#locate(segment, index);
      const place = placeOf(location);
      // [PCB-CONT-008]
      const found = known.get(place) ?? (await this.#digest(location));
      known.set(place, found);
      return found instanceof Rejection ? found : contentFault(location, index, found);
    } catch (error) {
      if (error instanceof Rejection) return error;
      throw error;
    }
  }

  #locate(segment: Segment, index: number): Location {
    const { artifacts, blocks } = segment.manifest;
    const size = artifacts.contentSize(index);
    const offset = artifacts.offset[index] as number;
    if (BigInt(size) > this.#limits.totalDecompressed) {
      throw tooLong(segment, "the content exceeds what may be decompressed");
    }
    const first = artifacts.block[index] as number;
    const last = size === 0 ? undefined : lastBlockOf(blocks, first, offset, size);
    const record = size === 0 ? undefined : segment.places.offsets[first];
    return {
      segment, first, last: last ?? first - 1, offset, size, record: record ?? segment.manifestOffset,
    };
  }

  async #digest(location: Location): Promise<Uint8Array | Rejection> {
    try {
      if (isInOneBlock(location)) return await digestOf(location, await this.#part(location));
      const hash = sha256OfParts();
      for await (const part of this.#parts(location)) hash.update(part);
      return hash.digest();
    } catch (error) {
      if (error instanceof Rejection) return error;
      throw error;
    }
  }

  /** A view of a content that lies in one block, or in none. */
  async #part({ segment, first, offset, size }: Location): Promise<Uint8Array> {
    if (size === 0) return new Uint8Array(0);
    return (await this.#blocks.content(segment, first)).subarray(offset, offset + size);
  }

  /** The contents of whole blocks. Nobody changes them. */
  async *#parts({ segment, first, last }: Location): AsyncGenerator<Uint8Array, void, void> {
    for (let index = first; index <= last; index++) {
      yield await this.#blocks.content(segment, index);
    }
  }
}

/** A number for a place, among those that end in the same block. */
function placeOf(location: Location): number {
  const { first, offset, size } = location;
  // A content of several blocks is all of them from its first one on; sizes are at most 2^26 otherwise.
  return isInOneBlock(location) ? offset * 2 ** 27 + size : -1 - first;
}

function isInOneBlock({ first, last }: Location): boolean {
  return last <= first;
}

/** The digest of a content in one block, which is hashed once where it is all that is stored there. */
async function digestOf({ segment, first, size }: Location, part: Uint8Array): Promise<Uint8Array> {
  const { blocks } = segment.manifest;
  const isStored =
    size > 0 && blocks.compressions[first] === Compression.NONE && blocks.contentSize(first) === size;
  return isStored ? blocks.digest(first) : sha256(part);
}

// [PCB-CONT-001]
function contentFault(
  { segment, record }: Location, index: number, digest: Uint8Array,
): Rejection | undefined {
  if (equalBytes(digest, segment.manifest.artifacts.contentDigest(index))) return undefined;
  return new Rejection(ErrorCode.DIGEST_MISMATCH, record, "the content has another digest");
}

function tooLong(segment: Segment, detail: string): Rejection {
  return new Rejection(ErrorCode.LIMIT_EXCEEDED, segment.manifestOffset, detail);
}
