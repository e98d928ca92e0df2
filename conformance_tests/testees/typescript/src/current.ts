// Which artifacts are current, after segments that add and take away.
import type { Name } from "./ids.js";
import { NameIndex } from "./name_index.js";
import { lowerBound } from "./search.js";
import type { Artifact, Segment } from "./segment.js";

/** The current artifacts of a bundle. */
export class Current {
  readonly #segments: readonly Segment[];
  readonly #firsts: readonly number[];
  readonly #index: NameIndex;

  /** `indices` are those of the segments by name; they belong to this object from now on. */
  constructor(segments: readonly Segment[], indices: readonly NameIndex[]) {
    this.#segments = segments;
    this.#firsts = segments.map(({ firstArtifact }) => firstArtifact);
    this.#index = this.#unite(indices);
  }

  find(name: Name): Artifact | undefined {
    const number = this.#index.get(name);
    return number === undefined ? undefined : this.#artifact(number);
  }

  /** In the order in which their names were first recorded since they were last removed. */
  all(): Artifact[] {
    return Array.from(this.#index.numbers(), (number) => this.#artifact(number));
  }

  /** What is current in each chain, united. An index of a segment is taken over where that is all. */
  #unite(indices: readonly NameIndex[]): NameIndex {
    let united = new NameIndex();
    let ofChain = new NameIndex();
    const uniteChain = (): void => {
      // [PCB-CURR-002] A name keeps the place that an earlier chain gave it.
      if (united.size === 0) united = ofChain;
      else for (const number of ofChain.numbers()) united.set(this.#nameOf(number), number);
      ofChain = new NameIndex();
    };
    this.#segments.forEach(({ beginsChain, matches, manifest, firstArtifact }, at) => {
      if (beginsChain) uniteChain();
      // [PCB-HOST-006] [PCB-CURR-001]
      if (!matches) return;
      // [PCB-CURR-003] A removal takes away what its own chain brought, and nothing else.
      for (const name of manifest.removed) ofChain.delete(name);
      if (ofChain.size === 0) ofChain = indices[at] as NameIndex;
      else ofChain.setAll(manifest.artifacts, firstArtifact);
    });
    uniteChain();
    return united;
  }

  #artifact(number: number): Artifact {
    const segment = this.#segmentOf(number);
    return segment.artifact(number - segment.firstArtifact);
  }

  #nameOf(number: number): Name {
    const { manifest, firstArtifact } = this.#segmentOf(number);
    const index = number - firstArtifact;
    return { type: manifest.artifacts.typeName(index), key: manifest.artifacts.key(index) };
  }

  #segmentOf(number: number): Segment {
    return this.#segments[lowerBound(this.#firsts, number + 1) - 1] as Segment;
  }
}
