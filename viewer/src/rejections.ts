// What each code means, and the requirements that it is for; the build takes both from the norm.
declare const NORM: {
  /** By code: what proto/precompile/v1/error.proto says of it. */
  readonly codes: Readonly<Record<string, { readonly text: string; readonly requirements: readonly string[] }>>;
  /** By id: the sentence of SPEC.md or SPEC-context.md. */
  readonly requirements: Readonly<Record<string, string>>;
};

export interface Meaning {
  readonly text: string;
  readonly requirements: readonly (readonly [string, string])[];
}

export function meaningOf(code: string): Meaning {
  const { text, requirements } = NORM.codes[code] ?? { text: "", requirements: [] };
  return { text, requirements: requirements.map((id) => [id, NORM.requirements[id] ?? ""] as const) };
}
