// Numbers and names as a person reads them.
import { ArtifactKind } from "../../conformance_tests/testees/typescript/src/index.js";

/** Bytes in decimal units, three digits: 612 B, 4.61 kB. */
export function size(count: number): string {
  if (count < 1000) return `${count} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = count;
  let unit = "B";
  for (unit of units) {
    value /= 1000;
    if (value < 999.5) break;
  }
  return `${value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0)} ${unit}`;
}

export const plural = (count: number, noun: string): string =>
  `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

/** A text with what does not print spelled out: a key must not turn the text around it. */
export function safe(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (char) => `\\u{${(char.codePointAt(0) as number).toString(16)}}`);
}

export const kindName = (kind: number): string => (ArtifactKind[kind] ?? `kind ${kind}`).toLowerCase();
