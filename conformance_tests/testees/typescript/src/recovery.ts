// What is complete of an input with a torn tail.
import { ReadAhead, type ByteSource } from "./byte_source.js";
import { ErrorCode, Rejection } from "./errors.js";
import {
  BLOCK_TAG, FOOTER_SIZE, HEADER, HEADER_READ, MANIFEST_TAG, MAX_RECORD_HEAD,
  blockDataSize, blockHead, headerFault, isHeader, parseFooter, parseRecordHead,
} from "./framing.js";
import { equalBytes } from "./bytes.js";
import type { Limits } from "./limits.js";
import { walk, type Walk } from "./walk.js";

export interface Recovered {
  readonly walk: Walk;
  /** Bytes that the walk was over; what lies behind them is left out. */
  readonly size: number;
}

/** The walk over an input whose head was checked, or over its complete segments. */
export async function recover(source: ByteSource, limits: Limits): Promise<Recovered> {
  const whole = await walk(source, source.size, limits);
  const end = await completeEnd(source, limits);
  if (end === 0 || !isContradicted(whole, end)) return { walk: whole, size: source.size };
  const behind = await source.read(end, Math.min(HEADER_READ, source.size - end));
  if (headerFault(behind) === ErrorCode.UNSUPPORTED_VERSION) {
    // [PCB-RECV-006] A later version's segment is no damage.
    throw new Rejection(ErrorCode.UNSUPPORTED_VERSION, end, "a segment of another version stands here");
  }
  return { walk: await walk(source, end, limits), size: end };
}

// [PCB-RECV-001] The walk backwards is believed unless the walk forwards contradicts it.
function isContradicted({ segments, faults }: Walk, end: number): boolean {
  if (faults.length === 0) return !segments.some(({ start, end: e }) => start === end || e === end);
  return faults.some(
    ({ code }) => code === ErrorCode.TRUNCATED || code === ErrorCode.MALFORMED_FRAME,
  );
}

/** E: the end of the longest prefix that consists of complete segments. */
async function completeEnd(source: ByteSource, limits: Limits): Promise<number> {
  const bytes = new ReadAhead(source, source.size, "forwards");
  const budget = { records: limits.items };
  let end = 0;
  for (;;) {
    const next = await segmentEnd(bytes, end, budget);
    if (next === undefined) return end;
    end = next;
  }
}

/** The end of the complete segment at `start`; none where there is no such one. */
async function segmentEnd(
  bytes: ReadAhead, start: number, budget: { records: bigint },
): Promise<number | undefined> {
  const upTo = (at: number, size: number): Promise<Uint8Array> =>
    bytes.read(at, Math.min(size, bytes.size - at));
  if (!isHeader(await upTo(start, HEADER.length))) return undefined;
  let at = start + HEADER.length;
  // [PCB-RECV-005] Records of a few bytes must not cost a read each without end.
  for (; budget.records > 0n; budget.records--) {
    const begin = await upTo(at, MAX_RECORD_HEAD * 2);
    const tag = begin[0] === BLOCK_TAG ? BLOCK_TAG : MANIFEST_TAG;
    const head = parseRecordHead(begin, tag);
    if (!head || BigInt(at + head.head) + head.content > BigInt(bytes.size)) return undefined;
    const size = head.head + Number(head.content);
    if (tag === MANIFEST_TAG) return footerEnd(await upTo(at + size, FOOTER_SIZE), start, at, at + size);
    if (!isBlock(begin, size)) return undefined;
    at += size;
  }
  return undefined;
}

function isBlock(begin: Uint8Array, recordSize: number): boolean {
  const dataSize = blockDataSize(recordSize);
  if (dataSize === undefined) return false;
  const head = blockHead(dataSize);
  return equalBytes(begin.subarray(0, head.length), head);
}

function footerEnd(
  bytes: Uint8Array, start: number, manifest: number, at: number,
): number | undefined {
  const footer = parseFooter(bytes);
  const end = at + FOOTER_SIZE;
  const isOwn =
    footer?.manifestOffset === BigInt(manifest - start) && footer.segmentSize === BigInt(end - start);
  return isOwn ? end : undefined;
}
