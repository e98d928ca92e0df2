// COMPAT: what a segment requires, and what the host is.
import { Match } from "../gen/precompile/v1/environment_pb.js";
import type { Requirement } from "./requirements.js";

/** Facts of a host: by name, its set of values. A fact that is not there is not known. */
export type Host = ReadonlyMap<string, ReadonlySet<string>>;

// [PCB-HOST-004]
export function matches(requirements: readonly Requirement[], host: Host): boolean {
  return unmet(requirements, host).length === 0;
}

/** The requirements that the host does not meet. */
export function unmet(requirements: readonly Requirement[], host: Host): Requirement[] {
  return requirements.filter(({ name, match, values }) => {
    const actual = host.get(name);
    // [PCB-HOST-003]
    if (!actual || (match !== Match.EXACT && match !== Match.SUPERSET)) return true;
    // [PCB-HOST-002] The required values are distinct.
    if (!values.every((value) => actual.has(value))) return true;
    // [PCB-HOST-001]
    return match === Match.EXACT && actual.size !== values.length;
  });
}

/** Which facts keep a segment from this host, for a person. */
export function describeUnmet(requirements: readonly Requirement[], host: Host): string {
  return unmet(requirements, host)
    .slice(0, 10)
    .map(({ name, values }) => {
      const actual = host.get(name);
      const told = actual ? `{${[...actual].slice(0, 10).join(", ")}}` : "unknown";
      return `${name} is ${told}, required {${values.slice(0, 10).join(", ")}}`;
    })
    .join("; ");
}
