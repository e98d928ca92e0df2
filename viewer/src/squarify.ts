// A treemap's layout: rectangles with areas in proportion, as nearly square as they come
// (Bruls, Huizing and van Wijk, 2000).

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A rectangle for each weight, which are positive and sorted, the largest first. */
export function squarify(weights: readonly number[], within: Box): Box[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const scale = total > 0 ? (within.width * within.height) / total : 0;
  const boxes: Box[] = [];
  let { x, y, width, height } = within;
  for (let at = 0; at < weights.length; ) {
    const side = Math.min(width, height);
    let end = at;
    let area = 0;
    let worst = Infinity;
    const largest = (weights[at] as number) * scale;
    while (end < weights.length) {
      const next = (weights[end] as number) * scale;
      const sum = area + next;
      const ratio = Math.max((side * side * largest) / (sum * sum), (sum * sum) / (side * side * next));
      if (ratio > worst) break;
      worst = ratio;
      area = sum;
      end++;
    }
    if (end === at) end++;
    const depth = side > 0 ? area / side : 0;
    let along = 0;
    for (; at < end; at++) {
      const length = depth > 0 ? ((weights[at] as number) * scale) / depth : 0;
      boxes.push(
        width >= height
          ? { x, y: y + along, width: depth, height: length }
          : { x: x + along, y, width: length, height: depth },
      );
      along += length;
    }
    if (width >= height) {
      x += depth;
      width -= depth;
    } else {
      y += depth;
      height -= depth;
    }
  }
  return boxes;
}
