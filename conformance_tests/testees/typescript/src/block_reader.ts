// Blocks: read, checked and decompressed, the last one held.
import { Compression } from "../gen/precompile/v1/bundle_pb.js";
import type { ByteSource } from "./byte_source.js";
import { equalBytes } from "./bytes.js";
import { sha256 } from "./digest.js";
import { ErrorCode, Rejection } from "./errors.js";
import { blockDataSize, blockHead } from "./framing.js";
import type { Limits } from "./limits.js";
import type { Segment } from "./segment.js";
import { decompress } from "./zstd.js";

interface Held {
  readonly offset: number;
  readonly content: Uint8Array | Rejection;
}

/** Reads blocks of one open bundle, and holds the last one between them. */
export class BlockReader {
  readonly #source: ByteSource;
  readonly #limits: Limits;
  #decompressed = 0n;
  #held: Held | undefined;

  constructor(source: ByteSource, limits: Limits) {
    this.#source = source;
    this.#limits = limits;
  }

  /**
   * The content of the block with this index. Nobody changes it.
   *
   * @throws Rejection where it cannot be read, or does not fit.
   */
  async content(segment: Segment, index: number): Promise<Uint8Array> {
    const offset = segment.places.offsets[index];
    if (offset === undefined) throw new RangeError(`no block ${index}`);
    if (this.#held?.offset !== offset) {
      // [PCB-CONT-005] Every block that is read counts, and none that passes the limit.
      const sum = this.#decompressed + BigInt(segment.manifest.blocks.contentSize(index));
      if (sum > this.#limits.totalDecompressed) {
        throw new Rejection(ErrorCode.LIMIT_EXCEEDED, offset, "too much to decompress");
      }
      this.#decompressed = sum;
      this.#held = undefined;
      this.#held = { offset, content: await this.#read(segment, index, offset) };
    }
    if (this.#held.content instanceof Rejection) throw this.#held.content;
    return this.#held.content;
  }

  async #read(segment: Segment, index: number, offset: number): Promise<Uint8Array | Rejection> {
    const refuse = (code: ErrorCode, detail: string): Rejection => new Rejection(code, offset, detail);
    const { blocks } = segment.manifest;
    const contentSize = blocks.contentSize(index);
    const compression = blocks.compressions[index];
    const dataSize = blockDataSize(segment.places.sizes[index] as number) as number;
    const head = blockHead(dataSize);
    const found = await this.#source.read(offset, head.length);
    // [PCB-CONT-003]
    if (!equalBytes(found, head)) return refuse(ErrorCode.MALFORMED_BLOCK, "no such block record");
    if (compression === Compression.NONE && dataSize !== contentSize) {
      // [PCB-BLOCK-008]
      return refuse(ErrorCode.SIZE_MISMATCH, "the block's data has another length");
    }
    const data = await this.#source.read(offset + head.length, dataSize);
    // [PCB-CONT-002]
    if (!equalBytes(await sha256(data), blocks.digest(index))) {
      return refuse(ErrorCode.DIGEST_MISMATCH, "the block's data has another digest");
    }
    if (compression === Compression.NONE) return data;
    if (compression !== Compression.ZSTD) {
      // [PCB-CONT-004]
      return refuse(ErrorCode.UNSUPPORTED_FEATURE, `compression ${compression} is unknown`);
    }
    try {
      return await decompress(data, contentSize, offset);
    } catch (error) {
      if (error instanceof Rejection) return error;
      throw error;
    }
  }
}
