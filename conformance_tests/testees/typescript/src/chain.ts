// Which segments belong together, and which blocks lie in earlier ones.
import type { BlockTable } from "./blocks.js";
import { equalBytes } from "./bytes.js";

/** Where the records of a table's blocks lie, by index, in bytes from the input's start. */
export interface Places {
  readonly offsets: Float64Array;
  readonly sizes: Uint32Array;
}

/** Where one block's record lies. */
export interface Place {
  readonly offset: number;
  readonly size: number;
}

interface Passed {
  readonly blocks: BlockTable;
  readonly places: Places;
}

/** The chain that a walk in file order has arrived in. */
export class Chain {
  #last: Uint8Array | undefined;
  #own = new Map<string, Place>();
  // Segments whose blocks nobody has asked for yet; of most chains nobody ever does.
  #unindexed: Passed[] = [];

  /** [PCB-CHAIN-002] Whether a segment that names this predecessor may come next. */
  accepts(previous: Uint8Array): boolean {
    return previous.length === 0 || (this.#last !== undefined && equalBytes(previous, this.#last));
  }

  /** [PCB-CHAIN-003] */
  enter(previous: Uint8Array): void {
    if (previous.length !== 0) return;
    this.#own = new Map();
    this.#unindexed = [];
  }

  /** [PCB-BLOCK-006] The last own block that the external entry with this index stands for. */
  find(blocks: BlockTable, index: number): Place | undefined {
    for (const passed of this.#unindexed) this.#index(passed);
    this.#unindexed = [];
    return this.#own.get(identity(blocks, index));
  }

  /** Passes a segment, whose own blocks serve those behind it. */
  leave(payloadDigest: Uint8Array, blocks: BlockTable, places: Places): void {
    this.#last = payloadDigest;
    this.#unindexed.push({ blocks, places });
  }

  #index({ blocks, places: { offsets, sizes } }: Passed): void {
    for (let index = 0; index < blocks.length; index++) {
      if (blocks.isExternal(index)) continue;
      const place = { offset: offsets[index] as number, size: sizes[index] as number };
      this.#own.set(identity(blocks, index), place);
    }
  }
}

function identity(blocks: BlockTable, index: number): string {
  const digest = String.fromCharCode(...blocks.digest(index));
  return `${digest}${blocks.compressions[index]}/${blocks.contentSizes[index]}`;
}
