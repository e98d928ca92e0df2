// Artifacts by type and size as areas, on a canvas; the list beside it says the same in words.
import { byId } from "./dom.js";
import type { Model } from "./model.js";
import { squarify, type Box } from "./squarify.js";
import { plural, safe, size } from "./text.js";

// More areas than these are smaller than a pixel.
const MOST_AREAS = 4000;
const LABEL = 18;

interface Area extends Box {
  /** The artifact; none for all that are too small to be drawn. */
  readonly at: number | undefined;
  readonly text: string;
}

/** The picture; a click chooses an artifact. */
export class Treemap {
  readonly #canvas = byId<HTMLCanvasElement>("treemap");
  #areas: Area[] = [];

  constructor(
    readonly model: () => Model | undefined,
    readonly choose: (at: number) => void,
  ) {
    this.#canvas.addEventListener("click", (event) => {
      const at = this.#areaAt(event)?.at;
      if (at !== undefined) this.choose(at);
    });
    this.#canvas.addEventListener("mousemove", (event) => (this.#canvas.title = this.#areaAt(event)?.text ?? ""));
    new ResizeObserver(() => this.draw()).observe(this.#canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  draw(): void {
    const model = this.model();
    const canvas = this.#canvas;
    const { clientWidth: width, clientHeight: height } = canvas;
    const ratio = devicePixelRatio;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const context = canvas.getContext("2d");
    this.#areas = [];
    if (!model || !context || width === 0) return;
    context.scale(ratio, ratio);
    const style = getComputedStyle(canvas);
    const groups = this.#groups(model);
    const boxes = squarify(groups.map(({ total }) => total), { x: 0, y: 0, width, height });
    groups.forEach(({ type, members, total }, index) => {
      const box = boxes[index] as Box;
      context.fillStyle = `hsl(${(index * 137 + 210) % 360} 45% ${style.getPropertyValue("--area-light")})`;
      context.fillRect(box.x, box.y, box.width, box.height);
      const hasLabel = box.height > 2 * LABEL && box.width > 40;
      const top = hasLabel ? LABEL : 0;
      this.#members(model, members, total, { ...box, y: box.y + top, height: box.height - top });
      if (hasLabel) this.#label(context, style, `${safe(type)} · ${size(total)}`, box);
    });
    context.strokeStyle = style.getPropertyValue("--page");
    for (const { x, y, width: w, height: h } of this.#areas) {
      if (w > 2 && h > 2) context.strokeRect(x, y, w, h);
    }
    const said = groups.slice(0, 8).map(({ type, members, total }) => `${safe(type)}: ${plural(members.length, "artifact")}, ${size(total)}`);
    canvas.setAttribute("aria-label", `Artifacts by type and size. ${said.join("; ")}`);
  }

  #groups(model: Model): { type: string; members: number[]; total: number }[] {
    const byType = new Map<string, { type: string; members: number[]; total: number }>();
    for (let at = 0; at < model.count; at++) {
      if (model.size(at) === 0) continue;
      const { segment, index } = model.place(at);
      const type = segment.manifest.artifacts.typeName(index);
      const group = byType.get(type) ?? { type, members: [], total: 0 };
      byType.set(type, group);
      group.members.push(at);
      group.total += model.size(at);
    }
    return [...byType.values()].sort((a, b) => b.total - a.total);
  }

  #members(model: Model, members: number[], total: number, box: Box): void {
    const sorted = members.sort((a, b) => model.size(b) - model.size(a));
    const drawn = sorted.slice(0, MOST_AREAS);
    const weights = drawn.map((at) => model.size(at));
    const rest = total - weights.reduce((sum, weight) => sum + weight, 0);
    // The small ones together, last whatever their sum is: it shows that they are not one.
    const boxes = squarify(rest > 0 ? [...weights, rest] : weights, box);
    boxes.forEach((each, index) => {
      const at = drawn[index];
      const text = at === undefined
        ? `${plural(sorted.length - drawn.length, "smaller artifact")}, ${size(rest)}`
        : `${safe(model.row(at).key)}, ${size(model.size(at))}`;
      this.#areas.push({ ...each, at, text });
    });
  }

  #label(context: CanvasRenderingContext2D, style: CSSStyleDeclaration, text: string, box: Box): void {
    context.save();
    context.beginPath();
    context.rect(box.x, box.y, box.width, LABEL);
    context.clip();
    context.fillStyle = style.getPropertyValue("--text");
    context.font = "12px system-ui, sans-serif";
    context.fillText(text, box.x + 4, box.y + 13);
    context.restore();
  }

  #areaAt({ offsetX, offsetY }: MouseEvent): Area | undefined {
    return this.#areas.find(({ x, y, width, height }) =>
      offsetX >= x && offsetX < x + width && offsetY >= y && offsetY < y + height);
  }
}
