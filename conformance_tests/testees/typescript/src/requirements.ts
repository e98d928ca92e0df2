// What a segment requires of the host.
import type { Match } from "../gen/precompile/v1/environment_pb.js";
import type { Faults } from "./faults.js";
import { compareText, isName, isValue } from "./names.js";
import type { WireReader } from "./wire.js";

/** A fact of the host that must hold for all artifacts of a segment. */
export interface Requirement {
  readonly name: string;
  /** A number of no known match where a later version wrote it: it is never met. */
  readonly match: Match;
  readonly values: readonly string[];
}

/** Decodes the `Requirement` at the reader's place, which stands behind one of the name `before`. */
export function decodeRequirement(
  reader: WireReader, end: number, depth: number, before: string | undefined, faults: Faults,
): Requirement {
  let name = "";
  let match = 0;
  const values: string[] = [];
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a) name = reader.text(end);
    else if (tag === 0x10) match = reader.enum(end);
    else if (tag === 0x1a) addValue(values, reader.text(end), faults);
    else reader.skip(tag, end, depth);
  }
  // [PCB-WIRE-005]
  if (match === 0) faults.malformed ??= "a requirement has no match";
  // [PCB-NAME-001]
  if (!isName(name)) faults.name ??= "a fact's name";
  // [PCB-REQ-002]
  if (before !== undefined && compareText(before, name) >= 0) {
    faults.name ??= "requirements are not sorted and distinct";
  }
  return { name, match, values };
}

function addValue(values: string[], value: string, faults: Faults): void {
  const before = values.at(-1);
  // [PCB-REQ-004]
  if (!isValue(value)) faults.name ??= "a requirement's value is too long";
  if (before !== undefined && compareText(before, value) >= 0) {
    faults.name ??= "a requirement's values are not sorted and distinct";
  }
  if (faults.areNone) values.push(value);
}
