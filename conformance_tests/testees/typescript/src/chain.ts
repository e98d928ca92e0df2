// Which segments belong together, and which blocks lie in earlier ones.
import type { BlockEntry } from "../gen/precompile/v1/bundle_pb.js";
import { equalBytes, toHex } from "./bytes.js";

/** Where a block's record lies, in bytes from the input's start. */
export interface Place {
  readonly offset: number;
  readonly size: number;
}

/** The chain that a walk in file order has arrived in. */
export class Chain {
  #last: Uint8Array | undefined;
  #own = new Map<string, Place>();

  /** [PCB-CHAIN-002] Whether a segment that names this predecessor may come next. */
  accepts(previous: Uint8Array): boolean {
    return previous.length === 0 || (this.#last !== undefined && equalBytes(previous, this.#last));
  }

  /** [PCB-CHAIN-003] */
  enter(previous: Uint8Array): void {
    if (previous.length === 0) this.#own = new Map();
  }

  /** [PCB-BLOCK-006] The last own block that an external entry stands for. */
  find(entry: BlockEntry): Place | undefined {
    return this.#own.get(identity(entry));
  }

  /** Passes a segment, whose own blocks serve those behind it. */
  leave(payloadDigest: Uint8Array, entries: readonly BlockEntry[], places: readonly Place[]): void {
    this.#last = payloadDigest;
    entries.forEach((entry, index) => {
      if (entry.size !== 0n) this.#own.set(identity(entry), places[index] as Place);
    });
  }
}

function identity({ digest, compression, contentSize }: BlockEntry): string {
  return `${toHex(digest)}/${compression}/${contentSize}`;
}
