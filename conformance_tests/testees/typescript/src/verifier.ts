// A reader that checks signatures by a policy, every block and every content.
import type { ByteSource } from "./byte_source.js";
import type { KnownPlaces } from "./content.js";
import { rejectionOf, type Rejection } from "./errors.js";
import { Reader, type OpenOptions } from "./reader.js";
import type { Artifact } from "./segment.js";
import type { Policy } from "./trust.js";
import { Waiting } from "./waiting.js";

/** What a verification found in a bundle that was accepted as a whole. */
export interface Verification {
  readonly bundle: Reader;
  /** The first fault among blocks and contents; absent where all of them are right. */
  readonly fault: Rejection | undefined;
  /** Why the contents of artifacts cannot be read, superseded and opaque ones included. */
  readonly contentFaults: ReadonlyMap<Artifact, Rejection>;
}

export class Verifier {
  readonly #options: OpenOptions;

  constructor(policy: Policy, options: Omit<OpenOptions, "policy"> = {}) {
    this.#options = { ...options, policy };
  }

  /**
   * Checks all of a bundle, whatever it requires of a host.
   *
   * @throws Rejection where the bundle as a whole is refused.
   */
  async verify(source: ByteSource): Promise<Verification> {
    const bundle = await Reader.open(source, this.#options);
    const contentFaults = new Map<Artifact, Rejection>();
    let fault: Rejection | undefined;
    // [PCB-CONT-007]
    for (const segment of bundle.segments) {
      const { blocks } = segment.manifest;
      const waiting = new Waiting(segment.manifest);
      for (let block = -1; block < blocks.length; block++) {
        if (block >= 0 && !blocks.isExternal(block)) {
          const found = await rejectionOf(bundle.checkBlock(segment, block));
          fault ??= found;
        }
        const known: KnownPlaces = new Map();
        for (const index of waiting.behind(block)) {
          const found = await bundle.checkContent(segment, index, known);
          if (found) contentFaults.set(segment.artifact(index), found);
          fault ??= found;
        }
      }
    }
    return { bundle, fault, contentFaults };
  }
}
