// The bundles that SPEC.md shows in hex.
import { readFileSync } from "node:fs";

// From dist/test/ to the norm.
const SPEC = new URL("../../../../../SPEC.md", import.meta.url);
const EXAMPLE = /^```hex (?:bundle|segment) (\w+)[^\n]*\n(.*?)^```/gms;
const LINE = /^[0-9a-f]{4} +((?:[0-9A-F]{2} )*[0-9A-F]{2})(?: |$)/gm;

/** The bytes of each example, by its name. */
export function specExamples(): Map<string, Uint8Array> {
  const examples = new Map<string, Uint8Array>();
  for (const [, name, listing] of readFileSync(SPEC, "utf8").matchAll(EXAMPLE)) {
    const digits = [...(listing as string).matchAll(LINE)].map(([, hex]) => hex).join(" ");
    examples.set(name as string, Uint8Array.from(digits.split(" "), (hex) => parseInt(hex, 16)));
  }
  return examples;
}
