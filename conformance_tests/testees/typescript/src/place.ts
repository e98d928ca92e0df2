// Where contents lie: in a part of one block, or over whole consecutive blocks.
import type { BlockTable } from "./blocks.js";
import { indexOf } from "./search.js";

/** Consecutive entries of `blocks`, the last one included. */
export interface Run {
  readonly first: number;
  readonly last: number;
}

/** The blocks in which `size` bytes from `offset` of `block` on lie; none where no content may lie so. */
export function runOf(blocks: BlockTable, block: number, offset: number, size: number): Run | undefined {
  // [PCB-PLACE-002]
  if (block >= blocks.length || offset >= blocks.contentSize(block)) return undefined;
  if (offset + size <= blocks.contentSize(block)) return { first: block, last: block };
  // [PCB-PLACE-003] Found among running sums: a walk would cost each content all of its blocks.
  if (offset !== 0) return undefined;
  const { starts } = blocks;
  const end = (starts[block] as number) + size;
  const behind = indexOf(starts, end);
  return behind === undefined ? undefined : { first: block, last: behind - 1 };
}
