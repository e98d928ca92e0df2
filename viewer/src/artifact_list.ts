// All artifacts as a list that scrolls: of a hundred thousand, only the rows in sight are elements.
import type { Model, SortBy } from "./model.js";
import { byId, element } from "./dom.js";
import { kindName, plural, safe, size } from "./text.js";

const ROW = 28;
// Engines draw no element higher than some 33 million pixels: rows beyond are reached by searching.
const MOST_ROWS = 1_000_000;
const COLUMNS: readonly [SortBy | undefined, string][] = [
  ["type", "Type"], ["key", "Key"], [undefined, "Kind"], ["size", "Size"], ["named", "Named"], ["order", "Segment"],
];

/** The list, its search and its sort. */
export class ArtifactList {
  #rows: Uint32Array = new Uint32Array(0);
  #by: SortBy = "size";
  #isDescending = true;
  #chosen = 0;
  readonly #grid = byId("artifacts");
  readonly #body = byId("artifact-rows");
  readonly #search = byId<HTMLInputElement>("search");

  constructor(
    readonly model: () => Model | undefined,
    /** Called with the number of the artifact that was chosen. */
    readonly choose: (at: number) => void,
  ) {
    this.#search.addEventListener("input", () => this.show());
    this.#grid.addEventListener("scroll", () => this.#draw());
    this.#grid.addEventListener("keydown", (event) => this.#key(event));
    this.#body.addEventListener("click", ({ target }) => {
      const at = (target as Element).closest<HTMLElement>("[data-row]")?.dataset["row"];
      if (at !== undefined) this.#select(Number(at), true);
    });
    new ResizeObserver(() => this.#draw()).observe(this.#grid);
  }

  /** Shows what the search finds, from the beginning. */
  show(): void {
    const model = this.model();
    this.#rows = model ? model.find(this.#search.value, this.#by, this.#isDescending) : new Uint32Array(0);
    this.#chosen = 0;
    this.#heads();
    this.#grid.setAttribute("aria-rowcount", String(this.#rows.length + 1));
    this.#body.style.height = `${Math.min(this.#rows.length, MOST_ROWS) * ROW}px`;
    this.#grid.scrollTop = 0;
    byId("found").textContent = model ? `${plural(this.#rows.length, "artifact")} of ${model.count.toLocaleString("en")}` : "";
    this.#draw();
  }

  #heads(): void {
    byId("artifact-heads").replaceChildren(...COLUMNS.map(([by, name]) => {
      const isSorted = by === this.#by;
      const sort = isSorted ? (this.#isDescending ? "descending" : "ascending") : "none";
      const head = element("span", { role: "columnheader", "aria-sort": sort });
      if (by === undefined) head.textContent = name;
      else {
        const button = element("button", { type: "button" }, name + (isSorted ? (this.#isDescending ? " ▼" : " ▲") : ""));
        button.addEventListener("click", () => {
          this.#isDescending = isSorted ? !this.#isDescending : by === "size" || by === "named";
          this.#by = by;
          this.show();
          (byId("artifact-heads").children[COLUMNS.findIndex(([each]) => each === by)]?.firstElementChild as HTMLElement).focus();
        });
        head.append(button);
      }
      return head;
    }));
  }

  #draw(): void {
    const model = this.model();
    if (!model) return this.#body.replaceChildren();
    const { scrollTop, clientHeight } = this.#grid;
    const first = Math.max(0, Math.floor(scrollTop / ROW) - 8);
    const last = Math.min(this.#rows.length, MOST_ROWS, Math.ceil((scrollTop + clientHeight) / ROW) + 8);
    const drawn: HTMLElement[] = [];
    for (let row = first; row < last; row++) {
      const at = this.#rows[row] as number;
      const { type, key, kind, segment, size: bytes } = model.row(at);
      const named = model.named[at] as number;
      const isChosen = row === this.#chosen;
      const cells = [safe(type), safe(key), kindName(kind), size(bytes), named > 1 ? `${named} times` : "once", String(segment)];
      const made = element("div", {
        role: "row", id: `row-${row}`, "data-row": row, "aria-rowindex": row + 2, "aria-selected": String(isChosen),
        class: model.isCurrent(at) ? "row" : "row superseded",
      }, ...cells.map((cell) => element("span", { role: "gridcell", title: cell }, cell)));
      made.style.transform = `translateY(${row * ROW}px)`;
      drawn.push(made);
    }
    this.#body.replaceChildren(...drawn);
    if (this.#rows.length > 0) this.#grid.setAttribute("aria-activedescendant", `row-${this.#chosen}`);
    else this.#grid.removeAttribute("aria-activedescendant");
  }

  #key(event: KeyboardEvent): void {
    if (event.target !== this.#grid || this.#rows.length === 0) return;
    const page = Math.max(1, Math.floor(this.#grid.clientHeight / ROW) - 2);
    const steps: Record<string, number> = {
      ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity,
    };
    const step = steps[event.key];
    if (step === undefined && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    this.#select(this.#chosen + (step ?? 0), step === undefined);
  }

  #select(row: number, isOpened: boolean): void {
    this.#chosen = Math.max(0, Math.min(Math.min(this.#rows.length, MOST_ROWS) - 1, row));
    const top = this.#chosen * ROW;
    const { scrollTop, clientHeight } = this.#grid;
    const heads = ROW;
    if (top < scrollTop) this.#grid.scrollTop = top;
    else if (top + ROW + heads > scrollTop + clientHeight) this.#grid.scrollTop = top + ROW + heads - clientHeight;
    this.#draw();
    if (isOpened) this.choose(this.#rows[this.#chosen] as number);
  }
}
