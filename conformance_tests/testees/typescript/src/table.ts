// The artifacts of a manifest, a column for each property: of most of them nobody ever asks
// for more than whether they are there.
import { DIGEST_SIZE } from "./blocks.js";
import { IndexColumn, OffsetColumn, SizeColumn, decodePacked } from "./columns.js";
import type { Counts } from "./count.js";
import { DetailList, type Detail } from "./details.js";
import type { Faults } from "./faults.js";
import { KeyColumn } from "./keys.js";
import { TypeList, hasBackends } from "./types.js";
import type { WireReader } from "./wire.js";

// Of the table, within the manifest.
const DEPTH = 2;

/** Decoded artifacts by their index. Nobody changes an array of it. */
export class ArtifactTable {
  constructor(
    readonly types: TypeList,
    /** Indices into `types`. */
    readonly type: Uint32Array,
    readonly keys: KeyColumn,
    /** 32 bytes an artifact, one behind another. */
    readonly contentDigests: Uint8Array,
    /** In bytes. */
    readonly contentSizes: Float64Array,
    /** Indices into the manifest's blocks. */
    readonly block: Uint32Array,
    /** In the block's content. */
    readonly offset: Uint32Array,
    readonly details: DetailList,
  ) {}

  get length(): number {
    return this.keys.length;
  }

  typeName(index: number): string {
    return this.types.name(this.type[index] as number);
  }

  key(index: number): string {
    return this.keys.text(index);
  }

  kind(index: number): number {
    return this.types.kind(this.type[index] as number);
  }

  contentSize(index: number): number {
    return this.contentSizes[index] as number;
  }

  /** A view that nobody changes. */
  contentDigest(index: number): Uint8Array {
    return this.contentDigests.subarray(index * DIGEST_SIZE, (index + 1) * DIGEST_SIZE);
  }

  /** Backends that are not to be ignored, and attributes. */
  detail(index: number): Detail {
    const detail = this.details.of(index);
    // [PCB-ART-002]
    return hasBackends(this.kind(index)) ? detail : { ...detail, backends: [] };
  }
}

/** Decodes all occurrences of a manifest's table, which are one table. */
export class TableDecoder {
  readonly #faults: Faults;
  readonly #count: number;
  readonly #types: TypeList;
  readonly #type: IndexColumn;
  readonly #keys: KeyColumn;
  readonly #contentSize: SizeColumn;
  readonly #block: IndexColumn;
  readonly #offset: OffsetColumn;
  readonly #details: DetailList;
  #contentDigests = new Uint8Array(0) as Uint8Array;

  /** Makes room for what was counted in the payload. */
  constructor(payload: Uint8Array, counts: Counts, faults: Faults) {
    this.#faults = faults;
    this.#count = counts.keys;
    this.#types = new TypeList(counts.types);
    this.#type = new IndexColumn(counts.keys);
    this.#keys = new KeyColumn(payload, counts.keys);
    this.#contentSize = new SizeColumn(counts.keys);
    this.#block = new IndexColumn(counts.keys);
    this.#offset = new OffsetColumn(counts.keys);
    this.#details = new DetailList(payload, Math.min(counts.details, counts.keys));
  }

  /** The sum of `content_size`. */
  get totalContent(): bigint {
    return this.#contentSize.total;
  }

  /** Decodes the `ArtifactTable` at the reader's place. */
  decode(reader: WireReader, end: number): void {
    while (reader.at < end) {
      const tag = reader.tag(end);
      switch (tag) {
        case 0x0a:
          this.#types.decodeNext(reader, reader.length(end), DEPTH + 1, this.#faults);
          break;
        case 0x10:
          this.#type.decodeNext(reader, end);
          break;
        case 0x12:
          decodePacked(this.#type, reader, end);
          break;
        case 0x1a: {
          const stop = reader.length(end);
          this.#keys.add(reader.at, stop);
          reader.at = stop;
          break;
        }
        case 0x22:
          // [PCB-WIRE-004] Bytes do not concatenate: the last value counts.
          this.#contentDigests = reader.view(end);
          break;
        case 0x28:
          this.#contentSize.decodeNext(reader, end);
          break;
        case 0x2a:
          decodePacked(this.#contentSize, reader, end);
          break;
        case 0x30:
          this.#block.decodeNext(reader, end);
          break;
        case 0x32:
          decodePacked(this.#block, reader, end);
          break;
        case 0x38:
          this.#offset.decodeNext(reader, end);
          break;
        case 0x3a:
          decodePacked(this.#offset, reader, end);
          break;
        case 0x42:
          this.#details.decodeNext(reader, reader.length(end), this.#faults);
          break;
        default:
          reader.skip(tag, end, DEPTH);
      }
    }
  }

  /**
   * The table, once all of the payload is decoded; it is right where no fault is noted.
   *
   * @throws WireError where a key is not UTF-8.
   */
  finish(): ArtifactTable {
    // [PCB-NAME-002]
    if (!this.#keys.check()) this.#faults.name ??= "an artifact's key";
    this.#check();
    return new ArtifactTable(
      this.#types, this.#type.values, this.#keys, this.#contentDigests,
      this.#contentSize.values, this.#block.values, this.#offset.values, this.#details,
    );
  }

  #check(): void {
    const faults = this.#faults;
    const count = this.#count;
    const columns = [this.#type, this.#contentSize, this.#block, this.#offset];
    // [PCB-TABLE-001]
    if (
      columns.some(({ length }) => length !== count) ||
      this.#contentDigests.length !== count * DIGEST_SIZE
    ) {
      faults.malformed ??= "the table's columns do not have one length";
    }
    // What a fault left out is not asked for.
    if (faults.malformed !== undefined) return;
    // [PCB-TABLE-002]
    if (this.#type.values.some((type) => type >= this.#types.length)) {
      faults.malformed = "an artifact has a type that is not listed";
    }
    if (this.#types.hasRepeats) faults.malformed ??= "a type and kind are listed twice";
    if (faults.malformed !== undefined) return;
    const kindOf = (artifact: number): number => this.#types.kind(this.#type.values[artifact] as number);
    this.#details.check(count, kindOf, faults);
  }
}
