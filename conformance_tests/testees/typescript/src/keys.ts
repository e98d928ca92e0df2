// The keys of an artifact table: they stay bytes of the payload until somebody asks for one.
import { PartHasher } from "./hash.js";
import { MAX_KEY, isKey } from "./names.js";
import { textOf } from "./wire.js";

/** Where the keys of a table lie in the payload. */
export class KeyColumn {
  readonly length: number;
  readonly payload: Uint8Array;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  readonly hashes: Uint32Array;
  #added = 0;

  /** Makes room for as many keys as were counted. */
  constructor(payload: Uint8Array, length: number) {
    this.length = length;
    this.payload = payload;
    this.starts = new Uint32Array(length);
    this.ends = new Uint32Array(length);
    this.hashes = new Uint32Array(length);
  }

  add(start: number, end: number): void {
    this.starts[this.#added] = start;
    this.ends[this.#added] = end;
    this.#added++;
  }

  text(index: number): string {
    return textOf(this.payload.subarray(this.starts[index], this.ends[index]));
  }

  /**
   * Hashes the keys, and tells whether all are valid.
   *
   * @throws WireError where one is not UTF-8.
   */
  check(): boolean {
    const hasher = new PartHasher(this.payload);
    let areValid = true;
    for (let index = 0; index < this.length; index++) {
      const start = this.starts[index] as number;
      const end = this.ends[index] as number;
      this.hashes[index] = hasher.hash(start, end);
      // Most keys are seen to be valid without making text of them.
      const isSeen = hasher.isPlain && start < end && end - start <= MAX_KEY;
      if (!isSeen && !isKey(this.text(index))) areValid = false;
    }
    return areValid;
  }
}
