// From footer to footer, backwards: which segments an input has.
import { ReadAhead, type ByteSource } from "./byte_source.js";
import { ErrorCode, Rejection } from "./errors.js";
import {
  FOOTER_SIZE, HEADER, HEADER_READ, MANIFEST_TAG, MAX_RECORD_HEAD,
  hasMagic, headerFault, isHeader, isHeaderPrefix, parseFooter, parseRecordHead,
} from "./framing.js";
import type { Limits } from "./limits.js";

/** Where a segment lies, in bytes from the input's start. */
export interface Bounds {
  readonly start: number;
  /** The manifest record, and its content behind tag and length. */
  readonly manifest: number;
  readonly envelope: number;
  readonly footer: number;
  readonly end: number;
}

export interface Walk {
  /** In file order. */
  readonly segments: Bounds[];
  /** In the order in which they were found. */
  readonly faults: Rejection[];
}

/** Refuses what does not begin as a bundle does: nothing else of it is looked at. */
export async function checkHead(source: ByteSource): Promise<void> {
  const { size } = source;
  const head = await source.read(0, Math.min(HEADER_READ, size));
  if (size > 0 && isHeaderPrefix(head)) {
    // [PCB-FRAME-006]
    throw new Rejection(ErrorCode.TRUNCATED, size, "the first segment's header is cut off");
  }
  if (!hasMagic(head)) {
    // [PCB-FRAME-003]
    throw new Rejection(ErrorCode.NOT_A_BUNDLE, 0, "the input does not begin with a header");
  }
  if (!isHeader(head)) throw new Rejection(headerFault(head), 0, "the header is another one");
}

/** Walks over the first `size` bytes of an input whose head was checked. */
export async function walk(source: ByteSource, size: number, limits: Limits): Promise<Walk> {
  const bytes = new ReadAhead(source, size, "backwards");
  const segments: Bounds[] = [];
  const faults: Rejection[] = [];
  for (let end = size; end > 0; ) {
    const found = await lastSegment(bytes, end, limits);
    if (found instanceof Rejection) {
      faults.push(found);
      break;
    }
    segments.push(found);
    const { start } = found;
    const head = await bytes.read(start, Math.min(HEADER_READ, size - start));
    if (!isHeader(head)) {
      // [PCB-FRAME-012]
      faults.push(new Rejection(headerFault(head), start, "no header of version 1 stands here"));
    }
    if (BigInt(segments.length) > limits.segments) {
      faults.push(new Rejection(ErrorCode.LIMIT_EXCEEDED, start, "too many segments"));
      break;
    }
    end = start;
  }
  return { segments: segments.reverse(), faults };
}

async function lastSegment(
  bytes: ReadAhead, end: number, limits: Limits,
): Promise<Bounds | Rejection> {
  const malformed = (offset: number, detail: string): Rejection =>
    new Rejection(ErrorCode.MALFORMED_FRAME, offset, detail);
  const at = end - FOOTER_SIZE;
  const footer = at < HEADER.length ? undefined : parseFooter(await bytes.read(at, FOOTER_SIZE));
  if (!footer) {
    // [PCB-FRAME-007] [PCB-FRAME-012]
    return end === bytes.size
      ? new Rejection(ErrorCode.TRUNCATED, end, "the input does not end with a footer")
      : malformed(Math.max(at, 0), "no footer ends where the next segment begins");
  }
  const { manifestOffset, segmentSize } = footer;
  const isPossible =
    segmentSize <= BigInt(end) &&
    manifestOffset >= BigInt(HEADER.length) &&
    manifestOffset + BigInt(FOOTER_SIZE) < segmentSize;
  // [PCB-FRAME-010]
  if (!isPossible) return malformed(at, "the footer's numbers are not those of a segment");
  const start = end - Number(segmentSize);
  const manifest = start + Number(manifestOffset);
  const head = parseRecordHead(
    await bytes.read(manifest, Math.min(MAX_RECORD_HEAD, bytes.size - manifest)), MANIFEST_TAG,
  );
  if (!head || BigInt(manifest + head.head) + head.content !== BigInt(at)) {
    // [PCB-FRAME-009] [PCB-FRAME-011]
    return malformed(manifest, "no manifest record stands here and ends at the footer");
  }
  if (BigInt(at - manifest) > limits.manifestBytes) {
    return new Rejection(ErrorCode.LIMIT_EXCEEDED, manifest, "the manifest record is too long");
  }
  return { start, manifest, envelope: manifest + head.head, footer: at, end };
}
