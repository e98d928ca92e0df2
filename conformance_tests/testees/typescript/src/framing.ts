// The exact bytes around envelopes and blocks: headers, records, footers.
import { equalBytes, viewOf } from "./bytes.js";
import { ErrorCode } from "./errors.js";
import { minimalVarint, varintSize, writeVarint } from "./varint.js";

export const BLOCK_TAG = 0x12;
export const MANIFEST_TAG = 0x1a;
const FOOTER_TAG = 0x22;
const DATA_TAG = 0x0a;

/** Begins every segment. */
export const HEADER = Uint8Array.of(
  0x0a, 0x15, 0x0a, 0x11, ...new TextEncoder().encode("precompile.bundle"), 0x10, 0x01,
);
/** Bytes that tell what a header is: the constant, with any varint for its version. */
export const HEADER_READ = 32;
export const FOOTER_SIZE = 20;
/** Bytes of a block's data, and of its content, at most. */
export const MAX_BLOCK = 2 ** 26;
/** A tag and the longest varint. */
export const MAX_RECORD_HEAD = 11;

const hasHeaderBytes = (head: Uint8Array, from: number, to: number): boolean =>
  head[0] === HEADER[0] && equalBytes(head.subarray(from, to), HEADER.subarray(from, to));

export function isHeader(head: Uint8Array): boolean {
  return equalBytes(head.subarray(0, HEADER.length), HEADER);
}

export function isHeaderPrefix(head: Uint8Array): boolean {
  return head.length < HEADER.length && equalBytes(head, HEADER.subarray(0, head.length));
}

export function hasMagic(head: Uint8Array): boolean {
  return hasHeaderBytes(head, 2, 21);
}

/** What is wrong with bytes that should be a header and are not the constant. */
export function headerFault(head: Uint8Array): ErrorCode {
  // [PCB-FRAME-004] [PCB-FRAME-005]
  const major = hasHeaderBytes(head, 2, 22) ? minimalVarint(head, 22) : undefined;
  return major !== undefined && major.value !== 1n
    ? ErrorCode.UNSUPPORTED_VERSION
    : ErrorCode.MALFORMED_FRAME;
}

/** What a footer says; 64-bit numbers, which prove nothing yet. */
export interface Footer {
  readonly manifestOffset: bigint;
  readonly segmentSize: bigint;
}

/** The footer in these 20 bytes; none where they do not have its shape. */
export function parseFooter(bytes: Uint8Array): Footer | undefined {
  const hasShape =
    bytes.length === FOOTER_SIZE &&
    bytes[0] === FOOTER_TAG && bytes[1] === 0x12 && bytes[2] === 0x09 && bytes[11] === 0x11;
  if (!hasShape) return undefined;
  const view = viewOf(bytes);
  return { manifestOffset: view.getBigUint64(3, true), segmentSize: view.getBigUint64(12, true) };
}

export function writeFooter(manifestOffset: number, segmentSize: number): Uint8Array {
  const bytes = new Uint8Array(FOOTER_SIZE);
  bytes.set([FOOTER_TAG, 0x12, 0x09]);
  bytes[11] = 0x11;
  viewOf(bytes).setBigUint64(3, BigInt(manifestOffset), true);
  viewOf(bytes).setBigUint64(12, BigInt(segmentSize), true);
  return bytes;
}

/** Length of a record's tag and length, and of what follows them. */
export interface RecordHead {
  readonly head: number;
  readonly content: bigint;
}

/** The exact head of a record with this tag; none where `bytes` do not begin with one. */
export function parseRecordHead(bytes: Uint8Array, tag: number): RecordHead | undefined {
  const length = bytes[0] === tag ? minimalVarint(bytes, 1) : undefined;
  return length && { head: 1 + length.size, content: length.value };
}

/** Tags and lengths before the data of a block record: what `dataSize` bytes are framed with. */
export function blockHead(dataSize: number): Uint8Array {
  const data = [DATA_TAG, ...writeVarint(dataSize)];
  return Uint8Array.of(BLOCK_TAG, ...writeVarint(data.length + dataSize), ...data);
}

/** How many bytes of data a block record of `recordSize` bytes holds; none where no block has that size. */
export function blockDataSize(recordSize: number): number | undefined {
  // [PCB-BLOCK-003] The two lengths take 2 to 10 bytes; at most one choice fits.
  for (let lengths = 2; lengths <= 10; lengths++) {
    const size = recordSize - 2 - lengths;
    if (size < 1) return undefined;
    const inner = varintSize(size);
    if (inner + varintSize(size + 1 + inner) !== lengths) continue;
    return size <= MAX_BLOCK ? size : undefined;
  }
  return undefined;
}
