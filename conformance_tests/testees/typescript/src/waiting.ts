// The artifacts of a segment by the last block that they need, for a pass over its blocks.
import type { Manifest } from "./manifest.js";
import { lastBlockOf } from "./place.js";

const NONE = -1;

export class Waiting {
  // Lists that are linked by index, so that a great many artifacts take a few bytes each.
  readonly #firstBehind: Int32Array;
  readonly #next: Int32Array;

  constructor({ artifacts, blocks }: Manifest) {
    this.#firstBehind = new Int32Array(blocks.length + 1).fill(NONE);
    this.#next = new Int32Array(artifacts.length);
    for (let index = artifacts.length - 1; index >= 0; index--) {
      const block = artifacts.block[index] as number;
      const offset = artifacts.offset[index] as number;
      const size = artifacts.contentSize(index);
      const last = size === 0 ? NONE : (lastBlockOf(blocks, block, offset, size) ?? NONE);
      this.#next[index] = this.#firstBehind[last + 1] as number;
      this.#firstBehind[last + 1] = index;
    }
  }

  /** Those of which `block` is the last one, in the manifest's order; of empty content for -1. */
  *behind(block: number): Generator<number, void, void> {
    let index = this.#firstBehind[block + 1] as number;
    for (; index !== NONE; index = this.#next[index] as number) yield index;
  }
}
