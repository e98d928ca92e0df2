// Elements with text in them. Nothing of a bundle ever becomes markup.

type Child = Node | string;

/** An element with attributes and children; a child that is text stays text. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K, attributes: Record<string, string | number> = {}, ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/** The page's own element with this id. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

/** A table of rows with a heading over each column; a row's first cell is its name. */
export function table(caption: string, heads: readonly string[], rows: readonly (readonly Child[])[]): HTMLTableElement {
  return element(
    "table", {},
    element("caption", {}, caption),
    element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))),
    element("tbody", {}, ...rows.map(([name, ...cells]) =>
      element("tr", {}, element("th", { scope: "row" }, name as Child), ...cells.map((cell) => element("td", {}, cell))),
    )),
  );
}
