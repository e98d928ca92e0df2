// The parts of the page that say one thing each of an open bundle.
import { Match, Policy, Rejection } from "../../conformance_tests/testees/typescript/src/index.js";
import { unmet } from "../../conformance_tests/testees/typescript/src/environment.js";
import { toHex } from "../../conformance_tests/testees/typescript/src/bytes.js";
import { byId, element, table } from "./dom.js";
import { signed, type Model } from "./model.js";
import { kindName, plural, safe, size } from "./text.js";

const MOST_SEGMENTS = 500;
const MOST_SHARED = 100;
const MOST_VALUES = 20;

export function showSummary(name: string, { bundle, count, source }: Model): void {
  const chains = bundle.segments.filter(({ beginsChain }) => beginsChain).length;
  const rows: [string, string][] = [
    ["Name", safe(name)],
    ["Size", `${size(source.size)} (${source.size.toLocaleString("en")} bytes)`],
    ["Holds", `${plural(bundle.segments.length, "segment")} in ${plural(chains, "chain")}, ${plural(count, "artifact")}`],
    ["Digest", toHex(bundle.digest)],
  ];
  if (bundle.ignored > 0) rows.push(["Left out", `${plural(bundle.ignored, "byte")} behind the last whole segment`]);
  byId("summary").replaceChildren(...rows.flatMap(([label, value]) => [element("dt", {}, label), element("dd", {}, value)]));
}

/** Each chain a row, each segment a bar as wide as it is large, its index drawn apart from its blocks. */
export function showChains({ bundle }: Model, choose: (segment: number) => void): void {
  const chains: HTMLElement[] = [];
  bundle.segments.slice(0, MOST_SEGMENTS).forEach((segment, number) => {
    if (segment.beginsChain) chains.push(element("ol", { class: "chain", "aria-label": `chain ${chains.length}` }));
    const { artifacts, blocks, removed, requirements } = segment.manifest;
    let external = 0;
    for (let index = 0; index < blocks.length; index++) if (blocks.isExternal(index)) external++;
    const facts = [
      `segment ${number}`, size(segment.size), plural(artifacts.length, "artifact"),
      plural(blocks.length - external, "block"),
      ...(external ? [`${external} of earlier segments`] : []),
      ...(removed.length ? [`removes ${removed.length}`] : []),
      segment.matches ? "" : "does not fit the host",
    ].filter(Boolean);
    const index = segment.offset + segment.size - segment.manifestOffset;
    const bar = element("span", { class: "bar", "aria-hidden": "true" }, element("span", { class: "index" }));
    (bar.firstElementChild as HTMLElement).style.width = `${Math.max(4, (100 * index) / segment.size)}%`;
    const button = element("button", { type: "button", "data-segment": number, class: segment.matches ? "segment" : "segment unfit" },
      bar, element("span", {}, facts.join(", ")));
    button.title = `${plural(requirements.length, "requirement")}; written by ${safe(`${segment.manifest.producer.name} ${segment.manifest.producer.version}`)}`;
    button.addEventListener("click", () => choose(number));
    const item = element("li", {}, button);
    item.style.flexGrow = String(Math.sqrt(segment.size));
    chains.at(-1)?.append(item);
  });
  const more = bundle.segments.length - MOST_SEGMENTS;
  if (more > 0) chains.push(element("p", {}, `and ${plural(more, "segment")} more`));
  byId("chains").replaceChildren(...chains);
}

export function showShared(model: Model): void {
  const all = model.shared();
  const rows = all.slice(0, MOST_SHARED).map((at) => {
    const { type, key, size: bytes } = model.row(at);
    const times = model.named[at] as number;
    return [safe(`${type} ${key}`), size(bytes), String(times), size(bytes * (times - 1)), model.digest(at).slice(0, 16)];
  });
  byId("shared").replaceChildren(
    all.length === 0 ? element("p", {}, "No content is named twice.")
      : table(`${plural(all.length, "content")} named more than once${all.length > rows.length ? `, the ${rows.length} that save most` : ""}`,
        ["First named as", "Size", "Times", "Not stored again", "Digest"], rows));
}

/** Requirements beside the host's facts: what differs is said, and not by colour alone. */
export function showRequirements({ bundle, asked: { host } }: Model): void {
  // Segments of one environment are one table.
  const groups = new Map<string, number[]>();
  bundle.segments.forEach(({ manifest }, number) => {
    const text = JSON.stringify(manifest.requirements);
    groups.set(text, [...(groups.get(text) ?? []), number]);
  });
  const shown = [...groups.values()].slice(0, MOST_SEGMENTS).map((numbers) => {
    const { requirements } = (bundle.segments[numbers[0] as number] as { manifest: Model["bundle"]["segments"][number]["manifest"] }).manifest;
    const missed = new Set(host ? unmet(requirements, host) : []);
    const caption = `${numbers.length === 1 ? "segment" : "segments"} ${numbers.slice(0, MOST_VALUES).join(", ")}${numbers.length > MOST_VALUES ? ", …" : ""}`;
    if (requirements.length === 0) return element("p", {}, `${caption}: nothing is required of a host`);
    return table(caption + (host ? (missed.size ? `: ${missed.size} not met` : ": all met") : ""),
      ["Fact", "Match", "Required", ...(host ? ["On the host", "Verdict"] : [])],
      requirements.map((requirement) => {
        const { name, match, values } = requirement;
        const cells: (Node | string)[] = [safe(name), (Match[match] ?? `match ${match}`).toLowerCase(), valuesOf(values)];
        if (!host) return cells;
        const actual = host.get(name);
        return [...cells, actual ? valuesOf([...actual]) : "unknown",
          element("strong", { class: missed.has(requirement) ? "bad" : "good" }, missed.has(requirement) ? "differs" : "met")];
      }));
  });
  byId("requirements").replaceChildren(...shown);
}

const valuesOf = (values: readonly string[]): string =>
  safe(values.slice(0, MOST_VALUES).join(", ")) + (values.length > MOST_VALUES ? `, and ${values.length - MOST_VALUES} more` : "");

export async function showSignatures(model: Model): Promise<void> {
  const { keys, threshold } = model.asked;
  const policy = keys ? await Policy.signedBy(keys, threshold ?? 1) : Policy.unsigned;
  const rows: string[][] = [];
  for (const [number, segment] of model.bundle.segments.slice(0, MOST_SEGMENTS).entries()) {
    const { keyids, rejection } = await signed(model.source, segment, policy);
    const verdict = keys ? (rejection ? nameOf(rejection) : "accepted") : "not checked: no key is given";
    rows.push([`segment ${number}`, keyids.map((id) => safe(id) || "a key without a name").join(", ") || "nobody", verdict]);
  }
  byId("signatures").replaceChildren(table("Who signed", ["Segment", "Signed by key", "By the keys given"], rows));
}

const nameOf = (rejection: Rejection): string => rejection.message;

/** One artifact: what is said of it, and a way to keep it. */
export function showArtifact(model: Model, at: number, save: () => void): void {
  const { segment, index, number } = model.place(at);
  const artifact = segment.artifact(index);
  const rows: [string, string][] = [
    ["Type", safe(artifact.type)], ["Key", safe(artifact.key)], ["Kind", kindName(artifact.kind)],
    ["Size", `${size(model.size(at))} (${model.size(at).toLocaleString("en")} bytes)`],
    ["Digest", model.digest(at)],
    ["Segment", `${number}, ${model.isCurrent(at) ? "current" : "superseded, removed, or of a segment that does not fit"}`],
    ["Named", model.named[at] === 1 ? "once" : `${model.named[at]} times, stored once within a chain`],
    ...artifact.attributes.slice(0, 200).map(({ name, value }): [string, string] => [safe(name), valueOf(value)]),
    ...artifact.backends.slice(0, 200).map(({ type, key }): [string, string] => ["Names backend", safe(`${type} ${key}`)]),
  ];
  const button = element("button", { type: "button", id: "save" }, "Save its content to a file");
  button.addEventListener("click", save);
  byId("artifact").replaceChildren(
    element("dl", {}, ...rows.flatMap(([label, value]) => [element("dt", {}, label), element("dd", {}, value)])),
    button, element("p", { id: "saved", role: "status" }),
  );
}

function valueOf(value: { type: string; value?: unknown }): string {
  if (value.type === "unknown") return "of a type that this page does not know";
  const text = value.value instanceof Uint8Array ? toHex(value.value.subarray(0, 200)) : String(value.value);
  return safe(text.length > 2000 ? `${text.slice(0, 2000)}…` : text);
}
