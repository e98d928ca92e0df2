// Faults of a manifest that are seen while it is decoded, and reported in their turn.

/** What is refused as a whole is not held: nothing is kept behind a noted fault. */
export class Faults {
  /** Why it is refused as MALFORMED_MANIFEST once features and items were asked for. */
  malformed: string | undefined;
  /** Why it is refused as INVALID_NAME in VALIDATE. */
  name: string | undefined;

  get areNone(): boolean {
    return this.malformed === undefined && this.name === undefined;
  }
}
