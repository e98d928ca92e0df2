// The types of an artifact table: names with kinds.
import { ArtifactKind } from "../gen/precompile/v1/artifact_pb.js";
import type { Faults } from "./faults.js";
import { isName } from "./names.js";
import type { WireReader } from "./wire.js";

/** Pairs of a name and a kind. */
export class TypeList {
  readonly length: number;
  // Each name once; the pairs have its number.
  readonly #names: string[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #name: Uint32Array;
  readonly #kinds: Int32Array;
  #decoded = 0;

  /** Makes room for as many pairs as were counted. */
  constructor(length: number) {
    this.length = length;
    this.#name = new Uint32Array(length);
    this.#kinds = new Int32Array(length);
  }

  /** Decodes the `ArtifactType` at the reader's place, the next one of the list. */
  decodeNext(reader: WireReader, end: number, depth: number, faults: Faults): void {
    const index = this.#decoded++;
    let name = "";
    let kind = 0;
    while (reader.at < end) {
      const tag = reader.tag(end);
      if (tag === 0x0a) name = reader.text(end);
      else if (tag === 0x10) kind = reader.enum(end);
      else reader.skip(tag, end, depth);
    }
    // [PCB-WIRE-005]
    if (kind === 0) faults.malformed ??= "a type has no kind";
    // [PCB-NAME-001]
    if (!isName(name)) faults.name ??= "an artifact's type";
    if (faults.malformed !== undefined) return;
    this.#name[index] = this.#numberOf(name);
    this.#kinds[index] = kind;
  }

  name(index: number): string {
    return this.#names[this.#name[index] as number] as string;
  }

  kind(index: number): number {
    return this.#kinds[index] as number;
  }

  /** [PCB-TABLE-003] Whether a pair stands twice. Numbers are sorted: a set of pairs takes more memory. */
  get hasRepeats(): boolean {
    const pairs = new Uint32Array(2 * this.length);
    for (let index = 0; index < this.length; index++) {
      pairs[2 * index] = this.#name[index] as number;
      pairs[2 * index + 1] = this.#kinds[index] as number;
    }
    new BigUint64Array(pairs.buffer).sort();
    for (let at = 2; at < pairs.length; at += 2) {
      if (pairs[at] === pairs[at - 2] && pairs[at + 1] === pairs[at - 1]) return true;
    }
    return false;
  }

  #numberOf(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    this.#numbers.set(name, this.#names.length);
    return this.#names.push(name) - 1;
  }
}

/** [PCB-ART-002] Whether an artifact of this kind has backends, or they are to be ignored. */
export function hasBackends(kind: number): boolean {
  return kind !== ArtifactKind.CACHE && kind !== ArtifactKind.BACKEND;
}
