// Binary search in numbers that ascend.

/** Index of the first of `ascending` that is not below `value`; their number where there is none. */
export function lowerBound(ascending: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Where `value` is in `ascending`, if it is there. */
export function indexOf(ascending: ArrayLike<number>, value: number): number | undefined {
  const index = lowerBound(ascending, value);
  return ascending[index] === value ? index : undefined;
}
