// What a bundle consists of, once it is open.
import type { ArtifactId, ArtifactKind, Artifact as Message } from "../gen/precompile/v1/artifact_pb.js";
import { attributeOf, type Attribute } from "./attributes.js";
import type { Place } from "./chain.js";
import { hasBackends, type Manifest } from "./manifest.js";

/** A segment of an open bundle. */
export class Segment {
  /** In the manifest's order. */
  readonly artifacts: readonly Artifact[];

  constructor(
    /** Where it begins, in bytes from the input's start. */
    readonly offset: number,
    readonly size: number,
    /** Where its manifest record begins, in bytes from the input's start. */
    readonly manifestOffset: number,
    readonly payloadDigest: Uint8Array,
    readonly manifest: Manifest,
    /** Where the record of each of `manifest.blocks` lies, in an earlier segment if it is external. */
    readonly places: readonly Place[],
    /** Whether the host meets all its requirements; true where no host was given. */
    readonly matches: boolean,
  ) {
    this.artifacts = manifest.artifacts.map((message) => new Artifact(this, message));
  }

  get beginsChain(): boolean {
    return this.manifest.previousManifestDigest.length === 0;
  }
}

/** A named content with a kind; its content is read by the reader that gave it. */
export class Artifact {
  constructor(
    readonly segment: Segment,
    readonly message: Message,
  ) {}

  get type(): string {
    return this.message.type;
  }

  get key(): string {
    return this.message.key;
  }

  /** A number of no known kind where a later version wrote it: carried, never applied. */
  get kind(): ArtifactKind {
    return this.message.kind;
  }

  get contentDigest(): Uint8Array {
    return this.message.contentDigest;
  }

  get contentSize(): bigint {
    return this.message.contentSize;
  }

  /** [PCB-ART-002] None for a CACHE or a BACKEND. */
  get backends(): readonly ArtifactId[] {
    return hasBackends(this.message) ? this.message.backends : [];
  }

  get attributes(): readonly Attribute[] {
    return this.message.attributes.map(attributeOf);
  }
}
