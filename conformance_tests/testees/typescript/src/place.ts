// Where contents lie: in a part of one block, or over whole consecutive blocks.
import type { BlockTable } from "./blocks.js";
import { indexOf } from "./search.js";

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
