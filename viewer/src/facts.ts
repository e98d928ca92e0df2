// A host's facts as `precompile explain --print-host` writes them.
import { Misuse, type Host } from "../../conformance_tests/testees/typescript/src/index.js";

/** The facts in a text; none in an empty one. @throws Misuse where it holds something else. */
export function factsIn(text: string): Host | undefined {
  if (text.trim() === "") return undefined;
  let host: unknown;
  try {
    host = (JSON.parse(text) as { host?: unknown } | null)?.host;
  } catch {
    host = undefined;
  }
  if (typeof host !== "object" || host === null || Array.isArray(host)) {
    throw new Misuse("no facts of a host, as `precompile explain --print-host` writes them");
  }
  const facts = new Map<string, ReadonlySet<string>>();
  for (const [name, given] of Object.entries(host)) {
    const values = Array.isArray(given) ? given : [given];
    if (!values.every((value) => typeof value === "string")) throw new Misuse(`the fact ${name} is no text`);
    facts.set(name, new Set(values as string[]));
  }
  return facts;
}
