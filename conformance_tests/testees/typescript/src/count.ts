// How many elements a payload's lists have, told before any of them takes memory.
import { WireReader } from "./wire.js";

/** Elements of each list on the wire, in all the messages of a payload. */
export type Counts = Record<keyof typeof LEAST_BYTES, number>;

// [PCB-WIRE-008] The least that an element takes of a payload, in bytes.
const LEAST_BYTES = {
  features: 2, requirements: 4, values: 2, blocks: 32, removed: 4,
  keys: 32, types: 4, details: 4, backends: 4, attributes: 4,
};

/** Which fields of a message are counted, or hold what is, by their tags. */
type Fields = ReadonlyMap<number, { readonly list?: keyof Counts; readonly within?: Fields }>;

const DETAIL: Fields = new Map([
  [0x12, { list: "backends" }],
  [0x1a, { list: "attributes" }],
]);
const TABLE: Fields = new Map([
  [0x0a, { list: "types" }],
  [0x1a, { list: "keys" }],
  [0x42, { list: "details", within: DETAIL }],
]);
const MANIFEST: Fields = new Map([
  [0x0a, { list: "features" }],
  [0x22, { list: "requirements", within: new Map([[0x1a, { list: "values" }]]) }],
  [0x2a, { list: "blocks" }],
  [0x32, { within: TABLE }],
  [0x3a, { list: "removed" }],
]);

/**
 * Counts what a serialized `Manifest` lists.
 *
 * @throws WireError where its fields cannot be told apart.
 */
export function countElements(payload: Uint8Array): Counts {
  const counts: Counts = {
    features: 0, requirements: 0, values: 0, blocks: 0, removed: 0,
    keys: 0, types: 0, details: 0, backends: 0, attributes: 0,
  };
  countFields(new WireReader(payload), payload.length, 1, MANIFEST, counts);
  return counts;
}

function countFields(
  reader: WireReader, end: number, depth: number, fields: Fields, counts: Counts,
): void {
  while (reader.at < end) {
    const tag = reader.tag(end);
    const field = fields.get(tag);
    if (!field) {
      reader.skip(tag, end, depth);
      continue;
    }
    if (field.list) counts[field.list]++;
    const stop = reader.length(end);
    if (field.within) countFields(reader, stop, depth + 1, field.within, counts);
    else reader.at = stop;
  }
}

/** [PCB-WIRE-008] Bytes that so many elements take at least. */
export function leastBytes(counts: Counts): number {
  return sum(counts, (list) => counts[list] * LEAST_BYTES[list]);
}

/** What the limit `items` counts. */
export function itemsOf(counts: Counts): number {
  return sum(counts, (list) => (list === "features" ? 0 : counts[list]));
}

function sum(counts: Counts, of: (list: keyof Counts) => number): number {
  return (Object.keys(counts) as (keyof Counts)[]).reduce((total, list) => total + of(list), 0);
}
