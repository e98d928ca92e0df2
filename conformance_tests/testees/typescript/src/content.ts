// CONTENT: blocks and contents, checked when they are read.
import type { BlockEntry } from "../gen/precompile/v1/bundle_pb.js";
import { Compression } from "../gen/precompile/v1/bundle_pb.js";
import type { ByteSource } from "./byte_source.js";
import { concatBytes, equalBytes } from "./bytes.js";
import type { Place } from "./chain.js";
import { sha256, sha256OfParts } from "./digest.js";
import { ErrorCode, Rejection } from "./errors.js";
import { blockDataSize, blockHead } from "./framing.js";
import type { Limits } from "./limits.js";
import type { Artifact } from "./segment.js";
import { decompress } from "./zstd.js";

interface Held {
  readonly offset: number;
  readonly content: Uint8Array | Rejection;
}

/** Reads contents of one open bundle, and holds the last block between them. */
export class ContentReader {
  readonly #source: ByteSource;
  readonly #limits: Limits;
  #decompressed = 0n;
  #held: Held | undefined;

  constructor(source: ByteSource, limits: Limits) {
    this.#source = source;
    this.#limits = limits;
  }

  /** The whole content, in memory of its own. */
  async read(artifact: Artifact): Promise<Uint8Array> {
    if (artifact.contentSize > this.#limits.artifactContent) {
      throw this.#tooLong(artifact, "the content is too long to be read into memory");
    }
    const parts: Uint8Array[] = [];
    for await (const part of this.stream(artifact)) parts.push(part);
    return parts.length === 1 ? (parts[0] as Uint8Array) : concatBytes(parts);
  }

  /** The content in parts; it ends in a Rejection where the whole is not what it must be. */
  async *stream(artifact: Artifact): AsyncGenerator<Uint8Array, void, void> {
    const { extents } = artifact.message;
    const { places, manifest, manifestOffset } = artifact.segment;
    if (artifact.contentSize > this.#limits.totalDecompressed) {
      throw this.#tooLong(artifact, "the content exceeds what may be decompressed");
    }
    const first = extents[0];
    const offset = first ? (places[first.block] as Place).offset : manifestOffset;
    if (!first || extents.length === 1) {
      const part = first ? await this.#part(artifact, 0) : new Uint8Array(0);
      const entry = first && (manifest.blocks[first.block] as BlockEntry);
      if (!entry || !isDigestOfContent(entry, artifact)) {
        checkContent(await sha256(part), artifact, offset);
      }
      if (first) yield part;
      return;
    }
    const hash = sha256OfParts();
    for (const index of extents.keys()) {
      const part = await this.#part(artifact, index);
      hash.update(part);
      yield part;
    }
    checkContent(hash.digest(), artifact, offset);
  }

  /** A copy of one extent: what is handed out may be changed, what is held may not. */
  async #part(artifact: Artifact, index: number): Promise<Uint8Array> {
    const extent = artifact.message.extents[index];
    if (!extent) throw new RangeError(`no extent ${index}`);
    const { manifest, places } = artifact.segment;
    const entry = manifest.blocks[extent.block] as BlockEntry;
    const content = await this.block(entry, places[extent.block] as Place);
    return content.slice(Number(extent.offset), Number(extent.offset + extent.size));
  }

  /** The content of a block. Nobody changes it. */
  async block(entry: BlockEntry, place: Place): Promise<Uint8Array> {
    if (this.#held?.offset !== place.offset) {
      // [PCB-CONT-005] Every block that is read counts, and none that passes a limit.
      const sum = this.#decompressed + entry.contentSize;
      if (sum > this.#limits.totalDecompressed || entry.contentSize > this.#limits.blockContent) {
        throw new Rejection(ErrorCode.LIMIT_EXCEEDED, place.offset, "too much to decompress");
      }
      this.#decompressed = sum;
      this.#held = undefined;
      this.#held = { offset: place.offset, content: await this.#readBlock(entry, place) };
    }
    if (this.#held.content instanceof Rejection) throw this.#held.content;
    return this.#held.content;
  }

  async #readBlock(entry: BlockEntry, place: Place): Promise<Uint8Array | Rejection> {
    const refuse = (code: ErrorCode, detail: string): Rejection =>
      new Rejection(code, place.offset, detail);
    const dataSize = blockDataSize(place.size) as number;
    const head = blockHead(dataSize);
    const found = await this.#source.read(place.offset, head.length);
    // [PCB-CONT-003]
    if (!equalBytes(found, head)) return refuse(ErrorCode.MALFORMED_BLOCK, "no such block record");
    const isStored = entry.compression === Compression.NONE;
    if (isStored && BigInt(dataSize) !== entry.contentSize) {
      // [PCB-BLOCK-008]
      return refuse(ErrorCode.SIZE_MISMATCH, "the block's data has another length");
    }
    const data = await this.#source.read(place.offset + head.length, dataSize);
    // [PCB-CONT-002]
    if (!equalBytes(await sha256(data), entry.digest)) {
      return refuse(ErrorCode.DIGEST_MISMATCH, "the block's data has another digest");
    }
    if (isStored) return data;
    if (entry.compression !== Compression.ZSTD) {
      // [PCB-CONT-004]
      return refuse(ErrorCode.UNSUPPORTED_FEATURE, `compression ${entry.compression} is unknown`);
    }
    try {
      return await decompress(data, Number(entry.contentSize), place.offset);
    } catch (error) {
      if (error instanceof Rejection) return error;
      throw error;
    }
  }

  #tooLong(artifact: Artifact, detail: string): Rejection {
    return new Rejection(ErrorCode.LIMIT_EXCEEDED, artifact.segment.manifestOffset, detail);
  }
}

// Such a block was hashed when it was read; its digest is that of the content.
function isDigestOfContent(entry: BlockEntry, { contentSize, contentDigest }: Artifact): boolean {
  return (
    entry.compression === Compression.NONE &&
    entry.contentSize === contentSize &&
    equalBytes(entry.digest, contentDigest)
  );
}

// [PCB-CONT-001]
function checkContent(digest: Uint8Array, artifact: Artifact, offset: number): void {
  if (equalBytes(digest, artifact.contentDigest)) return;
  throw new Rejection(ErrorCode.DIGEST_MISMATCH, offset, "the content has another digest");
}
