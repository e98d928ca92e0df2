// What SPEC.md and the examples beside it show in hex, and what a changed byte does to it.
import { readFileSync } from "node:fs";

// From dist/test/ to the norm.
const ROOT = new URL("../../../../../", import.meta.url);
const EXAMPLE = /^```hex (?:bundle|segment) (\w+)[^\n]*\n(.*?)^```/gms;
const LINE = /^[0-9a-f]{4} +((?:[0-9A-F]{2} )*[0-9A-F]{2})(?: |$)/gm;
const CHANGE = /^\| (hello|again) \| (\w{4}) \| (\w\w) \| (\w\w) \| (\w+) \| (\d+) \|$/gm;

const textOf = (path: string): string => readFileSync(new URL(path, ROOT), "utf8");

/** The bytes of each example, by its name. */
export function specExamples(): Map<string, Uint8Array> {
  const examples = new Map<string, Uint8Array>();
  const text = textOf("SPEC.md") + textOf("docs/examples.md");
  for (const [, name, listing] of text.matchAll(EXAMPLE)) {
    const digits = [...(listing as string).matchAll(LINE)].map(([, hex]) => hex).join(" ");
    examples.set(name as string, Uint8Array.from(digits.split(" "), (hex) => parseInt(hex, 16)));
  }
  return examples;
}

export interface Change {
  readonly of: string;
  readonly at: number;
  readonly from: number;
  readonly to: number;
  readonly code: string;
  readonly offset: number;
}

/** The table of changed bytes. */
export function specChanges(): Change[] {
  return Array.from(textOf("SPEC.md").matchAll(CHANGE), ([, of, at, from, to, code, offset]) => ({
    of: of as string, at: parseInt(at as string, 16),
    from: parseInt(from as string, 16), to: parseInt(to as string, 16),
    code: code as string, offset: Number(offset),
  }));
}
