// An index by name, for all artifacts of a segment or all that are current.
import type { Name } from "./ids.js";
import type { ArtifactTable } from "./table.js";

/** Numbers of artifacts by type and key, in the order in which the names were first set. */
export class NameIndex {
  readonly #places = new Map<string, Map<string, number>>();
  // By place; none where the name was deleted since.
  readonly #numbers: (number | undefined)[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /**
   * Sets the names of a table to `first`, `first` + 1 and so on. A name that is there keeps its place.
   *
   * @returns how many names were there before, or stand in the table twice.
   */
  setAll(artifacts: ArtifactTable, first: number): number {
    const { types, type: typeOf, keys } = artifacts;
    const byType: (Map<string, number> | undefined)[] = [];
    const before = this.#size;
    for (let index = 0; index < keys.length; index++) {
      const type = typeOf[index] as number;
      const places = (byType[type] ??= this.#placesOf(types.names[type] as string));
      this.#set(places, keys[index] as string, first + index);
    }
    return before + keys.length - this.#size;
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
