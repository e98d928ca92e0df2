// Which artifacts are current, after segments that add and take away.
import type { Name } from "./ids.js";
import { NameIndex, type Row } from "./name_index.js";
import type { Artifact, Segment } from "./segment.js";
import type { ArtifactTable } from "./table.js";

/** The current artifacts of a bundle. */
export class Current {
  readonly #segments: ReadonlyMap<ArtifactTable, Segment>;
  readonly #index: NameIndex;

  /** `indices` are those of the segments; they belong to this object from now on. */
  constructor(segments: readonly Segment[], indices: readonly NameIndex[]) {
    this.#segments = new Map(segments.map((segment) => [segment.manifest.artifacts, segment]));
    this.#index = unite(segments, indices);
  }

  find(name: Name): Artifact | undefined {
    const row = this.#index.get(name);
    return row && this.#artifact(row);
  }

  /** In the order in which their names were first recorded since they were last removed. */
  all(): Artifact[] {
    return Array.from(this.#index.rows(), (row) => this.#artifact(row));
  }

  #artifact({ table, index }: Row): Artifact {
    return (this.#segments.get(table) as Segment).artifact(index);
  }
}

/** What is current in each chain, united. A segment's index is taken over where that is all. */
function unite(segments: readonly Segment[], indices: readonly NameIndex[]): NameIndex {
  let united = NameIndex.empty();
  let ofChain = NameIndex.empty();
  const uniteChain = (): void => {
    // [PCB-CURR-006]
    united = together(united, ofChain);
    ofChain = NameIndex.empty();
  };
  segments.forEach(({ beginsChain, matches, manifest }, at) => {
    if (beginsChain) uniteChain();
    // [PCB-HOST-006] [PCB-CURR-001]
    if (!matches) return;
    // [PCB-CURR-003] A removal takes away what its own chain brought, and nothing else.
    for (const name of manifest.removed) ofChain.delete(name);
    // [PCB-CURR-002] [PCB-CURR-004]
    ofChain = together(ofChain, indices[at] as NameIndex);
  });
  uniteChain();
  return united;
}

function together(before: NameIndex, after: NameIndex): NameIndex {
  if (before.size === 0) return after;
  before.setAll(after);
  return before;
}
