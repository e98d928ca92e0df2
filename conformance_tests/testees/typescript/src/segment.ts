// What a bundle consists of, once it is open.
import type { ArtifactKind } from "../gen/precompile/v1/artifact_pb.js";
import type { Attribute } from "./attributes.js";
import type { Places } from "./chain.js";
import type { ArtifactId } from "./ids.js";
import type { Manifest } from "./manifest.js";
import type { ArtifactTable } from "./table.js";
import type { Bounds } from "./walk.js";

/** A segment of an open bundle. */
export class Segment {
  readonly #artifacts = new Map<number, Artifact>();

  readonly #bounds: Bounds;

  constructor(
    bounds: Bounds,
    readonly payloadDigest: Uint8Array,
    readonly manifest: Manifest,
    /** Where the records of `manifest.blocks` lie, of external ones in an earlier segment. */
    readonly places: Places,
    /** Whether the host meets all its requirements; true where no host was given. */
    readonly matches: boolean,
  ) {
    this.#bounds = bounds;
  }

  /** Where it begins, in bytes from the input's start. */
  get offset(): number {
    return this.#bounds.start;
  }

  /** In bytes. */
  get size(): number {
    return this.#bounds.end - this.#bounds.start;
  }

  /** Where its manifest record begins, in bytes from the input's start. */
  get manifestOffset(): number {
    return this.#bounds.manifest;
  }

  get beginsChain(): boolean {
    return this.manifest.previousDigest.length === 0;
  }

  /** All of its artifacts, in the manifest's order. Each is made when it is first asked for. */
  get artifacts(): Artifact[] {
    return Array.from({ length: this.manifest.artifacts.length }, (_, index) => this.artifact(index));
  }

  /** The artifact with this index in the manifest, the same one whenever it is asked for. */
  artifact(index: number): Artifact {
    let artifact = this.#artifacts.get(index);
    if (!artifact) {
      artifact = new Artifact(this, index);
      this.#artifacts.set(index, artifact);
    }
    return artifact;
  }
}

/** A named content with a kind; its content is read by the reader that gave it. */
export class Artifact {
  constructor(
    readonly segment: Segment,
    /** In the segment's manifest. */
    readonly index: number,
  ) {
    if (index >= this.#table.length) throw new RangeError(`no artifact ${index}`);
  }

  get #table(): ArtifactTable {
    return this.segment.manifest.artifacts;
  }

  get type(): string {
    return this.#table.typeName(this.index);
  }

  get key(): string {
    return this.#table.key(this.index);
  }

  /** A number of no known kind where a later version wrote it: carried, never applied. */
  get kind(): ArtifactKind {
    return this.#table.kind(this.index);
  }

  /** A copy. */
  get contentDigest(): Uint8Array {
    return this.#table.contentDigest(this.index).slice();
  }

  get contentSize(): bigint {
    return BigInt(this.#table.contentSize(this.index));
  }

  /** [PCB-ART-002] None for a CACHE or a BACKEND. */
  get backends(): readonly ArtifactId[] {
    return this.#table.detail(this.index).backends;
  }

  get attributes(): readonly Attribute[] {
    return this.#table.detail(this.index).attributes;
  }
}
