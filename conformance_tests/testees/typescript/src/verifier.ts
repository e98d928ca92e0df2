// A reader that checks signatures by a policy, every block and every content.
import type { ByteSource } from "./byte_source.js";
import { Rejection, rejectionOf } from "./errors.js";
import { Reader, type OpenOptions } from "./reader.js";
import type { Artifact, Segment } from "./segment.js";
import type { Policy } from "./trust.js";

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
      const waiting = byLastBlock(segment);
      for (let index = -1; index < segment.manifest.blocks.length; index++) {
        if (index >= 0 && segment.manifest.blocks[index]?.size !== 0n) {
          const found = await rejectionOf(bundle.checkBlock(segment, index));
          fault ??= found;
        }
        for (const artifact of waiting.get(index) ?? []) {
          const found = await rejectionOf(readThrough(bundle, artifact));
          if (found) contentFaults.set(artifact, found);
          fault ??= found;
        }
      }
    }
    return { bundle, fault, contentFaults };
  }
}

/** Artifacts by the last of the segment's blocks that they lie in; -1 where they lie in none. */
function byLastBlock(segment: Segment): Map<number, Artifact[]> {
  const waiting = new Map<number, Artifact[]>();
  for (const artifact of segment.artifacts) {
    const last = artifact.message.extents.reduce((max, { block }) => Math.max(max, block), -1);
    const those = waiting.get(last);
    if (those) those.push(artifact);
    else waiting.set(last, [artifact]);
  }
  return waiting;
}

async function readThrough(bundle: Reader, artifact: Artifact): Promise<void> {
  for await (const part of bundle.stream(artifact)) void part;
}
