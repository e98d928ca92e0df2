// The keys of an artifact table: noted where they lie, and decoded together.
import { asciiOf, textOf } from "./wire.js";

/** Where the keys of a table lie in the payload. */
export class KeyColumn {
  readonly #payload: Uint8Array;
  readonly #starts: Uint32Array;
  readonly #ends: Uint32Array;
  #length = 0;
  #bytes = 0;

  /** Makes room for as many keys as were counted. */
  constructor(payload: Uint8Array, length: number) {
    this.#payload = payload;
    this.#starts = new Uint32Array(length);
    this.#ends = new Uint32Array(length);
  }

  add(start: number, end: number): void {
    this.#starts[this.#length] = start;
    this.#ends[this.#length] = end;
    this.#length++;
    this.#bytes += end - start;
  }

  /**
   * The keys as text. Where all of them are ASCII, as they mostly are, one call decodes them:
   * a call for each takes longer than all else that is done for an artifact.
   *
   * @throws WireError where one is not UTF-8.
   */
  decode(): string[] {
    const joined = new Uint8Array(this.#bytes);
    let at = 0;
    for (let index = 0; index < this.#length; index++) {
      const key = this.#key(index);
      joined.set(key, at);
      at += key.length;
    }
    const all = asciiOf(joined);
    const keys: string[] = [];
    for (let index = 0, start = 0; index < this.#length; index++) {
      const end = start + (this.#ends[index] as number) - (this.#starts[index] as number);
      keys.push(all === undefined ? textOf(this.#key(index)) : all.substring(start, end));
      start = end;
    }
    return keys;
  }

  #key(index: number): Uint8Array {
    return this.#payload.subarray(this.#starts[index], this.#ends[index]);
  }
}
