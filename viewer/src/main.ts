// The page: what is opened, with what, and what is shown of it. Nothing leaves the page.
import {
  BlobSource, ErrorCode, Misuse, Rejection, type ByteSource,
} from "../../conformance_tests/testees/typescript/src/index.js";
import { annotate } from "./annotate.js";
import { ArtifactList } from "./artifact_list.js";
import { byId, element } from "./dom.js";
import { factsIn } from "./facts.js";
import { keysIn } from "./keys.js";
import { Model, type Asked } from "./model.js";
import { meaningOf } from "./rejections.js";
import { showArtifact, showChains, showRequirements, showShared, showSignatures, showSummary } from "./sections.js";
import { EmbeddedSource, NoRanges, RangeSource, type Embedded } from "./sources.js";
import { safe, size } from "./text.js";
import { Treemap } from "./treemap.js";

// A whole file is read, or all of one is checked, unasked only where it is small.
const SMALL = 64 * 2 ** 20;
const FEW = 20_000;
const MOST_LINES = 20_000;
const BYTES_OF_A_VALUE = 128;

let opened: { source: ByteSource; name: string } | undefined;
let model: Model | undefined;
// Of several openings the last one counts, whatever ends first.
let opening = 0;

const choose = (at: number): void => {
  if (!model) return;
  const shown = model;
  showArtifact(shown, at, () => void save(shown, at));
  byId("artifact-section").scrollIntoView({ block: "nearest" });
  byId("artifact-title").focus();
};
const list = new ArtifactList(() => model, choose);
const treemap = new Treemap(() => model, choose);

/** What the inputs of the page ask for. */
function asked(): Asked {
  const facts = byId<HTMLTextAreaElement>("facts").value;
  const keys = byId<HTMLTextAreaElement>("keys").value;
  const digest = byId<HTMLInputElement>("expected").value.trim();
  if (digest !== "" && !/^[0-9a-f]{64}$/i.test(digest)) throw new Misuse("a digest is 64 hex digits");
  const host = factsIn(facts);
  const isSigned = keys.trim() !== "" || byId<HTMLInputElement>("signed").checked;
  return {
    recover: byId<HTMLInputElement>("recover").checked,
    ...(host && { host }),
    ...(isSigned && { keys: keysIn(keys), threshold: Number(byId<HTMLInputElement>("threshold").value) }),
    ...(digest && { expectedDigest: Uint8Array.from(digest.match(/../g) as string[], (each) => parseInt(each, 16)) }),
  };
}

/** Opens a source, shows it or why it is refused, and tells so by the event `shown`. */
async function open(source: ByteSource, name: string, more: Partial<Asked> = {}): Promise<void> {
  const number = ++opening;
  opened = { source, name };
  say(`Opening ${safe(name)} …`);
  let found: Model | undefined;
  let fault: unknown;
  try {
    found = await Model.open(source, { ...asked(), ...more });
  } catch (error) {
    fault = error;
  }
  if (number !== opening) return;
  model = found;
  document.body.dataset["state"] = found ? "open" : "refused";
  byId("refusal").replaceChildren();
  byId("content-faults").replaceChildren();
  byId("artifact").replaceChildren();
  byId("bytes").textContent = "";
  byId("checked").textContent = "";
  if (found) {
    showSummary(name, found);
    showChains(found, (segment) => void showBytes(segment));
    showShared(found);
    showRequirements(found);
    await showSignatures(found);
    byId("said").textContent = `${safe(name)} is open.` + readSoFar(source);
  } else {
    showFault(byId("refusal"), name, fault);
  }
  treemap.draw();
  list.show();
  if (found && source.size <= SMALL && found.count <= FEW && !(source instanceof RangeSource) && !(source instanceof EmbeddedSource)) {
    await verify(number);
  } else {
    document.dispatchEvent(new CustomEvent("shown", { detail: { fault } }));
  }
}

const readSoFar = (source: ByteSource): string =>
  source instanceof RangeSource ? ` ${size(source.bytesRead)} of ${size(source.size)} were read, in ${source.requests} requests.` : "";

/** Checks every block and content of what is open. */
async function verify(number = opening): Promise<void> {
  if (!model) return;
  byId("checked").textContent = "Checking every block and content …";
  let verification;
  let fault: unknown;
  try {
    verification = await model.verify();
  } catch (error) {
    fault = error;
  }
  if (number !== opening) return;
  const found = verification?.fault;
  byId("checked").textContent = found || fault ? "Not everything could be checked, or is right:" : "Every block and every content is right.";
  if (found ?? fault) showFault(byId("content-faults"), "content", found ?? fault);
  const faults = [...(verification?.contentFaults ?? [])].slice(0, 100);
  byId("content-faults").append(element("ul", {}, ...faults.map(([{ type, key }, each]) =>
    element("li", {}, `${safe(`${type} ${key}`)}: ${safe(each.message)}`))));
  document.dispatchEvent(new CustomEvent("shown", { detail: { verification, fault } }));
}

/** A refusal with its code, its offset and the requirements that it is for; anything else in its words. */
function showFault(place: HTMLElement, name: string, fault: unknown): void {
  const detail = fault instanceof Error ? fault.message : String(fault);
  if (!(fault instanceof Rejection)) {
    const kind = fault instanceof Misuse ? "This cannot be asked for" : `${safe(name)} cannot be read`;
    place.replaceChildren(element("p", {}, element("strong", {}, kind), `: ${safe(detail)}`));
    say(`${kind}: ${safe(detail)}`);
    return;
  }
  const code = ErrorCode[fault.code] ?? String(fault.code);
  const { text, requirements } = meaningOf(code);
  place.replaceChildren(
    element("p", {}, element("strong", { class: "code" }, code),
      fault.offset === undefined ? "" : element("span", { class: "offset" }, ` at byte ${fault.offset}`)),
    element("p", {}, safe(detail.slice(detail.indexOf(": ") + 2))),
    element("p", {}, text),
    element("p", {}, "Required by:"),
    element("ul", {}, ...requirements.map(([id, sentence]) => element("li", {}, element("code", {}, id), ` ${sentence}`))),
  );
  if (fault.code === ErrorCode.TRUNCATED) {
    const button = element("button", { type: "button" }, "Show what is whole");
    button.addEventListener("click", () => {
      byId<HTMLInputElement>("recover").checked = true;
      void again();
    });
    place.append(button);
  }
  if (place.id === "refusal") {
    const bytes = element("button", { type: "button" }, "Show its bytes");
    bytes.addEventListener("click", () => void showBytes(undefined));
    place.append(bytes);
  }
  say(`${safe(name)}: ${code}`);
}

async function showBytes(segment: number | undefined): Promise<void> {
  if (!opened) return;
  const { source } = opened;
  const chosen = segment === undefined ? undefined : model?.bundle.segments[segment];
  const start = chosen?.offset ?? 0;
  const end = chosen ? chosen.offset + chosen.size : source.size;
  const lines: string[] = [];
  try {
    for await (const line of annotate(source, start, end, BYTES_OF_A_VALUE)) {
      if (lines.push(line) < MOST_LINES) continue;
      lines.push("-- and more; precompile inspect --bytes prints all");
      break;
    }
  } catch (error) {
    lines.push(`-- ${(error as Error).message}`);
  }
  if (opened.source !== source) return;
  byId("bytes").textContent = lines.join("\n");
  byId("bytes-title").textContent = chosen ? `Bytes of segment ${segment}` : "Bytes";
  byId("bytes-title").focus();
  byId("bytes-section").scrollIntoView({ block: "nearest" });
}

async function save(shown: Model, at: number): Promise<void> {
  const { segment, index } = shown.place(at);
  try {
    const content = await shown.bundle.read(segment.artifact(index));
    const url = URL.createObjectURL(new Blob([content as Uint8Array<ArrayBuffer>], { type: "application/octet-stream" }));
    const name = (segment.artifact(index).key.split(/[\\/]/).at(-1) ?? "").replace(/[^\w.-]/g, "_").replace(/^\.+/, "").slice(0, 100);
    const link = element("a", { href: url, download: name || "artifact" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    byId("saved").textContent = `${size(content.length)}, checked against its digest, were saved.`;
  } catch (error) {
    showFault(byId("saved"), "the content", error);
  }
}

const say = (text: string): void => {
  byId("said").textContent = text;
};

async function again(): Promise<void> {
  if (!opened) return;
  await open(opened.source, opened.name);
}

async function openUrl(url: string): Promise<void> {
  const name = url.split("/").at(-1) || url;
  try {
    await open(await RangeSource.open(new URL(url, location.href).href), name);
  } catch (error) {
    opening++;
    model = undefined;
    document.body.dataset["state"] = "refused";
    showFault(byId("refusal"), name, error);
    if (error instanceof NoRanges && error.size !== undefined && error.size <= SMALL) {
      const button = element("button", { type: "button", id: "whole" }, `Read all ${size(error.size)} of it`);
      button.addEventListener("click", async () => {
        const response = await fetch(error.url, { credentials: "omit" });
        await openBlob(await response.blob(), name);
      });
      byId("refusal").append(button);
    }
    document.dispatchEvent(new CustomEvent("shown", { detail: { fault: error } }));
  }
}

const openBlob = (blob: Blob, name: string, more?: Partial<Asked>): Promise<void> => open(new BlobSource(blob), name, more);

// For scripts that drive the page: what the file dialog does, with limits that the page has no field for.
Object.assign(globalThis, { precompileViewer: { openBlob } });

byId<HTMLInputElement>("file").addEventListener("change", ({ target }) => {
  const [file] = (target as HTMLInputElement).files ?? [];
  if (file) void openBlob(file, file.name);
});
byId("url-form").addEventListener("submit", (event) => {
  event.preventDefault();
  void openUrl(byId<HTMLInputElement>("url").value);
});
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  const [file] = event.dataTransfer?.files ?? [];
  if (file) void openBlob(file, file.name);
});
for (const id of ["facts", "keys", "threshold", "signed", "expected", "recover"]) {
  byId(id).addEventListener("change", () => void again());
}
byId("verify").addEventListener("click", () => void verify());

const embedded = byId("embedded")?.textContent;
const fragment = new URLSearchParams(location.hash.slice(1)).get("url");
list.show();
if (embedded?.trim()) {
  const bundle = JSON.parse(embedded) as Embedded;
  void open(new EmbeddedSource(bundle), bundle.name);
} else if (fragment !== null) {
  byId<HTMLInputElement>("url").value = fragment;
  void openUrl(fragment);
}
