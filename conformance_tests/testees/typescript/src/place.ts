// Where contents lie: in a part of one block, or over whole consecutive blocks, which is a run.
import type { BlockTable } from "./blocks.js";
import { indexOf } from "./search.js";
import type { ArtifactTable } from "./table.js";

/** What is wrong with the places of a table's contents. */
export function placeFault(artifacts: ArtifactTable, blocks: BlockTable): string | undefined {
  const runs = new Runs(blocks.length);
  for (let index = 0; index < artifacts.length; index++) {
    const block = artifacts.block[index] as number;
    const offset = artifacts.offset[index] as number;
    const size = artifacts.contentSize(index);
    if (size === 0) {
      // [PCB-PLACE-001]
      if (block !== 0 || offset !== 0) return "empty content has a place";
      continue;
    }
    const last = lastBlockOf(blocks, block, offset, size);
    if (last === undefined) return "content lies where no content may lie";
    if (last > block && !runs.add(block, last)) return "two runs begin with one block, and end with two";
  }
  return runs.overlap ? "two runs have a block in common" : undefined;
}

/** [PCB-PLACE-005] The runs of a manifest: each block is read for one of them at most. */
class Runs {
  // By its first block, the last one of a run; 0, which ends none, where there is no run.
  readonly #lasts: Uint32Array;

  constructor(blocks: number) {
    this.#lasts = new Uint32Array(blocks);
  }

  /** Adds a run; false where another one begins with the same block. */
  add(first: number, last: number): boolean {
    const known = this.#lasts[first];
    this.#lasts[first] = last;
    return known === 0 || known === last;
  }

  get overlap(): boolean {
    let last = -1;
    return this.#lasts.some((end, first) => {
      const isWithin = end > 0 && first <= last;
      if (end > 0) last = end;
      return isWithin;
    });
  }
}

/** The last block of `size` bytes from `offset` of `block` on; none where no content may lie so. */
export function lastBlockOf(
  blocks: BlockTable, block: number, offset: number, size: number,
): number | undefined {
  // [PCB-PLACE-002]
  if (block >= blocks.length || offset >= blocks.contentSize(block)) return undefined;
  if (offset + size <= blocks.contentSize(block)) return block;
  // [PCB-PLACE-003] Found among sums: a walk would cost each content all of its blocks.
  if (offset !== 0) return undefined;
  const { starts } = blocks;
  const behind = indexOf(starts, (starts[block] as number) + size);
  return behind === undefined ? undefined : behind - 1;
}
