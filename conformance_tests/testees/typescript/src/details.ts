// What few artifacts have, backends and attributes: checked when it is decoded, and read
// again where somebody asks for that of one artifact.
import { decodeAttribute, type Attribute } from "./attributes.js";
import { DIGEST_SIZE } from "./blocks.js";
import type { Faults } from "./faults.js";
import { decodeId, isId, type ArtifactId } from "./ids.js";
import { compareText, isName } from "./names.js";
import { indexOf } from "./search.js";
import { hasBackends } from "./types.js";
import { WireReader } from "./wire.js";

// What is wrong with the backends of a detail; it counts by the artifact's kind.
const BAD_DIGEST = 1;
const BAD_ID = 2;

// Of an `ArtifactDetail`, within the table and the manifest.
const DEPTH = 3;

/** Backends and attributes of one artifact. */
export interface Detail {
  readonly backends: readonly ArtifactId[];
  readonly attributes: readonly Attribute[];
}

/** Where the details of a table lie in the payload, ascending by artifact. */
export class DetailList {
  readonly #payload: Uint8Array;
  readonly #artifacts: Uint32Array;
  readonly #starts: Uint32Array;
  readonly #ends: Uint32Array;
  readonly #backendFaults: Uint8Array;
  #length = 0;

  /** Makes room for `capacity` details; a valid table has no more. */
  constructor(payload: Uint8Array, capacity: number) {
    this.#payload = payload;
    this.#artifacts = new Uint32Array(capacity);
    this.#starts = new Uint32Array(capacity);
    this.#ends = new Uint32Array(capacity);
    this.#backendFaults = new Uint8Array(capacity);
  }

  /** Checks the `ArtifactDetail` at the reader's place, and notes where it is. */
  decodeNext(reader: WireReader, end: number, faults: Faults): void {
    const index = this.#length++;
    this.#starts[index] = reader.at;
    this.#ends[index] = end;
    let backends = 0;
    let last: string | undefined;
    this.#artifacts[index] = eachPart(reader, end, {
      backend(id) {
        const { length } = id.contentDigest;
        // [PCB-WIRE-006]
        if (length !== 0 && length !== DIGEST_SIZE) backends |= BAD_DIGEST;
        if (!isId(id)) backends |= BAD_ID;
      },
      attribute({ name }) {
        if (!isName(name)) faults.name ??= "an attribute's name";
        // [PCB-ART-005]
        if (last !== undefined && compareText(last, name) >= 0) {
          faults.name ??= "attributes are not sorted and distinct";
        }
        last = name;
      },
    });
    this.#backendFaults[index] = backends;
  }

  /** Notes what is wrong with the details of a table of `count` artifacts. */
  check(count: number, kindOf: (artifact: number) => number, faults: Faults): void {
    // [PCB-TABLE-004] Ascending indices below `count` are no more than that.
    if (this.#length > this.#artifacts.length) {
      faults.malformed ??= "more details than artifacts";
      return;
    }
    let before = -1;
    for (let index = 0; index < this.#length; index++) {
      const artifact = this.#artifacts[index] as number;
      if (artifact <= before) faults.malformed = "details are not sorted and distinct";
      if (artifact >= count) faults.malformed = "a detail is of no artifact";
      if (faults.malformed !== undefined) return;
      before = artifact;
      const backends = this.#backendFaults[index] as number;
      // [PCB-NAME-006]
      if (backends === 0 || !hasBackends(kindOf(artifact))) continue;
      if (backends & BAD_DIGEST) faults.malformed ??= "a backend's content_digest";
      if (backends & BAD_ID) faults.name ??= "a backend's type or key";
    }
  }

  /** What this artifact has. Digests and bytes are the caller's own. */
  of(artifact: number): Detail {
    const backends: ArtifactId[] = [];
    const attributes: Attribute[] = [];
    const index = indexOf(this.#artifacts.subarray(0, this.#length), artifact);
    if (index !== undefined) {
      // A copy: what is handed out may be changed, the payload may not.
      const bytes = this.#payload.slice(this.#starts[index], this.#ends[index]);
      eachPart(new WireReader(bytes), bytes.length, {
        backend: (id) => backends.push(id),
        attribute: (attribute) => attributes.push(attribute),
      });
    }
    return { backends, attributes };
  }
}

interface Visitor {
  backend(id: ArtifactId): unknown;
  attribute(attribute: Attribute): unknown;
}

/** Goes through the `ArtifactDetail` at the reader's place, and gives which artifact it is of. */
function eachPart(reader: WireReader, end: number, visitor: Visitor): number {
  let artifact = 0;
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag === 0x08) artifact = reader.uint32(end);
    else if (tag === 0x12) visitor.backend(decodeId(reader, reader.length(end), DEPTH + 1));
    else if (tag === 0x1a) visitor.attribute(decodeAttribute(reader, reader.length(end), DEPTH + 1));
    else reader.skip(tag, end, DEPTH);
  }
  return artifact;
}
