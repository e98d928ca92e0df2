// Annotated hex, as SPEC.md shows bundles and `precompile inspect --bytes` prints them.
import { ScalarType, type DescField, type DescMessage } from "@bufbuild/protobuf";

import { BundleSchema, ManifestSchema } from "../../conformance_tests/testees/typescript/gen/precompile/v1/bundle_pb.js";
import type { ByteSource } from "../../conformance_tests/testees/typescript/src/index.js";

const BYTES_A_LINE = 16;
const WIDTH = 3 * BYTES_A_LINE + 3;
const MOST_NUMBERS = 64;
const MOST_TEXT = 256;
const FIXED: Readonly<Record<number, number>> = { 1: 8, 5: 4 };

interface Tag {
  readonly number: number;
  readonly wire: number;
  readonly end: number;
}

/**
 * The lines for the bytes from `start` to `end`; of a value longer than `most` bytes, so many are
 * shown and the others counted. Offsets are those of the source.
 */
export function annotate(
  source: ByteSource, start: number, end: number, most: number,
): AsyncGenerator<string, void, void> {
  return new Annotation(source, most).message(start, end, BundleSchema, "");
}

class Annotation {
  // The last bytes read: a field takes several small reads.
  #start = 0;
  #held = new Uint8Array(0) as Uint8Array;

  constructor(
    readonly source: ByteSource,
    readonly most: number,
  ) {}

  async *message(from: number, end: number, schema: DescMessage, indent: string): AsyncGenerator<string, void, void> {
    for (let at = from; at < end; ) {
      const tag = await this.#tag(at, end);
      const size = tag && (await this.#size(tag, end));
      if (!tag || size === undefined) {
        yield `${offsetOf(at)}  ${indent}-- no field of ${schema.name} from here on`;
        yield* this.#bytes(at, end - at, "", indent);
        return;
      }
      const field = schema.fields.find(({ number }) => number === tag.number);
      const name = `${schema.name}.${field?.name ?? tag.number}`;
      const next = tag.end + size;
      if (tag.wire === 2) {
        const head = ((await this.#varint(tag.end, end)) as Varint).end;
        yield line(at, await this.#read(at, head - at), indent, `${name}, ${count(next - head)}`);
        yield* this.#delimited(head, next - head, field, `${indent} `);
      } else {
        yield line(at, await this.#read(at, next - at), indent, `${name} = ${await this.#number(field, tag, size)}`);
      }
      at = next;
    }
  }

  async #tag(at: number, end: number): Promise<Tag | undefined> {
    const found = await this.#varint(at, end);
    if (!found || found.value >> 3n === 0n) return undefined;
    return { number: Number(found.value >> 3n), wire: Number(found.value & 7n), end: found.end };
  }

  /** Bytes behind the tag, a length included; none where there are not so many. */
  async #size(tag: Tag, end: number): Promise<number | undefined> {
    let size = FIXED[tag.wire];
    if (size === undefined) {
      const value = tag.wire === 0 || tag.wire === 2 ? await this.#varint(tag.end, end) : undefined;
      if (!value) return undefined;
      size = value.end - tag.end + (tag.wire === 2 ? Number(value.value) : 0);
    }
    return tag.end + size <= end ? size : undefined;
  }

  async #varint(at: number, end: number): Promise<Varint | undefined> {
    return varint(await this.#read(at, Math.min(10, end - at)), at);
  }

  async #number(field: DescField | undefined, tag: Tag, size: number): Promise<string> {
    const bytes = await this.#read(tag.end, size);
    if (tag.wire in FIXED) return String(bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n));
    const { value } = varint(bytes, 0) as Varint;
    if (field?.fieldKind === "enum") {
      const known = field.enum.values.find(({ number }) => BigInt(number) === value);
      return known ? `${known.name} (${value})` : String(value);
    }
    const isSigned = field?.fieldKind === "scalar" && field.scalar === ScalarType.SINT64;
    return String(isSigned ? (value >> 1n) ^ -(value & 1n) : value);
  }

  async *#delimited(at: number, size: number, field: DescField | undefined, indent: string): AsyncGenerator<string, void, void> {
    const isList = field?.fieldKind === "list";
    const inner = field?.name === "payload" ? ManifestSchema
      : field?.fieldKind === "message" || (isList && field.listKind === "message") ? field.message : undefined;
    if (inner) {
      yield* this.message(at, at + size, inner, indent);
      return;
    }
    const scalar = field?.fieldKind === "scalar" || (isList && field.listKind === "scalar") ? field.scalar : undefined;
    const most = Math.min(size, this.most, MOST_TEXT);
    const note = noteOf(scalar, await this.#read(at, most), size);
    yield* this.#bytes(at, size, note, indent);
  }

  async *#bytes(from: number, size: number, note: string, indent: string): AsyncGenerator<string, void, void> {
    const shown = Math.min(size, this.most);
    for (let at = 0; at < shown; at += BYTES_A_LINE) {
      const bytes = await this.#read(from + at, Math.min(BYTES_A_LINE, shown - at));
      yield line(from + at, bytes, indent, at === 0 ? note : "");
    }
    if (shown < size) yield `${offsetOf(from + shown)}  ${indent}-- ${count(size - shown)} more`;
  }

  async #read(at: number, size: number): Promise<Uint8Array> {
    if (at < this.#start || at + size > this.#start + this.#held.length) {
      this.#held = await this.source.read(at, Math.min(Math.max(size, 4096), this.source.size - at))
        .catch(() => this.source.read(at, size));
      this.#start = at;
    }
    return this.#held.slice(at - this.#start, at - this.#start + size);
  }
}

interface Varint {
  readonly value: bigint;
  readonly end: number;
}

function varint(bytes: Uint8Array, at: number): Varint | undefined {
  let value = 0n;
  for (const [index, byte] of bytes.subarray(0, 10).entries()) {
    value |= BigInt(byte & 0x7f) << BigInt(7 * index);
    if (byte < 0x80) return { value: BigInt.asUintN(64, value), end: at + index + 1 };
  }
  return undefined;
}

const offsetOf = (at: number): string => at.toString(16).padStart(4, "0");
const count = (size: number): string => `${size} ${size === 1 ? "byte" : "bytes"}`;

function line(at: number, bytes: Uint8Array, indent: string, note: string): string {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ").toUpperCase();
  return `${offsetOf(at)}  ${(indent + hex).padEnd(WIDTH)}  ${note}`.trimEnd();
}

/** What a value, or its beginning, says. */
function noteOf(scalar: ScalarType | undefined, value: Uint8Array, size: number): string {
  if (scalar === ScalarType.UINT32 || scalar === ScalarType.UINT64) {
    const numbers: bigint[] = [];
    for (let at = 0, found; (found = varint(value.subarray(at), at)); at = found.end) numbers.push(found.value);
    const shown = numbers.slice(0, MOST_NUMBERS).join(", ");
    return size > value.length || numbers.length > MOST_NUMBERS ? `${shown}, ...` : shown;
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
  } catch {
    return "";
  }
  const isPlain = scalar === ScalarType.STRING || value.every((byte) => byte < 0x80);
  if (!isPlain || /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u.test(text)) return "";
  return `"${text}"${size > value.length ? "..." : ""}`;
}
