// Which artifacts are current, after segments that add and take away.
import { nameOf } from "./names.js";
import type { Artifact, Segment } from "./segment.js";

/** By type and key, in the order in which the names were first recorded. */
export function currentArtifacts(segments: readonly Segment[]): Map<string, Artifact> {
  const current = new Map<string, Artifact>();
  // [PCB-HOST-006] [PCB-CURR-001]
  for (const { matches, manifest, artifacts } of segments) {
    if (!matches) continue;
    // [PCB-CURR-003] [PCB-CURR-004]
    for (const id of manifest.removed) current.delete(nameOf(id));
    // [PCB-CURR-002] A map keeps the place of a name that it holds.
    for (const artifact of artifacts) current.set(nameOf(artifact), artifact);
  }
  return current;
}
