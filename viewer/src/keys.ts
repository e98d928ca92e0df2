// Public keys as people paste them: PEM, or 64 hex digits, or base64 of 32 bytes; any number of them.
import { Misuse } from "../../conformance_tests/testees/typescript/src/index.js";

// What stands before the key in a SubjectPublicKeyInfo of Ed25519 (RFC 8410).
const PREFIX = "302a300506032b6570032100";
const HEX = /^[0-9a-f]{64}$/i;

/** The raw keys in a text. @throws Misuse where something in it is none. */
export function keysIn(text: string): Uint8Array[] {
  const keys: Uint8Array[] = [];
  const rest = text.replace(/-----BEGIN PUBLIC KEY-----([^-]*)-----END PUBLIC KEY-----/g, (_, body: string) => {
    const der = fromBase64(body.replace(/\s/g, ""));
    const start = Array.from(der.subarray(0, 12), hexOf).join("");
    if (start !== PREFIX || der.length !== 44) throw new Misuse("a PEM here is no public key of Ed25519");
    keys.push(der.subarray(12));
    return "";
  });
  for (const word of rest.split(/\s+/).filter(Boolean)) {
    const key = HEX.test(word)
      ? Uint8Array.from(word.match(/../g) as string[], (digits) => parseInt(digits, 16))
      : fromBase64(word);
    if (key.length !== 32) throw new Misuse(`no public key: ${word.slice(0, 40)}`);
    keys.push(key);
  }
  return keys;
}

const hexOf = (byte: number): string => byte.toString(16).padStart(2, "0");

function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    throw new Misuse(`no public key: ${text.slice(0, 40)}`);
  }
}
