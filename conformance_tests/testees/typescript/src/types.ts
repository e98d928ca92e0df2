// The types of an artifact table: names with kinds.
import { ArtifactKind } from "../gen/precompile/v1/artifact_pb.js";
import type { Faults } from "./faults.js";
import { isName } from "./names.js";
import type { WireReader } from "./wire.js";

/** Each pair of a name and a kind once. */
export class TypeList {
  readonly names: string[] = [];
  readonly kinds: number[] = [];
  /** How many there are on the wire, those that a fault left out included. */
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Decodes the `ArtifactType` at the reader's place. */
  decodeNext(reader: WireReader, end: number, depth: number, faults: Faults): void {
    let name = "";
    let kind = 0;
    while (reader.at < end) {
      const tag = reader.tag(end);
      if (tag === 0x0a) name = reader.text(end);
      else if (tag === 0x10) kind = reader.enum(end);
      else reader.skip(tag, end, depth);
    }
    this.#length++;
    // [PCB-WIRE-005]
    if (kind === 0) faults.malformed ??= "a type has no kind";
    // [PCB-NAME-001]
    if (!isName(name)) faults.name ??= "an artifact's type";
    if (faults.malformed !== undefined) return;
    this.names.push(name);
    this.kinds.push(kind);
  }

  /** [PCB-TABLE-003] Whether a pair stands twice. Numbers are sorted, since a set of pairs costs more. */
  get hasRepeats(): boolean {
    const numbers = new Map<string, number>();
    const pairs = new Uint32Array(2 * this.names.length);
    this.names.forEach((name, index) => {
      const number = numbers.get(name) ?? numbers.size;
      numbers.set(name, number);
      pairs[2 * index] = number;
      pairs[2 * index + 1] = this.kinds[index] as number;
    });
    new BigUint64Array(pairs.buffer).sort();
    for (let at = 2; at < pairs.length; at += 2) {
      if (pairs[at] === pairs[at - 2] && pairs[at + 1] === pairs[at - 1]) return true;
    }
    return false;
  }
}

/** [PCB-ART-002] Whether an artifact of this kind has backends, or they are to be ignored. */
export function hasBackends(kind: number | undefined): boolean {
  return kind !== ArtifactKind.CACHE && kind !== ArtifactKind.BACKEND;
}
