// An index by name, for all artifacts of a segment or all that are current: a hash table over
// the bytes of keys, since text of each would cost more than all else that opening does.
import { PartHasher } from "./hash.js";
import type { Name } from "./ids.js";
import { MAX_KEY, isName } from "./names.js";
import type { ArtifactTable } from "./table.js";

/** An artifact, by its table and its index there. */
export interface Row {
  readonly table: ArtifactTable;
  readonly index: number;
}

const UTF8 = new TextEncoder();

// Names that are asked for, one at a time: room for the longest key, and for any type.
const ASKED = new Uint8Array(3 * MAX_KEY);
const ASKED_HASHER = new PartHasher(ASKED);

/** Artifacts by type and key, in the order in which their names were first set. */
export class NameIndex {
  readonly #tables: ArtifactTable[] = [];
  // A place for each name, in order: its hash; the index of its table in `#tables`, or where it was
  // deleted that number's complement, which is negative; its own index in the table.
  #hashes: Uint32Array;
  #tableOf: Int32Array;
  #indexOf: Uint32Array;
  #placesTaken = 0;
  #size = 0;
  // From a hash on, places + 1 up to the first 0; half of the slots at least are 0.
  #slots: Uint32Array;

  private constructor(room: number) {
    this.#hashes = new Uint32Array(room);
    this.#tableOf = new Int32Array(room);
    this.#indexOf = new Uint32Array(room);
    this.#slots = new Uint32Array(slotsFor(room));
  }

  static empty(): NameIndex {
    return new NameIndex(0);
  }

  /** The index of a table; none where a name stands in it twice. */
  static of(table: ArtifactTable): NameIndex | undefined {
    const { length, keys } = table;
    const index = new NameIndex(length);
    index.#tables.push(table);
    const ofType = typeHashes(table);
    for (let row = 0; row < length; row++) {
      const start = keys.starts[row] as number;
      const end = keys.ends[row] as number;
      const hash = hashOfName(ofType(row), keys.hashes[row] as number);
      const slot = index.#find(hash, table.typeName(row), keys.payload, start, end);
      if (index.#slots[slot] !== 0) return undefined;
      index.#append(slot, hash, 0, row);
    }
    return index;
  }

  get size(): number {
    return this.#size;
  }

  /** Sets all names of another index. One that is there keeps its place in the order. */
  setAll(other: NameIndex): void {
    const before = this.#tables.length;
    for (const table of other.#tables) this.#tables.push(table);
    for (let place = 0; place < other.#placesTaken; place++) {
      const table = other.#tableOf[place] as number;
      if (table < 0) continue;
      this.#set(other.#hashes[place] as number, before + table, other.#indexOf[place] as number);
    }
  }

  delete(name: Name): void {
    const place = this.#placeOf(name);
    if (place === undefined) return;
    this.#tableOf[place] = ~(this.#tableOf[place] as number);
    this.#size--;
  }

  get(name: Name): Row | undefined {
    const place = this.#placeOf(name);
    const row = place === undefined ? undefined : this.#row(place);
    // Half of a surrogate pair is no text; its place in UTF-8 is that of another character.
    return row?.table.key(row.index) === name.key ? row : undefined;
  }

  *rows(): Generator<Row, void, void> {
    for (let place = 0; place < this.#placesTaken; place++) {
      if (this.#isThere(place)) yield this.#row(place);
    }
  }

  #row(place: number): Row {
    const table = this.#tables[this.#tableOf[place] as number] as ArtifactTable;
    return { table, index: this.#indexOf[place] as number };
  }

  #placeOf({ type, key }: Name): number | undefined {
    if (this.#size === 0 || key.length > MAX_KEY || !isName(type)) return undefined;
    const ofType = hashOfType(type);
    const { written } = UTF8.encodeInto(key, ASKED);
    const hash = hashOfName(ofType, ASKED_HASHER.hash(0, written));
    const slot = this.#slots[this.#find(hash, type, ASKED, 0, written)] as number;
    return slot !== 0 && this.#isThere(slot - 1) ? slot - 1 : undefined;
  }

  #isThere(place: number): boolean {
    return (this.#tableOf[place] as number) >= 0;
  }

  #set(hash: number, table: number, index: number): void {
    const { keys } = this.#tables[table] as ArtifactTable;
    const type = (this.#tables[table] as ArtifactTable).typeName(index);
    if (this.#placesTaken === this.#hashes.length) this.#grow();
    const slot = this.#find(
      hash, type, keys.payload, keys.starts[index] as number, keys.ends[index] as number);
    const place = (this.#slots[slot] as number) - 1;
    if (place >= 0 && this.#isThere(place)) {
      this.#tableOf[place] = table;
      this.#indexOf[place] = index;
    } else this.#append(slot, hash, table, index);
  }

  /** The slot of the name, which may be deleted, or the free one where it belongs. */
  #find(hash: number, type: string, bytes: Uint8Array, start: number, end: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const place = (this.#slots[slot] as number) - 1;
      if (place < 0) return slot;
      if (this.#hashes[place] === hash && this.#isAt(place, type, bytes, start, end)) return slot;
    }
  }

  #isAt(place: number, type: string, bytes: Uint8Array, start: number, end: number): boolean {
    const number = this.#tableOf[place] as number;
    const table = this.#tables[number < 0 ? ~number : number] as ArtifactTable;
    const index = this.#indexOf[place] as number;
    const { payload, starts, ends } = table.keys;
    const from = starts[index] as number;
    if (table.typeName(index) !== type || (ends[index] as number) - from !== end - start) return false;
    for (let at = start; at < end; at++) if (payload[from + at - start] !== bytes[at]) return false;
    return true;
  }

  #append(slot: number, hash: number, table: number, index: number): void {
    const place = this.#placesTaken++;
    this.#hashes[place] = hash;
    this.#tableOf[place] = table;
    this.#indexOf[place] = index;
    this.#slots[slot] = place + 1;
    this.#size++;
  }

  #grow(): void {
    const room = Math.max(16, 2 * this.#hashes.length);
    this.#hashes = grown(this.#hashes, new Uint32Array(room));
    this.#tableOf = grown(this.#tableOf, new Int32Array(room));
    this.#indexOf = grown(this.#indexOf, new Uint32Array(room));
    this.#slots = new Uint32Array(slotsFor(room));
    const mask = this.#slots.length - 1;
    for (let place = 0; place < this.#placesTaken; place++) {
      if (!this.#isThere(place)) continue;
      let slot = (this.#hashes[place] as number) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = place + 1;
    }
  }
}

/** A power of two, at least twice `room`. */
function slotsFor(room: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, 2 * room)));
}

function grown<Values extends Uint32Array | Int32Array>(values: Values, larger: Values): Values {
  larger.set(values);
  return larger;
}

/** Hashes of the types of a table's artifacts, each made once. */
function typeHashes({ types, type }: ArtifactTable): (row: number) => number {
  const hashes: (number | undefined)[] = [];
  return (row) => (hashes[type[row] as number] ??= hashOfType(types.name(type[row] as number)));
}

function hashOfType(type: string): number {
  return ASKED_HASHER.hash(0, UTF8.encodeInto(type, ASKED).written);
}

// Not the same for both: a type that is equal to its key would leave nothing of either.
function hashOfName(type: number, key: number): number {
  return (Math.imul(type, 0x9e3779b1) ^ key) >>> 0;
}
