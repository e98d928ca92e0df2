// HalfSipHash-1-3, as Linux has it for its tables: of bytes, with a key of this process, so that
// nobody who makes a bundle knows which of its names collide here.
import { viewOf } from "./bytes.js";

const KEY = crypto.getRandomValues(new Int32Array(2));

/** Hashes parts of some bytes, and sees on the way what they consist of. */
export class PartHasher {
  readonly #view: DataView;
  #isPlain = true;

  constructor(bytes: Uint8Array) {
    this.#view = viewOf(bytes);
  }

  /** Whether the part that was hashed last is of ASCII without control characters; it may be said too rarely. */
  get isPlain(): boolean {
    return this.#isPlain;
  }

  /** 32 bits for the bytes from `start` to `end`. */
  hash(start: number, end: number): number {
    const view = this.#view;
    let v0 = KEY[0] as number;
    let v1 = KEY[1] as number;
    let v2 = v0 ^ 0x6c796765;
    let v3 = v1 ^ 0x74656462;
    let odd = 0;
    const words = (end - start) >>> 2;
    const rest = start + 4 * words;
    let last = (end - start) << 24;
    for (let at = rest; at < end; at++) {
      const byte = view.getUint8(at);
      last |= byte << (8 * (at - rest));
      if (byte < 0x20 || byte > 0x7e) odd = 1;
    }
    // A round for each word, one for the rest and the length, and three at the end.
    for (let round = 0; round < words + 4; round++) {
      let word = 0;
      if (round < words) {
        word = view.getInt32(start + 4 * round, true);
        // A bit for each byte that is above 7f, below 20, or 7f.
        const flipped = word ^ 0x7f7f7f7f;
        odd |= (word | (word - 0x20202020) | (flipped - 0x01010101)) & 0x80808080;
      } else if (round === words) word = last;
      else if (round === words + 1) v2 ^= 0xff;
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    this.#isPlain = odd === 0;
    return (v1 ^ v3) >>> 0;
  }
}
