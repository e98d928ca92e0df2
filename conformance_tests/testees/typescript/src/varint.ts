// Minimal varints, as the framing has them.

/** The varint at `at`: its value and its own length. */
export interface Varint {
  readonly value: bigint;
  readonly size: number;
}

/** The minimal varint below 2^64 that begins at `at`; none where there is no such one. */
export function minimalVarint(bytes: Uint8Array, at: number): Varint | undefined {
  let value = 0n;
  for (let size = 1; size <= 10; size++) {
    const byte = bytes[at + size - 1];
    if (byte === undefined) return undefined;
    value |= BigInt(byte & 0x7f) << BigInt(7 * (size - 1));
    if (byte >= 0x80) continue;
    const isMinimal = byte !== 0 || size === 1;
    return isMinimal && value < 1n << 64n ? { value, size } : undefined;
  }
  return undefined;
}

/** Bytes of `value` as a minimal varint. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
}

export function writeVarint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return bytes;
}
