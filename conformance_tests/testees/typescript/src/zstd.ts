// Exactly one standard frame of RFC 8878, as the norm narrows it.
import { ZSTDDecoder } from "zstddec";

import { viewOf } from "./bytes.js";
import { ErrorCode, Rejection } from "./errors.js";

const MAGIC = 0xfd2fb528;
const MAX_WINDOW = 8 * 2 ** 20;
const RESERVED_BLOCK = 3;
const RLE_BLOCK = 1;

let decoder: Promise<ZSTDDecoder> | undefined;

async function loadDecoder(): Promise<ZSTDDecoder> {
  const made = new ZSTDDecoder();
  await made.init();
  return made;
}

/** The content of a frame that must state `contentSize`; `offset` is where refusals are told. */
export async function decompress(
  data: Uint8Array, contentSize: number, offset: number,
): Promise<Uint8Array> {
  const refuse = (detail: string): Rejection =>
    new Rejection(ErrorCode.DECOMPRESSION_FAILED, offset, detail);
  const header = parseHeader(data);
  if (typeof header === "string") throw refuse(header);
  // [PCB-ZSTD-004] [PCB-ZSTD-008] From here on the frame claims what the manifest claims.
  if (header.contentSize !== BigInt(contentSize)) {
    throw new Rejection(ErrorCode.SIZE_MISMATCH, offset, "the frame states another content size");
  }
  // [PCB-ZSTD-005]
  if (header.dictionary !== 0) throw refuse("the frame needs a dictionary");
  // [PCB-ZSTD-006]
  if (header.window > MAX_WINDOW) throw refuse("the frame's window exceeds 8 MiB");
  // [PCB-ZSTD-007]
  if (frameEnd(data, header) !== data.length) throw refuse("the data is not exactly one frame");
  decoder ??= loadDecoder();
  const zstd = await decoder;
  let content: Uint8Array;
  try {
    content = zstd.decode(data, contentSize);
  } catch {
    throw refuse("the frame is corrupt");
  }
  // [PCB-ZSTD-009] The library gives a slice of another length where libzstd has an error.
  if (content.length !== contentSize) throw refuse("the frame is corrupt");
  return content;
}

interface FrameHeader {
  readonly size: number;
  readonly contentSize: bigint;
  readonly window: number;
  readonly dictionary: number;
  readonly hasChecksum: boolean;
}

/** The frame's header; or what is wrong with it. */
function parseHeader(data: Uint8Array): FrameHeader | string {
  const view = viewOf(data);
  // [PCB-ZSTD-002]
  if (data.length < 4 || view.getUint32(0, true) !== MAGIC) return "no standard frame begins here";
  const descriptor = data[4];
  // [PCB-ZSTD-003]
  if (descriptor === undefined) return "the frame's header is cut off";
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionarySize = [0, 1, 2, 4][descriptor & 3] as number;
  const stated = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;
  const dictionaryAt = isSingleSegment ? 5 : 6;
  const statedAt = dictionaryAt + dictionarySize;
  const size = statedAt + stated;
  if (data.length < size) return "the frame's header is cut off";
  if ((descriptor & 0x08) !== 0) return "the frame's reserved bit is set";
  if (stated === 0) return "the frame does not state its content size";
  const contentSize = littleEndian(data.subarray(statedAt, size)) + (stated === 2 ? 256n : 0n);
  return {
    size,
    contentSize,
    window: isSingleSegment ? Number(contentSize) : windowSize(data[5] as number),
    dictionary: Number(littleEndian(data.subarray(dictionaryAt, statedAt))),
    hasChecksum: (descriptor & 0x04) !== 0,
  };
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** Where the frame ends by its blocks' own lengths; none where the data ends before it. */
function frameEnd(data: Uint8Array, header: FrameHeader): number | undefined {
  for (let at = header.size; at + 3 <= data.length; ) {
    const block = Number(littleEndian(data.subarray(at, at + 3)));
    const type = (block >> 1) & 3;
    if (type === RESERVED_BLOCK) return undefined;
    at += 3 + (type === RLE_BLOCK ? 1 : block >> 3);
    if (block & 1) return at + (header.hasChecksum ? 4 : 0);
  }
  return undefined;
}
