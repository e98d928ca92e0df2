// Which names are valid, and how text is ordered.

const NAME = /^[a-z][a-z0-9_.]*$/;
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const MAX_NAME = 128;
export const MAX_KEY = 1024;
const MAX_VALUE = 1024;

const UTF8 = new TextEncoder();

/** Whether text takes at most `limit` bytes of UTF-8. No UTF-16 unit takes less than one. */
function fits(text: string, limit: number): boolean {
  return text.length <= limit && (3 * text.length <= limit || UTF8.encode(text).length <= limit);
}

// [PCB-NAME-001] Of a type, a fact or an attribute.
export function isName(text: string): boolean {
  return text.length <= MAX_NAME && NAME.test(text);
}

// [PCB-NAME-002]
export function isKey(text: string): boolean {
  return text !== "" && fits(text, MAX_KEY) && !CONTROL.test(text);
}

// [PCB-REQ-004] Of a requirement.
export function isValue(text: string): boolean {
  return fits(text, MAX_VALUE);
}

/** Negative where `a` comes before `b` by their UTF-8 bytes, which JavaScript's `<` does not tell. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const left = a.charCodeAt(at);
    const right = b.charCodeAt(at);
    if (left === right) continue;
    // Surrogates stand for what is above all other units.
    const isAbove = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff;
    if (isAbove(left) !== isAbove(right)) return isAbove(left) ? 1 : -1;
    return left - right;
  }
  return a.length - b.length;
}
