// An index by name, for all artifacts of a segment or all that are current.
import type { Name } from "./ids.js";
import type { ArtifactTable } from "./table.js";

/** Numbers of artifacts by type and key, in the order in which the names were first set. */
export class NameIndex {
  // By type and key, where its number is.
  readonly #places = new Map<string, Map<string, number>>();
  // By place; none where the name was deleted since.
  readonly #numbers: (number | undefined)[];
  #size = 0;

  /** Makes room for so many names; it grows where there are more. */
  constructor(room = 0) {
    this.#numbers = new Array<number | undefined>(room);
  }

  /** The index of a table whose artifacts have the numbers from `first` on; none where a name stands twice. */
  static of(artifacts: ArtifactTable, first: number): NameIndex | undefined {
    const index = new NameIndex(artifacts.length);
    const placesOf = index.#byType(artifacts);
    for (let place = 0; place < artifacts.length; place++) {
      placesOf(place).set(artifacts.key(place), place);
      index.#numbers[place] = first + place;
    }
    // One look at the sums, instead of one at each name.
    for (const places of index.#places.values()) index.#size += places.size;
    return index.#size === artifacts.length ? index : undefined;
  }

  get size(): number {
    return this.#size;
  }

  /** Sets the names of a table to the numbers from `first` on. A name that is there keeps its place. */
  setAll(artifacts: ArtifactTable, first: number): void {
    const placesOf = this.#byType(artifacts);
    for (let index = 0; index < artifacts.length; index++) {
      this.#set(placesOf(index), artifacts.key(index), first + index);
    }
  }

  /** Sets a name, in its place if it is there. */
  set({ type, key }: Name, number: number): void {
    this.#set(this.#placesOf(type), key, number);
  }

  delete({ type, key }: Name): void {
    const places = this.#places.get(type);
    const place = places?.get(key);
    if (place === undefined) return;
    places?.delete(key);
    this.#numbers[place] = undefined;
    this.#size--;
  }

  get({ type, key }: Name): number | undefined {
    const place = this.#places.get(type)?.get(key);
    return place === undefined ? undefined : this.#numbers[place];
  }

  *numbers(): Generator<number, void, void> {
    for (const number of this.#numbers) if (number !== undefined) yield number;
  }

  /** Looks places up by an artifact's index, once for each of the table's types. */
  #byType({ types, type }: ArtifactTable): (index: number) => Map<string, number> {
    const byType: (Map<string, number> | undefined)[] = [];
    return (index) => {
      const number = type[index] as number;
      return (byType[number] ??= this.#placesOf(types.name(number)));
    };
  }

  #placesOf(type: string): Map<string, number> {
    let places = this.#places.get(type);
    if (!places) this.#places.set(type, (places = new Map()));
    return places;
  }

  #set(places: Map<string, number>, key: string, number: number): void {
    const place = places.get(key);
    if (place !== undefined) {
      this.#numbers[place] = number;
      return;
    }
    places.set(key, this.#numbers.length);
    this.#numbers.push(number);
    this.#size++;
  }
}
