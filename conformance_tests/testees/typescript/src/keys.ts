// The keys of an artifact table: noted where they lie, and decoded together.
import { isKey, isKeySize, hasControls } from "./names.js";
import { asciiOf, textOf } from "./wire.js";

/** Where the keys of a table lie in the payload. */
export class KeyColumn {
  readonly #payload: Uint8Array;
  readonly #starts: Uint32Array;
  readonly #ends: Uint32Array;
  #length = 0;

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
  }

  /**
   * The keys as text, and whether all are valid. Where all are ASCII, as they mostly are, one call
   * decodes them: a call for each takes longer than all else that is done for an artifact.
   *
   * @throws WireError where one is not UTF-8.
   */
  decode(): { keys: readonly string[]; areValid: boolean } {
    const joined = asciiOf(this.#joined());
    if (joined !== undefined) return this.#cut(joined);
    const keys = Array.from(this.#starts, (start, index) =>
      textOf(this.#payload.subarray(start, this.#ends[index])),
    );
    return { keys, areValid: keys.every(isKey) };
  }

  /** The keys one behind another: moved together in a copy of where they lie, without a view of each. */
  #joined(): Uint8Array {
    const [starts, ends] = [this.#starts, this.#ends];
    const from = starts[0] ?? 0;
    const joined = this.#payload.slice(from, ends.at(-1));
    let to = 0;
    for (let index = 0; index < starts.length; index++) {
      const start = starts[index] as number;
      const end = ends[index] as number;
      joined.copyWithin(to, start - from, end - from);
      to += end - start;
    }
    return joined.subarray(0, to);
  }

  #cut(joined: string): { keys: readonly string[]; areValid: boolean } {
    const [starts, ends] = [this.#starts, this.#ends];
    const keys = new Array<string>(starts.length);
    let areValid = !hasControls(joined);
    let at = 0;
    for (let index = 0; index < starts.length; index++) {
      const size = (ends[index] as number) - (starts[index] as number);
      keys[index] = joined.substring(at, at + size);
      areValid &&= isKeySize(size);
      at += size;
    }
    return { keys, areValid };
  }
}
